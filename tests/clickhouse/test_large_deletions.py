"""A trace that is too large to be added up is not too large to be deleted."""

from collections.abc import Callable
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from clickhouse import deletion
from clickhouse.deletion import Undeleted, delete_session, delete_user
from clickhouse.rollup import accounts, traces
from clickhouse.rollup.removal import Removed
from tests.clickhouse.stored import bury, settle, store, store_scores
from tests.clickhouse.test_deletion import LATER, UNHURRIED, as_tombstones, delete_any, suppressed
from tests.clickhouse.test_log_calls import insert_told, store_told, told
from tests.clickhouse.test_rollup_cases import llm, sessions_of, span


def left_of(client: Client, project: str) -> dict[str, int]:
    """Rows of each table that holds what was said, or who said it."""
    tables = ("spans", "span_facts", "log_calls", "scores", "quarantined")
    where = {"quarantined": "quarantined_traces FINAL WHERE reason != '' AND"}
    counts = {}
    for table in tables:
        query = f"SELECT count() FROM {where.get(table, f'{table} WHERE')} project_id = {{project:String}}"
        counts[table] = client.query(query, parameters={"project": project}).result_rows[0][0]
    return counts


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace of more than three spans is quarantined, as one of more than 200,000 is; and held two at a time."""
    monkeypatch.setitem(traces._LIMITS, "max_result_rows", 3)
    monkeypatch.setattr(traces, "SPANS_PER_PART", 2)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize(
    ("delete", "subject", "logged"),
    [(delete_session, "chat", False), (delete_session, "chat", True), (delete_user, "ada", False)],
)
def test_a_trace_too_large_to_be_added_up_is_deleted_like_any_other(
    shared_client: Client, project: str, delete: Callable[[Client, str, str, str], Removed], subject: str, logged: bool
) -> None:
    """By session and by user, with what inherits them and with its log records; and its neighbours with it."""
    theirs: dict[str, Any] = {"session_id": "chat", "user_id": "ada"}
    large = [span(project, 1, **theirs), *(llm(project, number, 1) for number in range(2, 8))]
    others = [llm(project, 1, trace_id=f"{number:032x}", **theirs) for number in (2, 3)]
    store(shared_client, [*large, *others, llm(project, 9, session_id="stays", user_id="bob")])
    records = [told(project, 2), told(project, 20, 20)][: 2 * logged]
    if logged:
        insert_told(shared_client, records)
    settle(shared_client)
    assert left_of(shared_client, project) == {
        "spans": 10,
        "span_facts": 10,
        "log_calls": len(records),
        "scores": 0,
        "quarantined": 1,
    }
    assert delete(shared_client, shared_client.database or "", project, subject) == (9, 3)
    settle(shared_client)
    assert left_of(shared_client, project) == {
        "spans": 1,
        "span_facts": 1,
        "log_calls": 0,
        "scores": 0,
        "quarantined": 0,
    }
    assert set(sessions_of(shared_client, project)) == {"stays"}


@given(st.data())
@settings(UNHURRIED, max_examples=3)
def test_a_deletion_part_by_part_leaves_what_the_oracle_leaves(client: Client, data: st.DataObject) -> None:
    """Whose a span is does not depend on the part that it is read in."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(deletion, "TRACES_AT_ONCE", 1)
        small.setattr(traces, "SPANS_PER_PART", 2)
        delete_any(client, data)


@pytest.mark.usefixtures("small_slices")
def test_what_comes_late_for_a_large_trace_goes_too(shared_client: Client, project: str) -> None:
    """Though it is quarantined as soon as it is sent again; so it is on each shard, which removes its own."""
    large = [span(project, 1, session_id="chat"), *(llm(project, number, 1) for number in range(2, 8))]
    bury(shared_client, as_tombstones(project, "session", "chat", LATER))
    store(shared_client, large)
    settle(shared_client)
    assert left_of(shared_client, project) == {
        "spans": 0,
        "span_facts": 0,
        "log_calls": 0,
        "scores": 0,
        "quarantined": 0,
    }
    assert suppressed(shared_client, project) == 7


def test_what_cannot_be_deleted_is_named_when_all_the_rest_is_gone(
    shared_client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trace whose log records could belong to anything stops neither the others nor the session's scores."""
    monkeypatch.setattr(accounts, "MAX_PAIRS", 0)
    monkeypatch.setattr(deletion, "TRACES_AT_ONCE", 2)
    store(shared_client, [llm(project, 1, session_id="chat", trace_id=f"{number:032x}") for number in range(1, 5)])
    store_told(shared_client, [told(project, 1, trace_id=f"{2:032x}")])
    store_scores(
        shared_client, [{"project_id": project, "session_id": "chat", "name": "n", "value": 1.0, "score_id": "s"}]
    )
    settle(shared_client)
    with pytest.raises(Undeleted, match=f"except what is in trace {2:032x} .more than 0 calls"):
        delete_session(shared_client, shared_client.database or "", project, "chat")
    assert left_of(shared_client, project) == {
        "spans": 1,
        "span_facts": 1,
        "log_calls": 1,
        "scores": 0,
        "quarantined": 1,
    }
    queued = "SELECT sum(sign) FROM session_queue WHERE project_id = {project:String} AND session_id = 'chat'"
    assert shared_client.query(queued, parameters={"project": project}).result_rows == [(1,)]
    monkeypatch.undo()
    assert delete_session(shared_client, shared_client.database or "", project, "chat") == (1, 1)
