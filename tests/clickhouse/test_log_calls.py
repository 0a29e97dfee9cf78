"""Log records that tell of calls, in the database: they live, expire and die with what they tell of."""

import re
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.deletion import delete_project, delete_session, delete_user
from clickhouse.rollup.maintenance import expire, expire_content, forget, heal, lag, rebuild
from clickhouse.rollup.statements import statement
from clickhouse.rollup.traces import read_slice
from tests.clickhouse.stored import Row, default, settle, store, stored_traces
from tests.clickhouse.test_deletion import suppressed
from tests.clickhouse.test_retention import DAY
from tests.clickhouse.test_rollup_cases import NOW, SECOND, llm, sessions_of, span

_MARKS = "SELECT fingerprint FROM session_traces FINAL WHERE project_id = {project:String} AND session_id = ''"


def told(project: str, number: int, named: int | None = None, **columns: Any) -> dict[str, Any]:
    """A record of a call that cost a dollar, in the second of the span of that number."""
    return {
        "project_id": project,
        "trace_id": f"{1:032x}",
        "span_id": "" if named is None else f"{named:016x}",
        "record_id": f"log-{number}",
        "says": "call",
        "event": "told",
        "started_at": NOW + number * SECOND,
        "ended_at": NOW + number * SECOND + SECOND,
        "call_kind": "llm",
        "cost_usd": Decimal(1),
        "cost_source": "reported",
        "received_at": NOW // 1000,
        **columns,
    }


def insert_told(client: Client, rows: Sequence[Row]) -> None:
    columns = sorted({column for row in rows for column in row})
    client.insert("log_calls", [[row.get(column, default(column)) for column in columns] for row in rows], columns)


def store_told(client: Client, rows: Sequence[Row]) -> None:
    """As the receiver does."""
    insert_told(client, rows)
    traces = sorted({(row["project_id"], row["trace_id"]) for row in rows})
    client.insert("trace_changes", traces, ["project_id", "trace_id"])


def records_of(client: Client, project: str) -> list[str]:
    query = "SELECT DISTINCT record_id FROM log_calls WHERE project_id = {project:String} ORDER BY record_id"
    return [row[0] for row in client.query(query, parameters={"project": project}).result_rows]


def marks_of(client: Client, project: str) -> list[int]:
    return [row[0] for row in client.query(_MARKS, parameters={"project": project}).result_rows]


def test_a_record_sent_twice_is_one_call_until_its_span_comes(shared_client: Client, project: str) -> None:
    """Then it is its span's cost, and the span is all that is counted."""
    for _ in range(2):
        store_told(shared_client, [told(project, 2, 2, session_id="chat")] * 2)
        settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["turns"], session["spans"], session["cost_usd"]) == (1, 1, Decimal(1))
    store(shared_client, [span(project, 1, session_id="chat"), llm(project, 2, 1)])
    settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["turns"], session["spans"], session["cost_usd"]) == (1, 2, Decimal(1))
    assert (session["total_tokens"], session["duplicate_spans"]) == (15, 0)


def test_a_record_received_again_with_another_time_is_still_one(shared_client: Client, project: str) -> None:
    """One without a time gets that of its arrival; hours apart, the last received is the record."""
    first = told(project, 2, session_id="chat")
    later = {"started_at": NOW - 7200 * SECOND, "received_at": first["received_at"] + 1, "cost_usd": Decimal(2)}
    store_told(shared_client, [first])
    store_told(shared_client, [{**first, **later}])
    settle(shared_client)
    session = sessions_of(shared_client, project)["chat"]
    assert (session["turns"], session["cost_usd"]) == (1, Decimal(2))


def test_a_trace_without_records_is_not_asked_for_them(shared_client: Client, project: str) -> None:
    """Nor is one of a project that sends none."""
    store(shared_client, [llm(project, 1, session_id="chat")])
    store_told(shared_client, [told(f"{project}-b", 1)])
    database = shared_client.database or ""
    keys = [(project, f"{1:032x}"), (f"{project}-b", f"{1:032x}")]
    assert read_slice(shared_client, database, keys[:1]).records == {}
    assert list(read_slice(shared_client, database, keys).records) == keys[1:]


@pytest.mark.parametrize("whose", ["session", "user"])
def test_what_is_deleted_takes_its_records_along(shared_client: Client, project: str, whose: str) -> None:
    """Those joined to its spans and those that stood for some; the answer counts spans."""
    database = shared_client.database or ""
    owner: dict[str, Any] = {"session_id": "chat", "user_id": "ann"}
    store(shared_client, [span(project, 1, **owner), llm(project, 2, 1)])
    other: dict[str, Any] = {"session_id": "other", "user_id": "bob", "trace_id": f"{2:032x}"}
    store_told(shared_client, [told(project, 2, 2), told(project, 3, 3, says="around"), told(project, 4, **other)])
    settle(shared_client)
    deleted = (delete_session, delete_user)[whose == "user"]
    assert deleted(shared_client, database, project, "chat" if whose == "session" else "ann") == (2, 1)
    settle(shared_client)
    assert set(sessions_of(shared_client, project)) == {"other"}
    assert records_of(shared_client, project) == ["log-4"]


