"""The named cases: what peers get wrong, each by itself, through the real database."""

import threading
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connect
from clickhouse.rollup.maintenance import heal, lag, rebuild
from clickhouse.rollup.worker import Worker
from tests.clickhouse.stored import comparable, settle, store, stored_sessions, stored_traces
from tests.oracle import expected_sessions, expected_traces

SECOND = 1_000_000_000
NOW = time.time_ns() // SECOND * SECOND - 60 * SECOND


def span(project: str, number: int, parent: int | None = None, **columns: Any) -> dict[str, Any]:
    """A span of a second, each starting a second after the one before."""
    start = NOW + number * SECOND
    return {
        "project_id": project,
        "trace_id": f"{1:032x}",
        "span_id": f"{number:016x}",
        "parent_span_id": "" if parent is None else f"{parent:016x}",
        "started_at": start,
        "ended_at": start + SECOND,
        "received_at": NOW // 1000,
        **columns,
    }


def llm(project: str, number: int, parent: int | None = None, **columns: Any) -> dict[str, Any]:
    counted = {"call_kind": "llm", "request_model": "m", "input_tokens": 10, "output_tokens": 5}
    return span(
        project, number, parent, **{**counted, "cost_usd": Decimal("0.25"), "cost_source": "computed", **columns}
    )


def sessions_of(client: Client, project: str) -> dict[str, dict[str, Any]]:
    return {session: row for (_, session), row in stored_sessions(client, [project]).items()}


def equals_the_oracle(client: Client, rows: Sequence[dict[str, Any]]) -> None:
    projects = {row["project_id"] for row in rows}
    assert stored_traces(client, projects) == {key: comparable(row) for key, row in expected_traces(rows).items()}
    assert stored_sessions(client, projects) == {key: comparable(row) for key, row in expected_sessions(rows).items()}


def test_a_root_that_arrives_last_brings_its_session_to_all(shared_client: Client, project: str) -> None:
    """Children are nobody's until the root says whose they are; then everything they cost is its session's."""
    store(shared_client, [llm(project, 2, 1), llm(project, 3, 1)])
    settle(shared_client)
    assert sessions_of(shared_client, project) == {}
    store(shared_client, [span(project, 1, session_id="chat")])
    settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["turns"], session["input_tokens"], session["cost_usd"]) == (2, 20, Decimal("0.5"))
    assert session["inherited_spans"] == 2


def test_what_is_sent_again_counts_once(shared_client: Client, project: str) -> None:
    """A client that retries, and a whole batch that comes again, change no number."""
    rows = [span(project, 1, session_id="chat"), llm(project, 2, 1)]
    for _ in range(3):
        store(shared_client, [*rows, *rows])
        settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["spans"], session["turns"], session["total_tokens"]) == (2, 1, 15)


def test_a_rebound_trace_leaves_nothing_behind(shared_client: Client, project: str) -> None:
    """A child's session holds the trace until the root names another; then the first keeps only its own spans."""
    child = llm(project, 2, 1, session_id="of the child")
    store(shared_client, [child, llm(project, 3, 1)])
    settle(shared_client)
    assert sessions_of(shared_client, project)["of the child"]["turns"] == 2
    root = span(project, 1, session_id="of the root")
    store(shared_client, [root])
    settle(shared_client)
    equals_the_oracle(shared_client, [root, child, llm(project, 3, 1)])
    assert sessions_of(shared_client, project)["of the child"]["turns"] == 1


def test_a_session_that_loses_everything_is_gone(shared_client: Client, project: str) -> None:
    """A conversation id binds until an explicit id comes; then its session has nothing and is not listed."""
    store(shared_client, [llm(project, 2, 1, conversation_id="conversation")])
    settle(shared_client)
    assert set(sessions_of(shared_client, project)) == {"conversation"}
    store(shared_client, [span(project, 1, session_id="session")])
    settle(shared_client)
    assert set(sessions_of(shared_client, project)) == {"session"}


def test_two_projects_with_one_session_id_never_meet(shared_client: Client, project: str) -> None:
    """The project is part of every key."""
    store(
        shared_client, [llm(project, 1, session_id="chat"), llm(f"{project}-b", 1, session_id="chat", input_tokens=99)]
    )
    settle(shared_client)
    assert sessions_of(shared_client, project)["chat"]["input_tokens"] == 10
    assert sessions_of(shared_client, f"{project}-b")["chat"]["input_tokens"] == 99


def test_a_span_that_comes_again_with_another_start_is_still_one(shared_client: Client, project: str) -> None:
    """Days apart, in another partition, the last received is the span."""
    first = llm(project, 2, session_id="chat", started_at=NOW - 2 * 86_400 * SECOND, ended_at=NOW)
    again = llm(project, 2, session_id="chat", received_at=first["received_at"] + 1, input_tokens=7)
    store(shared_client, [first])
    store(shared_client, [again])
    settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["spans"], session["input_tokens"], session["duplicate_spans"]) == (1, 7, 1)


