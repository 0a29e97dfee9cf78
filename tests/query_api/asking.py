"""What tests of the API share: spans into a real database, questions with one key or another, answers as values."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from clickhouse_connect.driver import Client
from fastapi.routing import APIRoute
from httpx2 import Response
from starlette.testclient import TestClient

from clickhouse.connect import Database
from clickhouse.projects import Key, Project, Projects, Scope, digest
from query_api.app import create_app
from query_api.settings import ApiSettings
from tests.clickhouse.stored import settle, store, store_scores
from tests.histories import NOW_NS, SECOND_NS

START_NS = NOW_NS - 3600 * SECOND_NS
"""An hour ago: where the spans of these tests begin."""
SCOPES: dict[str, tuple[Scope, ...]] = {
    "read": ("read",),
    "content": ("read", "content"),
    "admin": ("read", "content", "admin"),
    "ingest": ("ingest",),
}
KEY_OF_ALL = {"authorization": "Bearer content of all"}
_numbers = itertools.count(1)


def keys_of(*projects: str) -> Projects:
    """A key for each scope and project, named `read of one`; and `content of all` for all of them."""
    known = {
        f"{scope} of {project}": Key(f"{scope} of {project}", "", (project,), frozenset(scopes))
        for scope, scopes in SCOPES.items()
        for project in projects
    }
    known["content of all"] = Key("content of all", "", projects, frozenset(SCOPES["content"]))
    return Projects(
        MappingProxyType({project: Project(project) for project in projects}),
        MappingProxyType({digest(name): key for name, key in known.items()}),
    )


@dataclass(frozen=True)
class Api:
    """The service, asked as if over the network; and what lies behind it."""

    client: TestClient
    database: Client
    project: str
    data_dir: Path

    def ask(self, path: str, scope: str = "content", **options: Any) -> Response:
        """`method`, `params`, `headers` and so on as httpx has them."""
        headers = {"authorization": f"Bearer {scope} of {self.project}"} | options.pop("headers", {})
        return self.client.request(options.pop("method", "GET"), path, headers=headers, **options)

    def get(self, path: str, scope: str = "content", **params: Any) -> Any:
        """The answer of a question that must be right."""
        response = self.ask(path, scope, params={name.removesuffix("_"): value for name, value in params.items()})
        assert response.status_code == 200, response.text
        return response.json()

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **params, **cursor)
            yield page
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def store(self, *spans: dict[str, Any]) -> None:
        self.store_in(self.project, *spans)

    def store_in(self, project: str, *spans: dict[str, Any]) -> None:
        store(self.database, [span | {"project_id": project} for span in spans])
        settle(self.database)

    def score(self, *scores: dict[str, Any]) -> None:
        """Before the spans they are of: these queue what the scores change."""
        store_scores(self.database, scores)


@contextmanager
def serving(database: Database, client: Client, project: str, data_dir: Path, **settings: Any) -> Iterator[Api]:
    chosen = {"projects": keys_of(project, f"{project}-other")} | settings
    app = create_app(ApiSettings(database, data_dir, **chosen))
    with TestClient(
        app, base_url="http://localhost", client=("127.0.0.1", 50_000), raise_server_exceptions=True
    ) as http:
        yield Api(http, client, project, data_dir)


def unique(name: str) -> str:
    """Module fixtures may be made more than once: tests go to whichever process is free."""
    return f"{name}-{next(_numbers)}"


def span(**columns: Any) -> dict[str, Any]:
    """A span of a trace of its own, one second long."""
    number = next(_numbers)
    start_ns = columns.pop("at", 0) * SECOND_NS + START_NS
    start_ns = columns.pop("started_at", start_ns)
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": "ask",
        "started_at": start_ns,
        "ended_at": columns.pop("ended_at", start_ns + int(columns.pop("seconds", 1) * SECOND_NS)),
        "received_at": NOW_NS // 1000,
    } | columns


def turn(**columns: Any) -> dict[str, Any]:
    """A span that is an LLM call."""
    return span(call_kind="llm", request_model="gpt-4o", **columns)


def routes_of(api: Api) -> list[APIRoute]:
    """All of them; FastAPI keeps those of a router behind it."""
    left: list[Any] = list(api.client.app.routes)  # type: ignore[attr-defined]
    found: list[APIRoute] = []
    while left:
        route = left.pop(0)
        if isinstance(route, APIRoute):
            found.append(route)
        left += getattr(getattr(route, "original_router", None), "routes", [])
    assert len(found) > 30
    return found


def path_of(session_id: str) -> str:
    return f"/api/sessions/{quote(session_id, safe='')}"


def ids(page: dict[str, Any], of: str = "session_id") -> Sequence[str]:
    return [item[of] for item in page["items"]]
