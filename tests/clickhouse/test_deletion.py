"""What is deleted is gone, and stays gone, whatever comes late."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clickhouse.connect import Database, connected
from clickhouse.deletion import delete_project, delete_session, delete_user
from clickhouse.rollup.maintenance import forget
from clickhouse.rollup.statements import statement
from tests.clickhouse.engines import within
from tests.clickhouse.stored import comparable, settle, store, stored_sessions, stored_traces
from tests.clickhouse.test_rollup_cases import SECOND, llm, sessions_of, span
from tests.clickhouse.test_rollup_oracle import in_own_projects
from tests.histories import histories
from tests.oracle import Tombstone, expected_sessions, expected_traces

LATER = time.time_ns() + 3_600 * SECOND
"""After any deletion of this test."""


def spans_of(client: Client, project: str) -> list[str]:
    query = "SELECT DISTINCT span_id FROM spans WHERE project_id = {project:String} ORDER BY span_id"
    return [row[0] for row in client.query(query, parameters={"project": project}).result_rows]


def suppressed(client: Client, project: str) -> int:
    query = "SELECT sum(spans) FROM suppressed_spans WHERE project_id = {project:String}"
    count: int = client.query(query, parameters={"project": project}).result_rows[0][0]
    return count


def test_a_deleted_session_is_gone_everywhere(client: Client, project: str) -> None:
    """Spans, facts and rollups; and the answer says how many."""
    store(client, [span(project, 1, session_id="chat"), llm(project, 2, 1), llm(project, 3, 1)])
    settle(client)
    assert delete_session(client, client.database or "", project, "chat") == (3, 1)
    settle(client)
    assert sessions_of(client, project) == {}
    assert stored_traces(client, [project]) == {}
    assert spans_of(client, project) == []


def test_a_retry_of_deleted_spans_stays_deleted_and_is_counted(client: Client, project: str) -> None:
    """Also the ones without an id, whose trace was bound to the session."""
    root, child = span(project, 1, session_id="chat"), llm(project, 2, 1)
    store(client, [root, child])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    store(client, [child, llm(project, 3, 1)])
    settle(client)
    store(client, [root])
    settle(client)
    assert sessions_of(client, project) == {}
    assert spans_of(client, project) == []
    assert suppressed(client, project) == 3


def test_a_span_that_starts_later_opens_the_session_anew(client: Client, project: str) -> None:
    """The id may be used again; what was before stays away."""
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    late = llm(project, 2, session_id="chat", trace_id=f"{2:032x}", started_at=LATER, ended_at=LATER + SECOND)
    store(client, [late, llm(project, 1, session_id="chat")])
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 1


def test_a_session_that_shared_a_trace_keeps_its_own_spans(client: Client, project: str) -> None:
    """Deleting one recomputes the other."""
    store(client, [llm(project, 1, session_id="gone"), llm(project, 2, 1), llm(project, 3, 1, session_id="stays")])
    settle(client)
    assert sessions_of(client, project)["gone"]["turns"] == 1
    delete_session(client, client.database or "", project, "gone")
    settle(client)
    assert set(sessions_of(client, project)) == {"stays"}
    assert spans_of(client, project) == [f"{3:016x}"]


def test_deleting_a_user_removes_their_spans_and_no_others(client: Client, project: str) -> None:
    """The effective user decides, inherited or own; a session of two users keeps the other's part."""
    ada = [span(project, 1, session_id="chat", user_id="ada"), llm(project, 2, 1)]
    bob = llm(project, 3, session_id="chat", user_id="bob", trace_id=f"{2:032x}")
    store(client, [*ada, bob])
    settle(client)
    assert sessions_of(client, project)["chat"]["user_ids"] == ["ada", "bob"]
    delete_user(client, client.database or "", project, "ada")
    store(client, [ada[1]])
    settle(client)
    session = sessions_of(client, project)["chat"]
    assert (session["user_ids"], session["turns"], session["spans"]) == (["bob"], 1, 1)


def test_deleting_a_project_removes_all_of_it_and_nothing_else(client: Client, project: str) -> None:
    """Another project with the same ids stays as it is."""
    other = f"{project}-other"
    store(client, [llm(project, 1, session_id="chat"), llm(other, 1, session_id="chat")])
    settle(client)
    assert delete_project(client, client.database or "", project) == (1, 1)
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    assert sessions_of(client, project) == {}
    assert set(sessions_of(client, other)) == {"chat"}


