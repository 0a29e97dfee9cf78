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
from query_api.filters import Filter
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