def test_a_session_of_logs_alone_can_be_deleted_and_stays_so(shared_client: Client, project: str) -> None:
    """A record that comes again, or late without an id, meets the tombstone; it is no span, so none is counted."""
    store_told(shared_client, [told(project, 2, session_id="chat")])
    settle(shared_client)
    assert delete_session(shared_client, shared_client.database or "", project, "chat") == (0, 1)
    settle(shared_client)
    store_told(shared_client, [told(project, 2, session_id="chat"), told(project, 3)])
    settle(shared_client)
    assert sessions_of(shared_client, project) == {}
    assert stored_traces(shared_client, [project]) == {}
    assert (records_of(shared_client, project), suppressed(shared_client, project)) == ([], 0)


def test_a_deleted_project_keeps_no_record(shared_client: Client, project: str) -> None:
    """And its neighbour all of them."""
    store_told(shared_client, [told(project, 2, session_id="chat"), told(f"{project}-b", 2, session_id="chat")])
    settle(shared_client)
    delete_project(shared_client, shared_client.database or "", project)
    settle(shared_client)
    assert (sessions_of(shared_client, project), records_of(shared_client, project)) == ({}, [])
    assert records_of(shared_client, f"{project}-b") == ["log-2"]


def test_records_expire_with_their_trace(client: Client, project: str) -> None:
    """A trace known by logs alone expires as well, and leaves nothing."""
    old: dict[str, Any] = {"started_at": NOW - 40 * DAY, "ended_at": NOW - 40 * DAY, "retention_days": 30}
    store(client, [llm(project, 1, session_id="alive", retention_days=30)])
    dead = told(project, 2, session_id="dead", trace_id=f"{2:032x}", **old)
    store_told(client, [told(project, 1, 1, **old), dead])
    settle(client)
    assert expire(client, {}) == 0  # spans
    settle(client)
    assert set(sessions_of(client, project)) == {"alive"}
    assert records_of(client, project) == ["log-1"]


def test_words_of_records_expire_before_their_numbers(client: Client, project: str) -> None:
    """Messages and previews go, cost stays."""
    said: dict[str, Any] = {
        "input_messages": "[1]",
        "output_messages": "[2]",
        "input_preview": "hi",
        "output_preview": "hello",
    }
    past = int(time.time()) - 60
    store_told(client, [told(project, 1, session_id="chat", content_until=past, **said)])
    store_told(client, [told(project, 2, session_id="kept", trace_id=f"{2:032x}", **said)])
    settle(client)
    assert sessions_of(client, project)["chat"]["input_preview"] == ""
    assert expire_content(client) == 1
    settle(client)
    sessions = sessions_of(client, project)
    assert (sessions["chat"]["cost_usd"], sessions["kept"]["input_preview"]) == (Decimal(1), "hi")
    query = "SELECT input_messages, output_messages, output_preview FROM log_calls ORDER BY record_id"
    assert client.query(query).result_rows == [("", "", ""), ("[1]", "[2]", "hello")]
    assert expire_content(client) == 0


def test_a_crash_between_storing_records_and_queueing_is_healed(client: Client, project: str) -> None:
    """By the fingerprint, in which they are; what is healed is so but once."""
    store(client, [llm(project, 1, session_id="chat")])
    settle(client)
    before = marks_of(client, project)
    insert_told(client, [told(project, 1, 1)])
    heal(client, grace_seconds=0)
    assert lag(client).queued_trace_changes == 1
    settle(client)
    assert sessions_of(client, project)["chat"]["cost_usd"] == Decimal(1)
    assert marks_of(client, project) != before
    heal(client, everything=True, grace_seconds=0)
    assert lag(client).queued_trace_changes == 0


def test_rebuild_finds_traces_that_only_logs_know(client: Client, project: str) -> None:
    """Indexes and rollups may all be lost; the records bring them back."""
    store_told(client, [told(project, 2, session_id="chat")])
    settle(client)
    before = sessions_of(client, project)
    for table in ("trace_index", "trace_sessions", "session_traces", "sessions"):
        client.command(f"TRUNCATE TABLE {table}")
    rebuild(client, lambda _: None)
    settle(client)
    assert sessions_of(client, project) == before != {}


def test_a_trace_is_not_forgotten_while_records_of_it_arrive(client: Client, project: str) -> None:
    """Its index goes an hour after the last of them, not before."""
    store_told(client, [told(project, 2, session_id="chat")])
    settle(client)
    delete_session(client, client.database or "", project, "chat")
    settle(client)
    insert_told(client, [told(project, 9, started_at=time.time_ns() + SECOND, session_id="chat")])
    older = "ALTER TABLE session_traces UPDATE recomputed_at = now64(6) - INTERVAL 2 HOUR WHERE 1"
    client.command(older, settings={"mutations_sync": 2})
    forget(client)
    heal(client, everything=True, grace_seconds=0)
    settle(client)
    assert sessions_of(client, project)["chat"]["turns"] == 1


@pytest.mark.parametrize("table", ["trace_index", "trace_sessions"])
def test_a_rebuild_from_records_says_what_its_view_says(client: Client, table: str) -> None:
    """Rows made anew are those that came with the records."""
    text = re.sub(r"--[^\n]*\n|INSERT INTO \w+\n", "", statement(f"rebuild_log_{table}"))
    without_day = re.sub(r"WHERE toDate\(l\.started_at\) = \{day:Date\}[^\n]*\n?", "", text)
    query = "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = {name:String}"
    [(view,)] = client.query(query, parameters={"name": f"log_{table}_mv"}).result_rows
    own = client.query("SELECT formatQuery({text:String})", parameters={"text": without_day}).result_rows
    its = client.query(
        "SELECT formatQuery({text:String})", parameters={"text": view.replace(f"{client.database}.", "")}
    ).result_rows
    assert own == its