@pytest.mark.parametrize("kind", ["session", "project"])
def test_what_comes_again_while_it_is_deleted_is_gone_too(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A retry or a reprice writes a span after the deletion went over spans, and before it goes over their facts."""
    rows = [llm(project, 1, session_id="chat")]
    store(client, rows)
    settle(client)
    command, last = client.command, statement("remove_span_facts" if kind == "session" else "remove_project_span_facts")

    def slowly(text: str, *told: Any, **more: Any) -> Any:
        if text == last:
            store(client, rows)
        return command(text, *told, **more)

    with monkeypatch.context() as patched:
        patched.setattr(client, "command", slowly)
        if kind == "session":
            delete_session(client, client.database or "", project, "chat")
        else:
            delete_project(client, client.database or "", project)
    settle(client)
    assert spans_of(client, project) == []
    assert sessions_of(client, project) == {}


def test_what_has_nothing_left_is_forgotten_without_a_trace(client: Client, project: str) -> None:
    """The ids themselves go too: no row, no index, only a hash in the tombstone."""
    store(client, [llm(project, 1, session_id="chat"), llm(project, 2, session_id="kept", trace_id=f"{2:032x}")])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    forget(client, after_seconds=0, settled_seconds=0)
    for table in ("session_traces", "sessions", "trace_sessions", "half_hours", "session_half_hours"):
        assert client.query(f"SELECT DISTINCT session_id FROM {table} WHERE session_id != ''").result_rows == [
            ("kept",)
        ]
    for table in ("trace_index", "finished_traces"):
        assert client.query(f"SELECT DISTINCT trace_id FROM {table}").result_rows == [(f"{2:032x}",)]


@pytest.mark.parametrize("table", ["sessions", pytest.param("session_traces", marks=pytest.mark.slow)])
def test_what_a_session_had_does_not_come_back_while_it_is_forgotten(
    client: Client, database: Database, project: str, table: str
) -> None:
    """What says that it is over lies in another part, which is looked at while its first one is still being merged."""
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    with being_merged(client, database, table) as reader:
        over = "SELECT project_id, session_id, trace_id, version + 1 FROM session_traces"
        client.command(f"INSERT INTO session_traces (project_id, session_id, trace_id, version) {over}")
        client.command("INSERT INTO finished_traces SELECT project_id, trace_id, version + 1 FROM finished_traces")
        over = "SELECT project_id, session_id, version + 1 FROM sessions WHERE session_id = 'chat'"
        client.command(f"INSERT INTO sessions (project_id, session_id, version) {over}")
        seen = f"SELECT count() FROM {table} FINAL WHERE session_id = 'chat' AND {table}.spans > 0"
        with ThreadPoolExecutor(1) as aside:
            forgetting = aside.submit(forget, client, after_seconds=0, settled_seconds=0)
            while not forgetting.done():
                assert reader.query(seen).result_rows == [(0,)]
            forgetting.result()
    assert client.query(f"SELECT count() FROM {table} WHERE session_id IN ('chat', '')").result_rows == [(0,)]


@contextlib.contextmanager
def being_merged(client: Client, database: Database, table: str) -> Iterator[Client]:
    """With enough beside it that this takes a while; a client for meanwhile."""
    many = "SELECT 'other', toString(number), now64(6), 1 FROM numbers(60000)"
    client.command(f"INSERT INTO {table} (project_id, session_id, version, spans) {many}")
    merges = "SELECT count() FROM system.merges WHERE database = currentDatabase() AND NOT is_mutation"
    with connected(database) as other, connected(database) as reader, ThreadPoolExecutor(1) as aside:
        merge = aside.submit(other.command, f"OPTIMIZE TABLE {table} FINAL")
        assert within(60, lambda: merge.done() or reader.query(merges).result_rows != [(0,)])
        yield reader
        merge.result()


def as_tombstones(project: str, kind: str, subject: str, deleted_at: int) -> list[Tombstone]:
    return [Tombstone(project, kind, subject, deleted_at)]


UNHURRIED = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


@given(st.data())
@settings(UNHURRIED, max_examples=5)
def test_a_deletion_leaves_what_the_oracle_leaves(client: Client, data: st.DataObject) -> None:
    """Any session of any history may be deleted; everything that was sent may then be sent again."""
    delete_any(client, data)


@pytest.mark.slow
@given(st.data())
@settings(UNHURRIED, max_examples=30)
def test_a_deletion_leaves_what_the_oracle_leaves_at_length(client: Client, data: st.DataObject) -> None:
    """The same, more often."""
    delete_any(client, data)


def delete_any(client: Client, data: st.DataObject) -> None:
    history = in_own_projects(data.draw(histories()))
    store(client, history.rows)
    settle(client)
    held = sorted(stored_sessions(client, {row["project_id"] for row in history.rows}))
    if len(held) == 0:
        return
    project, session = data.draw(st.sampled_from(held))
    delete_session(client, client.database or "", project, session)
    settle(client)
    if data.draw(st.booleans()):
        store(client, history.rows)
        settle(client)
    check_without(client, history.rows, as_tombstones(project, "session", session, LATER))


def check_without(client: Client, rows: list[dict[str, Any]], graves: list[Tombstone]) -> None:
    projects = {row["project_id"] for row in rows}
    assert stored_traces(client, projects) == {k: comparable(v) for k, v in expected_traces(rows, graves).items()}
    assert stored_sessions(client, projects) == {k: comparable(v) for k, v in expected_sessions(rows, graves).items()}
