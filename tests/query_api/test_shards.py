"""The API over several servers: it answers what it answers over one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connect
from clickhouse.embedded import Engine, EngineSettings, _free_port
from clickhouse.engine_config import DATABASE
from clickhouse.migrate import Topology, migrate
from clickhouse.rollup.worker import Worker
from tests.clickhouse.stored import settle, store, store_scores
from tests.query_api.asking import Api, routes_of, serving, span, turn

pytestmark = pytest.mark.slow

PROJECT = "sharded"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    """Two engines that know each other as one cluster, with the schema."""
    root = tmp_path_factory.mktemp("shards")
    ports = (_free_port(), _free_port())
    settings = [EngineSettings(root / f"{port}", memory_bytes=1 << 30, shards=ports, tcp_port=port) for port in ports]
    engines = [Engine(each) for each in settings]
    try:
        databases = [replace(engine.start(), cluster="shards") for engine in engines]
        for database in databases:
            client = connect(database)
            migrate(client, Topology(DATABASE, "shards", replicated=False))
            client.close()
        yield databases
    finally:
        for engine in engines:
            engine.stop()


def spans() -> list[dict[str, Any]]:
    rows = []
    for n in range(30):
        session = {"session_id": f"s{n % 7}", "user_id": f"u{n % 3}", "at": n * 10}
        root = span(**session, name=f"n{n % 4}", tags=["x"] * (n % 2), metadata={"plan": "pro"} if n % 3 else {})
        call = turn(
            trace_id=root["trace_id"], parent_span_id=root["span_id"], at=n * 10, cost_usd=n or None, input_tokens=n,
            input_messages='[{"role": "user", "parts": [{"type": "text", "content": "Paris"}]}]' if n % 5 else "",
            failed=n % 6 == 0, session_id=f"s{(n + n % 2) % 7}", input_preview="hi", flaws=["x"] * (n % 2),
        )  # fmt: skip
        rows += [root | {"project_id": PROJECT}, call | {"project_id": PROJECT}]
    return [*rows, span(at=5) | {"project_id": PROJECT}]


def settle_shards(databases: list[Database]) -> None:
    clients = [connect(database) for database in databases]
    ticks = iter(range(0, 10**9, 10))
    workers = [Worker(client, f"{DATABASE}_all", clock=lambda: next(ticks)) for client in clients]
    while any([worker.round().anything for worker in workers]):  # noqa: C419 - every one of them
        pass
    for client in clients:
        client.close()


ASKED: dict[str, list[dict[str, str]]] = {
    "/api/session": [{"id": "s1"}],
    "/api/user": [{"id": "u1"}],
    "/api/user/export": [{"id": "u1"}],
    "/api/sessions": [{}, {"q": "paris -london cost:>3"}, {"q": "name:n1 -name:n2"}, {"sort": "cost_usd"}],
    "/api/traces": [{}, {"q": "paris"}, {"q": "-paris"}],
    "/api/aggregates": [{}, {"group_by": "model,tag"}, {"group_by": "user", "q": "tag:x"}],
    "/api/outliers": [{}, {"kind": "user"}],
    "/api/export/spans": [{}, {"q": "user:u1"}],
    "/api/diagnostics": [{"from": "1000d"}],
}
UNLIKE = {"as_of", "next_cursor", "lag_seconds", "queued_changes", "scored_at", "received_at"}


def plain(value: Any) -> Any:
    """Without what is of the moment or of the server; exports in any order."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items() if name not in UNLIKE}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def answers(api: Api, ids: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for route in routes_of(api):
        path = route.path_format
        if route.methods == {"GET"} and path.startswith("/api/") and path not in ("/api/live", "/api/openapi.json"):
            for params in ASKED.get(path, [{}]):
                response = api.ask(path.format(**ids), params=params)
                assert response.status_code == 200, (path, params, response.text)
                lines = "export" in path
                found[f"{path} {params}"] = sorted(response.text.splitlines()) if lines else plain(response.json())
    return found


def test_a_cluster_answers_as_one_server(
    shards: list[Database], shared_database: Database, shared_client: Client, tmp_path: Path
) -> None:
    """Every question, though a session's traces lie on both."""
    rows = spans()
    score = {"project_id": PROJECT, "trace_id": rows[0]["trace_id"], "score_id": "1", "name": "help", "value": 0.5}
    store_scores(shared_client, [score])
    store(shared_client, rows)
    settle(shared_client)
    ids = {"session_id": "s1", "user_id": "u1", "trace_id": rows[2]["trace_id"], "span_id": rows[3]["span_id"]}
    with serving(shared_database, shared_client, PROJECT, tmp_path / "one") as api:
        alone = answers(api, ids)
    reaching = connect(shards[0].within(f"{DATABASE}_all"))
    store_scores(reaching, [score])
    store(reaching, rows)
    settle_shards(shards)
    for number, database in enumerate(shards):
        with serving(database, reaching, PROJECT, tmp_path / f"shard {number}") as api:
            together = answers(api, ids)
        for asked, answer in alone.items():
            assert together[asked] == answer, asked
    with serving(shards[1], reaching, PROJECT, tmp_path / "changes") as api:
        feedback = {"session_id": "s2", "name": "vote", "value": "up"}
        assert api.ask("/api/feedback", "admin", method="POST", json=feedback).status_code == 201
        assert api.ask("/api/sessions/s3", "admin", method="DELETE").status_code == 202
        settle_shards(shards)
        assert api.ask("/api/sessions/s3").status_code == 404
        assert api.get("/api/sessions/s2")["session"]["scores"]["vote"]["labels"] == {"up": 1}
    reaching.close()
