"""Several servers: the rendered form for replicas, and three real shards that add up to what one server says."""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clickhouse.connect import connect
from clickhouse.deletion import delete_project, delete_session, delete_user
from clickhouse.embedded import Engine, EngineSettings, _free_port
from clickhouse.engine_config import DATABASE, VIEWS
from clickhouse.errors import DatabaseError
from clickhouse.migrate import Statement, Topology, known_migrations, migrate, rendered
from clickhouse.rollup.removal import remove_scores_of_deleted
from clickhouse.rollup.worker import Worker
from tests.clickhouse.engines import UNAVAILABLE
from tests.clickhouse.stored import (
    bury,
    settle,
    store,
    store_scores,
    stored_sessions,
    stored_traces,
)
from tests.clickhouse.test_rollup_cases import llm, span
from tests.clickhouse.test_rollup_oracle import check, in_own_projects
from tests.histories import batches, histories

EVERYWHERE = f"{DATABASE}_all"
REPLICAS = Topology(DATABASE, "main")
BY_TRACE = {
    "spans",
    "span_facts",
    "trace_index",
    "trace_sessions",
    "trace_changes",
    "session_traces",
    "scores",
    "dead_spans",
    "log_calls",
}
LATER = {"started_at": 4 * 10**18, "ended_at": 4 * 10**18 + 1}
"""Than any deletion: a session is opened anew."""
BY_SESSION = {"sessions", "session_changes", "half_hours", "session_half_hours"}


def statements_for(topology: Topology) -> list[Statement]:
    return [statement for migration in known_migrations() for statement in rendered(migration.text, topology)]


def made(statement: Statement) -> str:
    found = re.search(r"CREATE (?:\w+(?: VIEW)? IF NOT EXISTS|OR REPLACE VIEW) (\w+)", statement.text)
    assert found is not None
    return found.group(1)


def engines_of(topology: Topology, database: str) -> dict[str, str]:
    found = {}
    for statement in statements_for(topology):
        engine = re.search(r"ENGINE = ([^\n;]+)", statement.text)
        if statement.database == database and engine is not None:
            found[made(statement)] = engine.group(1)
    return found


def test_in_a_cluster_every_statement_goes_to_all_servers() -> None:
    """None is made, or filled, on one of them only."""
    for statement in statements_for(REPLICAS):
        made_there = re.search(
            r"CREATE ([A-Z ]+ IF NOT EXISTS|OR REPLACE VIEW) \w+ ON CLUSTER 'main'\s", statement.text
        )
        assert made_there or ("INSERT INTO" in statement.text and statement.database == EVERYWHERE)


def test_in_a_cluster_every_stored_table_is_replicated() -> None:
    """Under a path of its own per shard, by the replica's name, with the arguments that it has alone."""
    alone, together = engines_of(Topology(DATABASE), DATABASE), engines_of(REPLICAS, DATABASE)
    assert alone.keys() == together.keys()
    for table, engine in alone.items():
        kind, arguments = re.fullmatch(r"(\w+)(?:\((.*)\))?", engine.split(" ", maxsplit=1)[0]).groups()  # type: ignore[union-attr]
        path = f"'/clickhouse/tables/{{shard}}/{DATABASE}/{table}', '{{replica}}'"
        expected = f"Replicated{kind}({', '.join(filter(None, [path, arguments]))})"
        assert together[table] == (engine if kind == "Null" else engine.replace(engine.split(" ")[0], expected, 1))


def test_in_a_cluster_each_table_is_reached_through_one_of_its_name() -> None:
    """In a database beside it, spread by trace, or by session where a session is what it holds."""
    local, reaching = engines_of(REPLICAS, DATABASE), engines_of(REPLICAS, EVERYWHERE)
    assert reaching.keys() == local.keys()
    for table, engine in reaching.items():
        key = re.fullmatch(rf"Distributed\('main', '{DATABASE}', '{table}'(?:, (.+))?\)", engine)
        assert key is not None
        if table in BY_TRACE | BY_SESSION:
            member = "trace_id" if table in BY_TRACE else "session_id"
            assert key.group(1) == f"cityHash64(project_id, {member})"


