"""What a careful reader broke once, each by itself."""

from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.deletion import delete_session, delete_user
from clickhouse.rollup import maintenance, traces, worker
from clickhouse.rollup.maintenance import expire, forget, lag
from clickhouse.rollup.queue import TRACES, mark_done, read_pending
from clickhouse.rollup.worker import Worker
from tests.clickhouse.stored import settle, store, store_scores
from tests.clickhouse.test_retention import aged
from tests.clickhouse.test_rollup_cases import llm, sessions_of, span

TOMBSTONES = """
INSERT INTO tombstones (project_id, kind, subject, deleted_at)
SELECT {project:String}, 'trace', toFixedString(unhex(hex(SHA256(toString(number)))), 32), now64(9) FROM numbers(200001)
"""


def test_a_project_with_many_tombstones_is_recomputed_all_the_same(client: Client, project: str) -> None:
    """Deletions add up over the years; none of them may stop the numbers."""
    client.command(TOMBSTONES, parameters={"project": project})
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 1


def test_short_memory_delays_a_trace_and_does_not_lose_it(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may pass is waited for: the trace stays queued, and is right when there is memory again."""
    store(client, [llm(project, 1, session_id="chat")])
    with monkeypatch.context() as starved:
        starved.setitem(traces._LIMITS, "max_memory_usage", 1)
        Worker(client, client.database or "").round()
    assert lag(client).queued_trace_changes == 1
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 1


def test_who_talks_now_does_not_wait_for_a_rebuild(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is queued before: every round looks at the newest, too."""
    monkeypatch.setattr(worker, "MOST_PENDING", 2)
    monkeypatch.setattr(worker, "MOST_OF_NEWEST", 1)
    for number in range(1, 9):
        store(client, [llm(project, 1, session_id=f"chat {number}", trace_id=f"{number:032x}")])
    Worker(client, client.database or "").round()
    assert set(sessions_of(client, project)) == {"chat 1", "chat 2", "chat 8"}
    settle(client)
    assert len(sessions_of(client, project)) == 8


def test_a_user_is_deleted_from_traces_that_no_rollup_knows(client: Client, project: str) -> None:
    """Spans that were never recomputed are found by what they say themselves."""
    store(client, [llm(project, 1, session_id="chat", user_id="ada")])
    assert delete_user(client, client.database or "", project, "ada").spans == 1
    assert client.query("SELECT count() FROM spans").result_rows == [(0,)]


def test_a_session_with_more_spans_than_a_slice_holds_is_deleted(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slice is halved until it fits."""
    store(client, [llm(project, n, session_id="chat", trace_id=f"{n:032x}") for n in range(1, 9)])
    monkeypatch.setitem(traces._LIMITS, "max_result_rows", 3)
    assert delete_session(client, client.database or "", project, "chat").spans == 8


def test_expiry_goes_on_behind_what_is_empty_already(
    client: Client, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on one removal is no limit on all of them."""
    monkeypatch.setattr(maintenance, "MOST_TRACES", 2)
    rows: list[dict[str, Any]] = [
        llm(project, n, session_id="old", trace_id=f"{n:032x}", retention_days=30, **aged(40)) for n in range(1, 7)
    ]
    store(client, rows)
    removed = 0
    for _ in range(3):
        settle(client)
        removed += expire(client, {})
    assert removed == 6


def test_scores_go_with_what_they_are_of(client: Client, project: str) -> None:
    """Of the session, of its trace and of its span; a session that opens anew starts without them."""
    store(client, [span(project, 1, session_id="chat"), llm(project, 2, 1)])
    trace = {"project_id": project, "trace_id": f"{1:032x}", "name": "n", "value": 1.0}
    store_scores(client, [{**trace, "score_id": "a"}, {**trace, "score_id": "b", "span_id": f"{2:016x}"}])
    store_scores(client, [{"project_id": project, "session_id": "chat", "name": "n", "value": 1.0, "score_id": "c"}])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    assert client.query("SELECT count() FROM scores FINAL").result_rows == [(0,)]


def test_what_two_workers_finished_leaves_the_queue_too(client: Client, project: str) -> None:
    """Three signs do not pair; the one left over is taken away."""
    store(client, [llm(project, 1, session_id="chat")])
    twice = read_pending(client, TRACES).changes
    settle(client)
    mark_done(client, TRACES, twice)
    client.command("OPTIMIZE TABLE trace_queue FINAL")
    assert client.query("SELECT count() FROM trace_queue").result_rows == [(1,)]
    forget(client, after_seconds=0, settled_seconds=0)
    assert client.query("SELECT count() FROM trace_queue").result_rows == [(0,)]
