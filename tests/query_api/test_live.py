"""The live feed: what changed, to whom, from where on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx2
import orjson
import pytest
from clickhouse_connect.driver import Client
from fastapi import FastAPI

from clickhouse.connect import Database
from query_api import live
from query_api.app import create_app
from query_api.filters import Filter, OneOf
from query_api.problems import Problem, away
from query_api.settings import ApiSettings
from tests.clickhouse.stored import settle, store
from tests.query_api.asking import keys_of, span, turn

pytestmark = pytest.mark.anyio

Told = tuple[str, Any]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.2)


class Ear:
    """Listens as EventSource does, to the application itself: test clients collect whole answers."""

    def __init__(self, app: FastAPI, project: str, query: str = "", since: str | None = None) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.status = 0
        headers = [(b"authorization", f"Bearer content of {project}".encode())]
        if since is not None:
            headers.append((b"last-event-id", since.encode()))
        scope = {
            "type": "http", "method": "GET", "path": "/api/live", "raw_path": b"/api/live", "headers": headers,
            "query_string": query.encode(), "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http",
            "http_version": "1.1", "root_path": "", "app": app,
        }  # fmt: skip
        self._gone = asyncio.Event()
        self.task = asyncio.create_task(cast("Any", app)(scope, self._receive, self._send))
        self._text = b""

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.pieces.put_nowait(message.get("body", b""))

    async def block(self) -> dict[str, str]:
        """The fields of the next event or comment."""
        while b"\n\n" not in self._text:
            self._text += await asyncio.wait_for(self.pieces.get(), 20)
        block, _, self._text = self._text.partition(b"\n\n")
        return dict(line.split(": ", 1) for line in block.decode().split("\n"))

    async def told(self, number: int) -> list[Told]:
        """The next events, comments left out."""
        events: list[Told] = []
        while len(events) < number:
            fields = await self.block()
            if "event" in fields:
                self.last_id = fields["id"]
                events.append((fields["event"], orjson.loads(fields["data"])))
        return events

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, 10)


@pytest.fixture
async def app(shared_database: Database, project: str, data_dir: Path) -> AsyncIterator[FastAPI]:
    served = create_app(ApiSettings(shared_database, data_dir, projects=keys_of(project)))
    async with served.router.lifespan_context(served):
        yield served


async def change(client: Client, project: str, *spans: dict[str, Any]) -> None:
    def work() -> None:
        store(client, [span | {"project_id": project} for span in spans])
        settle(client)

    await asyncio.to_thread(work)


async def test_what_changes_is_told(app: FastAPI, shared_client: Client, project: str) -> None:
    """Each change once, as it stands then; what was there before is not."""
    await change(shared_client, project, span(session_id="before"))
    ear = Ear(app, project)
    assert "retry" in await ear.block()
    await change(shared_client, project, turn(session_id="s", cost_usd="0.5"))
    [(kind, data)] = await ear.told(1)
    assert (kind, data["session_id"], data["turns"], data["cost_usd"]) == ("session", "s", 1, 0.5)
    assert data["last_active_at"].endswith("Z")
    await change(shared_client, project, turn(session_id="s"))
    [(kind, data)] = await ear.told(1)
    assert (data["session_id"], data["turns"]) == ("s", 2)
    await ear.leave()


async def test_listeners_hear_what_they_asked_for(app: FastAPI, shared_client: Client, project: str) -> None:
    """Each by its own filter, from one poll."""
    ears = [Ear(app, project, query) for query in ("", "user_id=ada", "q=errors:%3E0")]
    for ear in ears:
        await ear.block()
    spans = [turn(session_id="a", user_id="ada"), turn(session_id="b", failed=True), span(session_id="c")]
    await change(shared_client, project, *spans)
    told = [await ear.told(number) for ear, number in zip(ears, (3, 1, 1), strict=True)]
    heard = [sorted(data["session_id"] for _, data in events) for events in told]
    assert heard == [["a", "b", "c"], ["a"], ["b"]]
    for ear in ears:
        await ear.leave()


async def test_who_comes_back_is_told_what_they_missed(app: FastAPI, shared_client: Client, project: str) -> None:
    """From the id that they heard last; deletions too."""
    ear = Ear(app, project)
    await ear.block()
    await change(shared_client, project, span(session_id="first"))
    await ear.told(1)
    await ear.leave()
    await change(shared_client, project, span(session_id="missed"))
    again = Ear(app, project, since=ear.last_id)
    assert "missed" in [data["session_id"] for _, data in await again.told(2)]
    await again.leave()


async def test_a_deleted_session_is_told_gone(app: FastAPI, shared_client: Client, project: str) -> None:
    """So that lists can drop it."""
    await change(shared_client, project, span(session_id="s"))
    ear = Ear(app, project, "user_id=nobody")
    await ear.block()
    transport = httpx2.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        headers = {"authorization": f"Bearer admin of {project}"}
        assert (await client.delete("/api/sessions/s", headers=headers)).status_code == 202
    await asyncio.to_thread(settle, shared_client)
    assert await ear.told(1) == [("gone", {"session_id": "s"})]
    await ear.leave()


async def test_silence_is_broken_by_comments(app: FastAPI, project: str) -> None:
    """Or balancers would cut it."""
    ear = Ear(app, project)
    await ear.block()
    assert "" in await ear.block()
    await ear.leave()


async def test_the_poll_ends_with_the_last_listener(app: FastAPI, project: str) -> None:
    """Nobody listens, nothing is asked."""
    ears = [Ear(app, project), Ear(app, project)]
    for ear in ears:
        await ear.block()
    feeds = app.state.service.live
    assert (feeds.listeners, len(feeds._polls)) == (2, 1)
    for ear in ears:
        await ear.leave()
    assert (feeds.listeners, len(feeds._polls)) == (0, 0)


async def test_a_listener_who_does_not_listen_is_cut_off(app: FastAPI, project: str) -> None:
    """What waits for them is bounded."""
    listener = live.Listener(Filter())
    for _ in range(live.MAX_WAITING + 1):
        listener.tell(live.Event("session", 1, b"{}"))
    assert listener.waiting.get_nowait() is None


async def test_too_many_changes_are_a_reset(
    app: FastAPI, shared_client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than a flood."""
    ear = Ear(app, project)
    await ear.block()
    monkeypatch.setattr(live, "MAX_CHANGES", 2)
    await change(shared_client, project, *(span(session_id=f"s{n}") for n in range(3)))
    assert await ear.told(1) == [("reset", {})]
    await ear.leave()


