"""The Python client, against the real service on a real port."""

import contextlib
import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from clickhouse.connect import Database
from query_api.app import create_app
from query_api.client import ApiError, Client
from query_api.settings import ApiSettings
from query_api.shapes import ListedSession
from tests.clickhouse.stored import settle
from tests.query_api.asking import Api, keys_of, span, turn


@contextlib.contextmanager
def listening(database: Database, project: str, data_dir: Path) -> Iterator[str]:
    """The address of a service of its own."""
    app = create_app(ApiSettings(database, data_dir, projects=keys_of(project)))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def url(shared_database: Database, project: str, data_dir: Path) -> Iterator[str]:
    with listening(shared_database, project, data_dir) as address:
        yield address


@pytest.fixture
def client(api: Api, url: str) -> Iterator[Client]:
    with Client(url, f"admin of {api.project}") as made:
        yield made


@pytest.fixture
def client_alone(alone: Api, database: Database) -> Iterator[Client]:
    """Of a service that stands before the database of `alone`."""
    with (
        listening(database, alone.project, alone.data_dir) as address,
        Client(address, f"admin of {alone.project}") as made,
    ):
        yield made


def said(text: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])


def test_a_list_is_an_iterator_over_all_of_its_pages(api: Api, client: Client) -> None:
    """Each session once, typed; or page by page."""
    api.store(*(turn(session_id=f"s{number}", cost_usd="0.25", at=number) for number in range(7)))
    sessions = list(client.sessions(limit=3, sort="started_at", order="asc"))
    assert [session.session_id for session in sessions] == [f"s{number}" for number in range(7)]
    assert all(isinstance(session, ListedSession) and session.cost_usd == 0.25 for session in sessions)
    assert [len(page.items) for page in client.sessions(limit=3).pages()] == [3, 3, 1]


def test_filters_are_those_of_the_api(api: Api, client: Client) -> None:
    """Names that Python reserves, names with dots, and lists of values."""
    for name, plan in (("a", "pro"), ("b", "free"), ("c", "pro")):
        api.store(turn(session_id=name, metadata={"plan": plan}, started_at=time.time_ns() - 10**9))
    assert {each.session_id for each in client.sessions(from_="1h", **{"metadata.plan": "pro"})} == {"a", "c"}
    assert {each.session_id for each in client.sessions(session_id=["a", "b"])} == {"a", "b"}
    assert list(client.sessions(to="1h")) == []


def test_a_session_is_found_by_any_id(alone: Api, client_alone: Client) -> None:
    """With its traces, its calls and what was said; and is gone when it is deleted."""
    told = {"user_id": "ada", "input_messages": said("Hello?"), "input_tokens": 3}
    odd = ("conv-42", "a/calls", "../..", "ü €?#&%")
    alone.store(*(turn(session_id=session_id, **told) for session_id in odd))
    for session_id in odd:
        whole = client_alone.session(session_id)
        assert (whole.session.turns, len(whole.traces.items)) == (1, 1)
        assert [call.input_tokens for call in client_alone.calls(session_id)] == [3]
        assert [entry.messages[0]["parts"][0]["content"] for entry in client_alone.messages(session_id)] == ["Hello?"]
        assert [trace.session_id for trace in client_alone.traces(session_id=session_id)] == [session_id]
        assert client_alone.delete_session(session_id).spans == 1
    settle(alone.database)
    for session_id in odd:
        with pytest.raises(ApiError, match="404") as refusal:
            client_alone.session(session_id)
        assert refusal.value.status == 404