def test_an_older_copy_that_arrives_later_changes_nothing(shared_client: Client, project: str) -> None:
    """Another receiver's late batch does not undo what was received after it."""
    store(shared_client, [llm(project, 1, session_id="chat", received_at=NOW // 1000 + 5, input_tokens=1)])
    settle(shared_client)
    store(shared_client, [llm(project, 1, session_id="chat", received_at=NOW // 1000, input_tokens=2)])
    settle(shared_client)
    assert sessions_of(shared_client, project)["chat"]["input_tokens"] == 1


def test_a_session_of_two_hundred_traces_has_exact_percentiles(shared_client: Client, project: str) -> None:
    """A percentile comes from the calls themselves, never from traces' averages."""
    rows = [
        llm(project, number, session_id="long", trace_id=f"{number:032x}", ended_at=NOW + number * SECOND + number**2)
        for number in range(1, 201)
    ]
    store(shared_client, rows)
    settle(shared_client)
    equals_the_oracle(shared_client, rows)


def test_four_writers_and_two_workers_end_at_the_oracle(database: Database, project: str) -> None:
    """Concurrent deliveries of overlapping batches, recomputed by two at once, add up to the same."""
    rows = [
        llm(project, 10 * trace + part, 10 * trace, trace_id=f"{trace:032x}", started_at=NOW + part * SECOND)
        for trace in range(1, 61)
        for part in range(1, 5)
    ]
    rows += [
        span(project, 10 * trace, session_id=f"chat-{trace % 7}", trace_id=f"{trace:032x}", started_at=NOW)
        for trace in range(1, 61)
    ]
    for row in rows:
        row["ended_at"] = row["started_at"] + SECOND
    finished = threading.Event()
    failures: list[BaseException] = []

    def write(offset: int) -> None:
        with_own = connect(database)
        for start in range(0, len(rows), 20):
            at = (start + offset * 77) % len(rows)
            store(with_own, rows[at : at + 30])

    def recompute() -> None:
        try:
            worker = Worker(connect(database), database.everywhere)
            while not finished.is_set() or worker.round().anything:
                worker.round()
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    workers = [threading.Thread(target=recompute) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for each in (*workers, *writers):
        each.start()
    for each in writers:
        each.join()
    finished.set()
    for each in workers:
        each.join()
    assert failures == []
    client = connect(database)
    settle(client)
    equals_the_oracle(client, rows)


def test_a_crash_between_storing_and_queueing_is_healed(client: Client, project: str) -> None:
    """Spans whose trace nobody queued are found by their fingerprint, and only those."""
    root, call = span(project, 1, session_id="chat"), llm(project, 2, 1)
    store(client, [root])
    settle(client)
    client.insert("spans", [[call[column] for column in call]], list(call))
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 0
    heal(client, grace_seconds=0)
    assert lag(client).queued_trace_changes == 1
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 1
    heal(client, everything=True, grace_seconds=0)
    assert lag(client).queued_trace_changes == 0


def test_a_recompute_that_died_half_way_is_healed(client: Client, project: str) -> None:
    """Rows were written and their sessions perhaps not queued: it is not noted as finished, and done again, once."""
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    heal(client, grace_seconds=0)
    assert lag(client).queued_trace_changes == 0
    client.command(
        "INSERT INTO session_traces (project_id, trace_id, session_id, version, fingerprint) "
        "SELECT project_id, trace_id, '', version + toIntervalMillisecond(1), fingerprint "
        "FROM session_traces FINAL WHERE session_id = ''"
    )
    heal(client, grace_seconds=0)
    assert lag(client).queued_trace_changes == 1
    settle(client)
    heal(client, grace_seconds=0)
    assert lag(client).queued_trace_changes == 0


def test_rebuild_makes_everything_anew_from_the_spans(client: Client, project: str) -> None:
    """Facts, index and rollups may all be lost; the spans bring them back."""
    rows = [span(project, 1, session_id="chat"), llm(project, 2, 1)]
    store(client, rows)
    settle(client)
    rolled_up = ("session_traces", "session_half_hours", "sessions", "half_hours")
    for table in ("span_facts", "trace_index", "trace_sessions", *rolled_up):
        client.command(f"TRUNCATE TABLE {table}")
    rebuild(client, lambda _: None)
    settle(client)
    equals_the_oracle(client, rows)


def test_what_is_done_leaves_the_queue(client: Client, project: str) -> None:
    """A queue that has been worked off is empty, and merges take its rows away."""
    for number in range(5):
        store(client, [llm(project, number, session_id="chat", trace_id=f"{number + 1:032x}")])
    settle(client)
    assert lag(client) == (0, 0, 0.0, 0)
    client.command("OPTIMIZE TABLE trace_queue FINAL")
    assert client.query("SELECT count() FROM trace_queue").result_rows == [(0,)]


def test_stamps_grow_even_when_the_rows_that_carried_them_are_gone(client: Client, project: str) -> None:
    """A stamp from a clock an hour ahead still counts after its row was merged away."""
    client.command(
        "INSERT INTO trace_queue SELECT now64(6) + INTERVAL 1 HOUR, generateUUIDv4(), {project:String}, 't', 1",
        parameters={"project": project},
    )
    settle(client)
    client.command("OPTIMIZE TABLE trace_queue FINAL")
    client.insert("trace_changes", [[project, "u"]], ["project_id", "trace_id"])
    ahead = client.query("SELECT max(stamp) > now64(6) + INTERVAL 59 MINUTE FROM trace_queue").result_rows
    assert bool(ahead[0][0])


def test_any_session_id_works(shared_client: Client, project: str) -> None:
    """Ids are anybody's text, and travel as text."""
    odd = ["a/b", "?#%&", "'; DROP TABLE spans --", "tab\there", "new\nline", "\\N", "🌙", "עברית", ".."]
    store(shared_client, [llm(project, 1, session_id=one, trace_id=f"{n:032x}") for n, one in enumerate(odd, 1)])
    settle(shared_client)
    assert set(sessions_of(shared_client, project)) == set(odd)