async def test_a_bad_position_is_refused(app: FastAPI, project: str) -> None:
    """And too many listeners are told to wait."""
    for since in ("x", "-1", "1" * 30, "٣"):
        ear = Ear(app, project, since=since)
        await ear.leave()
        assert ear.status == 422


class Unsteady:
    """A reader whose statements fail as long as they are named."""

    project = "p"

    def __init__(self, sessions: int = 1) -> None:
        self.failing: set[str] = set()
        self.changes: list[dict[str, Any]] = []
        self.names = [f"s{n:04}" for n in range(sessions)]

    def change(self) -> None:
        self.changes = [{"session_id": name, "version": 5, "position": n + 5} for n, name in enumerate(self.names)]

    async def rows(self, name: str, chosen: Any = None, **_: Any) -> list[dict[str, Any]]:
        if name in self.failing or chosen in self.failing:
            raise away("The database is too slow.")
        if name == "live_position":
            return [{"position": 1}]
        return self.changes if name == "changed_sessions" else [{"session_id": each, "spans": 1} for each in chosen]

    def these_sessions(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        return ids

    async def filter_sessions(self, wanted: Filter) -> tuple[str, ...] | str:
        """Of what is looked for as a user, the filter is named as the user; the rest finds everything."""
        [user] = [term.values[0] for term in wanted.terms if isinstance(term, OneOf) and term.key == "user"]
        return user if user in self.failing else tuple(self.names)


async def listened(reader: Unsteady, *users: str) -> tuple[live.Feed, list[live.Listener]]:
    """A feed with a listener for each user; an empty one hears everything."""
    feed = live.Feed(cast("Any", reader))
    await feed.begin()
    listeners = [live.Listener(Filter((OneOf("user", (user,)),) if user else ())) for user in users]
    feed.listeners.update(listeners)
    reader.change()
    return feed, listeners


def heard(listener: live.Listener) -> list[str | None]:
    """What waits for them; nothing, where they have been sent away."""
    events = [listener.waiting.get_nowait() for _ in range(listener.waiting.qsize())]
    return [None if event is None else orjson.loads(event.data)["session_id"] for event in events]


async def test_what_a_poll_fails_at_is_told_by_the_next() -> None:
    """Once, and the position stays where it was until then: whoever comes back meanwhile is told from there."""
    reader = Unsteady()
    feed, [listener] = await listened(reader, "")
    reader.failing = {"live_sessions"}
    with pytest.raises(Problem):
        await feed._poll()
    assert (heard(listener), feed.position) == ([], 1)
    reader.failing = set()
    for _ in range(3):
        await feed._poll()
    assert (heard(listener), feed.position) == (["s0000"], 5)


async def test_what_was_told_before_a_poll_failed_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many changes, a part at a time."""
    monkeypatch.setattr(live, "_IDS_AT_ONCE_CHARACTERS", 10)
    reader = Unsteady(3)
    feed, [listener] = await listened(reader, "")
    ask, asked = reader.rows, 0

    async def rows(name: str, chosen: Any = None, **parameters: Any) -> list[dict[str, Any]]:
        nonlocal asked
        asked += name == "live_sessions"
        if (name, asked) == ("live_sessions", 2):
            raise away("The database is too slow.")
        return await ask(name, chosen, **parameters)

    monkeypatch.setattr(reader, "rows", rows)
    with pytest.raises(Problem):
        await feed._poll()
    assert (heard(listener), feed.position) == (["s0000"], 5)
    await feed._poll()
    assert (heard(listener), feed.position) == (["s0001", "s0002"], 7)


async def test_a_filter_that_fails_is_its_own_listeners_matter() -> None:
    """They are sent away to come back; all others are told."""
    reader = Unsteady()
    feed, [of_all, slow, quick] = await listened(reader, "", "slow", "quick")
    reader.failing = {"slow"}
    await feed._poll()
    assert [heard(listener) for listener in (of_all, slow, quick)] == [["s0000"], [None], ["s0000"]]
    slow.tell(live.Event("session", 9, b"{}"))
    assert heard(slow) == []