def test_traces_spans_users_and_sums_are_typed_too(api: Api, client: Client) -> None:
    """A trace has all of its spans, however many pages they are."""
    root = turn(session_id="s", user_id="ada", input_tokens=7, attributes={"key": "value"})
    trace_id = root["trace_id"]
    api.store(root, *(span(trace_id=trace_id, parent_span_id=root["span_id"], attributes={}) for _ in range(1_100)))
    assert len(client.trace(trace_id).spans) == 1_101
    assert client.span(trace_id, root["span_id"]).attributes == {"key": "value"}
    assert [user.user_id for user in client.users()] == ["ada"]
    assert client.user("ada").sessions.items[0].session_id == "s"
    sums = client.aggregates(["model", "user"])
    assert (sums.totals.turns, sums.groups[0].key) == (1, {"model": "gpt-4o", "user": "ada"})
    assert client.aggregates("model").groups[0].input_tokens == 7
    assert [project.project for project in client.projects()] == [api.project]
    assert client.diagnostics().spans == 1_101


def test_feedback_is_given_once_however_often_it_is_sent(api: Api, client: Client) -> None:
    """The client names it, so that a repeated request replaces it."""
    api.store(turn(session_id="s"))
    first = client.feedback("helpful", 1, session_id="s", comment="Good")
    assert client.feedback("helpful", 0, session_id="s", id=first) == first
    settle(api.database)
    score = client.session("s").session.scores["helpful"]
    assert (score.count, score.mean) == (1, 0.0)


@pytest.mark.parametrize("what", ["to_arrow", "to_pandas", "to_polars"])
def test_everything_a_filter_chooses_becomes_a_table(api: Api, client: Client, what: str) -> None:
    """Of Arrow, pandas or Polars, whatever is installed."""
    api.store(turn(session_id="a", input_tokens=3), turn(session_id="b"), turn(session_id="c", input_tokens=4))
    table = getattr(client, what)("turns", session_id=["a", "b"])
    rows = {"to_arrow": "to_pylist", "to_pandas": "to_dict", "to_polars": "to_dicts"}[what]
    found = getattr(table, rows)(*(["records"] if what == "to_pandas" else []))
    tokens = {row["session_id"]: row["input_tokens"] for row in found}
    assert tokens["a"] == 3
    assert tokens.keys() == {"a", "b"}
    assert tokens["b"] is None or math.isnan(tokens["b"])


def test_a_mistake_is_told_as_the_service_tells_it(client: Client) -> None:
    """With the parameter that is wrong."""
    with pytest.raises(ApiError, match="422") as refusal:
        list(client.sessions(colour="red"))
    assert refusal.value.errors[0]["field"] == "colour"


def test_a_key_that_opens_nothing_is_an_error(url: str) -> None:
    """And not an empty list."""
    with pytest.raises(ApiError, match="401"):
        list(Client(url, "guessed").sessions())


class _Busy(BaseHTTPRequestHandler):
    """Refuses twice, as we do while the database is away; then answers, with a field that nobody knew."""

    def do_GET(self) -> None:
        self.server.asked.append(time.monotonic())  # type: ignore[attr-defined]
        busy = len(self.server.asked) <= 2  # type: ignore[attr-defined]
        body = b'{"items": [], "total": 0, "next_cursor": null, "as_of": "2026-11-20T12:00:00Z", "new": 1}'
        self.send_response(503 if busy else 200)
        if busy:
            self.send_header("retry-after", "1")
        self.send_header("content-length", "2" if busy else str(len(body)))
        self.end_headers()
        self.wfile.write(b"{}" if busy else body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Busy) as server:
        server.asked: list[float] = []  # type: ignore[attr-defined, misc]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_busy_service_is_asked_again_when_it_says(busy: ThreadingHTTPServer) -> None:
    """As late as Retry-After has it; what a newer service says beside it does no harm."""
    assert list(Client(f"http://127.0.0.1:{busy.server_port}").sessions()) == []
    first, second, third = busy.asked  # type: ignore[attr-defined]
    assert second - first >= 1
    assert third - second >= 1


def test_patience_ends(busy: ThreadingHTTPServer) -> None:
    """Then the last refusal is the answer."""
    with pytest.raises(ApiError, match="503"):
        list(Client(f"http://127.0.0.1:{busy.server_port}", attempts=1).sessions())
    assert len(busy.asked) == 1  # type: ignore[attr-defined]