def test_in_a_cluster_views_are_there_on_both_sides() -> None:
    """Over the server's own tables and over all of them; what fills tables at inserts is only where they are."""
    views = [
        (statement.database, made(statement)) for statement in statements_for(REPLICAS) if " VIEW " in statement.text
    ]
    for view in VIEWS:
        assert views.count((DATABASE, view)) == views.count((EVERYWHERE, view)) > 0
    filling = {view for view in views if view[1].endswith("_mv")}
    assert {database for database, _ in filling} == {DATABASE}


def test_clickhouse_can_read_every_rendered_statement(shared_client: Client) -> None:
    """It parses them; only running them takes replicas."""
    for statement in statements_for(REPLICAS):
        shared_client.query("SELECT formatQuery({text:String})", parameters={"text": statement.text})


def test_without_a_cluster_statements_are_as_written() -> None:
    """Nothing of this is seen on one server."""
    texts = "\n".join(statement.text for statement in statements_for(Topology(DATABASE)))
    assert not re.search("CLUSTER|Replicated|Distributed", texts)


class Shards(NamedTuple):
    engines: list[Engine]
    local: list[Client]
    reaching: list[Client]  # from each engine, all of them

    def settle(self) -> None:
        """Rounds of one worker per shard until none has anything to do: each queues work for others."""
        ticks = iter(range(0, 10**9, 10))
        workers = [Worker(client, EVERYWHERE, clock=lambda: next(ticks)) for client in self.local]
        while any([worker.round().anything for worker in workers]):  # noqa: C419 - every one of them
            pass


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shards]:
    """Three engines that know each other as the cluster `shards`, with the schema."""
    root = tmp_path_factory.mktemp("shards")
    ports = tuple(_free_port() for _ in range(3))
    engines = [
        Engine(EngineSettings(root / f"{port}", memory_bytes=1 << 30, shards=ports, tcp_port=port)) for port in ports
    ]
    try:
        for engine in engines:
            engine.start()
        local = [connect(engine.database()) for engine in engines]
        for client in local:
            migrate(client, Topology(DATABASE, "shards", replicated=False))
        reaching = [connect(engine.database().within(EVERYWHERE)) for engine in engines]
        yield Shards(engines, local, reaching)
        for client in local + reaching:
            client.close()
    finally:
        for engine in engines:
            engine.stop()


UNHURRIED = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@given(st.data())
@settings(UNHURRIED, max_examples=3)
def test_shards_add_up_to_what_one_server_says(shards: Shards, shared_client: Client, data: st.DataObject) -> None:
    """Any history, delivered through any of them: the same sessions and traces, seen from each, and the oracle's."""
    compare_with_one_server(shards, shared_client, data)


@pytest.mark.slow
@given(st.data())
@settings(UNHURRIED, max_examples=60)
def test_shards_add_up_to_what_one_server_says_at_length(
    shards: Shards, shared_client: Client, data: st.DataObject
) -> None:
    """The same, more often."""
    compare_with_one_server(shards, shared_client, data)


def compare_with_one_server(shards: Shards, alone: Client, data: st.DataObject) -> None:
    history = in_own_projects(data.draw(histories(scored=True)))
    bury(shards.reaching[0], history.tombstones)
    store_scores(shards.reaching[0], history.scores)
    for batch in data.draw(batches(history)):
        store(data.draw(st.sampled_from(shards.reaching)), batch)
        if data.draw(st.booleans()):
            shards.settle()
    shards.settle()

    bury(alone, history.tombstones)
    store_scores(alone, history.scores)
    store(alone, history.rows)
    settle(alone)
    projects = {row["project_id"] for row in history.rows}
    for client in shards.reaching:
        assert stored_sessions(client, projects) == stored_sessions(alone, projects)
        assert stored_traces(client, projects) == stored_traces(alone, projects)
    check(shards.reaching[0], history)


def test_a_session_of_many_traces_is_one_row_though_they_lie_everywhere(shards: Shards, project: str) -> None:
    """Its own row is on one shard, made from all of them."""
    rows = [llm(project, 1, session_id="chat") | {"trace_id": f"{number:032x}"} for number in range(60)]
    store(shards.reaching[1], rows)
    shards.settle()
    mine = {"p": project}
    held = [c.query("SELECT count() FROM spans WHERE project_id = {p:String}", mine) for c in shards.local]
    counts = [answer.result_rows[0][0] for answer in held]
    assert sum(counts) == 60
    assert min(counts) > 0
    session = "SELECT traces, turns FROM sessions FINAL WHERE project_id = {p:String}"
    assert sorted(len(client.query(session, mine).result_rows) for client in shards.local) == [0, 0, 1]
    for client in shards.reaching:
        assert client.query(session, mine).result_rows == [(60, 60)]
        assert client.query("SELECT traces FROM v_sessions WHERE project_id = {p:String}", mine).result_rows == [(60,)]


