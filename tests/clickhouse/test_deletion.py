"""What is deleted is gone, and stays gone, whatever comes late."""

import time
from typing import Any

from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clickhouse.deletion import delete_project, delete_session, delete_user
from clickhouse.rollup.maintenance import forget
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


def test_a_deleted_session_is_gone_everywhere(shared_client: Client, project: str) -> None:
    """Spans, facts and rollups; and the answer says how many."""
    store(shared_client, [span(project, 1, session_id="chat"), llm(project, 2, 1), llm(project, 3, 1)])
    settle(shared_client)
    assert delete_session(shared_client, shared_client.database or "", project, "chat") == (3, 1)
    settle(shared_client)
    assert sessions_of(shared_client, project) == {}
    assert stored_traces(shared_client, [project]) == {}
    assert spans_of(shared_client, project) == []


def test_a_retry_of_deleted_spans_stays_deleted_and_is_counted(shared_client: Client, project: str) -> None:
    """Also the ones without an id, whose trace was bound to the session."""
    root, child = span(project, 1, session_id="chat"), llm(project, 2, 1)
    store(shared_client, [root, child])
    settle(shared_client)
    delete_session(shared_client, shared_client.database or "", project, "chat")
    settle(shared_client)
    store(shared_client, [child, llm(project, 3, 1)])
    settle(shared_client)
    store(shared_client, [root])
    settle(shared_client)
    assert sessions_of(shared_client, project) == {}
    assert spans_of(shared_client, project) == []
    assert suppressed(shared_client, project) == 3


def test_a_span_that_starts_later_opens_the_session_anew(shared_client: Client, project: str) -> None:
    """The id may be used again; what was before stays away."""
    store(shared_client, [llm(project, 1, session_id="chat")])
    settle(shared_client)
    delete_session(shared_client, shared_client.database or "", project, "chat")
    late = llm(project, 2, session_id="chat", trace_id=f"{2:032x}", started_at=LATER, ended_at=LATER + SECOND)
    store(shared_client, [late, llm(project, 1, session_id="chat")])
    settle(shared_client)
    assert sessions_of(shared_client, project)["chat"]["turns"] == 1


def test_a_session_that_shared_a_trace_keeps_its_own_spans(shared_client: Client, project: str) -> None:
    """Deleting one recomputes the other."""
    store(
        shared_client, [llm(project, 1, session_id="gone"), llm(project, 2, 1), llm(project, 3, 1, session_id="stays")]
    )
    settle(shared_client)
    assert sessions_of(shared_client, project)["gone"]["turns"] == 1
    delete_session(shared_client, shared_client.database or "", project, "gone")
    settle(shared_client)
    assert set(sessions_of(shared_client, project)) == {"stays"}
    assert spans_of(shared_client, project) == [f"{3:016x}"]


def test_deleting_a_user_removes_their_spans_and_no_others(shared_client: Client, project: str) -> None:
    """The effective user decides, inherited or own; a session of two users keeps the other's part."""
    ada = [span(project, 1, session_id="chat", user_id="ada"), llm(project, 2, 1)]
    bob = llm(project, 3, session_id="chat", user_id="bob", trace_id=f"{2:032x}")
    store(shared_client, [*ada, bob])
    settle(shared_client)
    assert sessions_of(shared_client, project)["chat"]["user_ids"] == ["ada", "bob"]
    delete_user(shared_client, shared_client.database or "", project, "ada")
    store(shared_client, [ada[1]])
    settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["user_ids"], session["turns"], session["spans"]) == (["bob"], 1, 1)


def test_deleting_a_project_removes_all_of_it_and_nothing_else(shared_client: Client, project: str) -> None:
    """Another project with the same ids stays as it is."""
    other = f"{project}-other"
    store(shared_client, [llm(project, 1, session_id="chat"), llm(other, 1, session_id="chat")])
    settle(shared_client)
    assert delete_project(shared_client, shared_client.database or "", project) == (1, 1)
    store(shared_client, [llm(project, 1, session_id="chat")])
    settle(shared_client)
    assert sessions_of(shared_client, project) == {}
    assert set(sessions_of(shared_client, other)) == {"chat"}


def test_what_has_nothing_left_is_forgotten_without_a_trace(client: Client, project: str) -> None:
    """The ids themselves go too: no row, no index, only a hash in the tombstone."""
    store(client, [llm(project, 1, session_id="chat"), llm(project, 2, session_id="kept", trace_id=f"{2:032x}")])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    forget(client, after_seconds=0, settled_seconds=0)
    for table in ("session_traces", "sessions", "trace_sessions"):
        assert client.query(f"SELECT DISTINCT session_id FROM {table} WHERE session_id != ''").result_rows == [
            ("kept",)
        ]
    assert client.query("SELECT trace_id FROM trace_index").result_rows == [(f"{2:032x}",)]


def as_tombstones(project: str, kind: str, subject: str, deleted_at: int) -> list[Tombstone]:
    return [Tombstone(project, kind, subject, deleted_at)]


@given(st.data())
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
def test_a_deletion_leaves_what_the_oracle_leaves(shared_client: Client, data: st.DataObject) -> None:
    """Any session of any history may be deleted; everything that was sent may then be sent again."""
    history = in_own_projects(data.draw(histories()))
    store(shared_client, history.rows)
    settle(shared_client)
    held = sorted(stored_sessions(shared_client, {row["project_id"] for row in history.rows}))
    if len(held) == 0:
        return
    project, session = data.draw(st.sampled_from(held))
    delete_session(shared_client, shared_client.database or "", project, session)
    settle(shared_client)
    if data.draw(st.booleans()):
        store(shared_client, history.rows)
        settle(shared_client)
    check_without(shared_client, history.rows, as_tombstones(project, "session", session, LATER))


def check_without(client: Client, rows: list[dict[str, Any]], graves: list[Tombstone]) -> None:
    projects = {row["project_id"] for row in rows}
    assert stored_traces(client, projects) == {k: comparable(v) for k, v in expected_traces(rows, graves).items()}
    assert stored_sessions(client, projects) == {k: comparable(v) for k, v in expected_sessions(rows, graves).items()}