def test_a_session_is_deleted_on_every_shard(shards: Shards, project: str) -> None:
    """And what comes late for it, on whichever; what shares a trace with it is recomputed."""
    rows = [
        row | {"trace_id": f"{number:032x}"}
        for number in range(6)
        for row in (span(project, 1, session_id="gone"), llm(project, 2, 1), llm(project, 3, 1, session_id="stays"))
    ]
    store(shards.reaching[0], rows)
    shards.settle()
    assert delete_session(shards.local[0], EVERYWHERE, project, "gone") == (12, 6)
    shards.settle()
    store(shards.reaching[2], rows)
    shards.settle()
    sessions = stored_sessions(shards.reaching[1], [project])
    assert {key: row["spans"] for key, row in sessions.items()} == {(project, "stays"): 6}
    left = shards.reaching[1].query("SELECT DISTINCT span_id FROM spans WHERE project_id = {p:String}", {"p": project})
    assert [row[0] for row in left.result_rows] == [rows[2]["span_id"]]


def test_scores_of_a_deleted_session_go_wherever_they_lie(shards: Shards, project: str) -> None:
    """Of whichever shard the deletion was asked; and those of a project, though their traces never came."""
    now_us = time.time_ns() // 1_000
    for number in range(3):
        score = {"score_id": "s", "name": "good", "value": 1.0, "received_at": now_us}
        own = {**score, "project_id": f"{project}-{number}", "session_id": "gone"}
        of_trace = {**score, "project_id": f"{project}-whole-{number}", "trace_id": f"{number:032x}"}
        store_scores(shards.reaching[0], [own, of_trace])
        store(shards.reaching[0], [llm(f"{project}-{number}", 1, session_id="gone")])
    shards.settle()
    for number in range(3):
        delete_session(shards.local[0], EVERYWHERE, f"{project}-{number}", "gone")
        delete_project(shards.local[0], EVERYWHERE, f"{project}-whole-{number}")
    for client in shards.local:
        remove_scores_of_deleted(client, EVERYWHERE)
    left = "SELECT project_id FROM scores WHERE startsWith(project_id, {p:String})"
    assert shards.reaching[0].query(left, {"p": project}).result_rows == []
    store(shards.reaching[0], [llm(f"{project}-{number}", 2, session_id="gone", **LATER) for number in range(3)])
    shards.settle()
    sessions = stored_sessions(shards.reaching[1], [f"{project}-{number}" for number in range(3)])
    assert [row["scores"] for row in sessions.values()] == [[], [], []]


@pytest.mark.slow
def test_a_users_data_is_deleted_on_every_shard(shards: Shards, project: str) -> None:
    """Likewise."""
    rows = [
        llm(project, 1, session_id="chat", user_id=user) | {"trace_id": f"{number:032x}"}
        for number in range(20)
        for user in ["ada" if number % 2 else "bob"]
    ]
    store(shards.reaching[0], rows)
    shards.settle()
    assert delete_user(shards.local[1], EVERYWHERE, project, "ada") == (10, 10)
    shards.settle()
    [session] = stored_sessions(shards.reaching[2], [project]).values()
    assert (session["user_ids"], session["traces"]) == (["bob"], 10)


def test_a_shard_that_is_away_is_an_error_and_a_retry_is_exact(shards: Shards, project: str) -> None:
    """What the others have taken is not counted twice when all of it comes again."""
    rows = [llm(project, 1, session_id="chat") | {"trace_id": f"{number:032x}"} for number in range(40)]
    gone = shards.engines[2]
    gone.stop()
    with pytest.raises((DatabaseError, *UNAVAILABLE)):
        store(shards.reaching[0], rows)
    back = Engine(gone._settings)
    shards.engines[2] = back
    for clients, name in ((shards.local, DATABASE), (shards.reaching, EVERYWHERE)):
        clients[2].close()
        clients[2] = connect(back.start().within(name) if clients is shards.local else back.database().within(name))
    store(shards.reaching[0], rows)
    shards.settle()
    [session] = stored_sessions(shards.reaching[1], [project]).values()
    assert (session["traces"], session["spans"], session["turns"]) == (40, 40, 40)
