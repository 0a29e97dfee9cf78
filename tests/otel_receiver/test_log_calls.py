"""Log records joined to their spans, from the bytes of real SDKs to the sessions they add up to."""

import asyncio
import itertools
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.projects import Project, Projects
from otel_receiver.batch import Batch, merged
from otel_receiver.codec import decoded, encoded
from otel_receiver.dialects.log_events import read_log
from otel_receiver.export import Received
from otel_receiver.log_rows import write_log_rows
from otel_receiver.mapper import DialectMapper
from otel_receiver.otlp import LogRecord, decode_logs, decode_traces
from otel_receiver.pricing import Prices
from otel_receiver.span import Attributes, Resource, Scope
from otel_receiver.tables import Tables
from tests.clickhouse.stored import settle, stored_sessions, stored_traces
from tests.otel_receiver.dialects.recordings import PAYLOADS, RECORDED_NS, expected

WITH_LOGS = sorted({path.parent.name for path in PAYLOADS.glob("*/logs-*.binpb")})
NUMBERS = (
    *("turns", "errors", "spans", "tool_calls", "embeddings", "input_tokens", "output_tokens", "duplicate_spans"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "traces", "error_traces", "duration_ns"),
)


def batches(name: str, project: str, pattern: str) -> list[Batch]:
    """One per recorded request, as the desk makes them."""
    owner = Project(project)
    mapper, received = DialectMapper(Projects({project: owner}, {})), Received(RECORDED_NS)
    bodies = [path.read_bytes() for path in sorted((PAYLOADS / name).glob(pattern))]
    if pattern.startswith("logs"):
        return [mapper.logs(decode_logs(body, "protobuf", RECORDED_NS).records, owner, received) for body in bodies]
    return [mapper.spans(decode_traces(body, "protobuf", RECORDED_NS).spans, owner, received) for body in bodies]


def insert(database: Database, some: Iterable[Batch]) -> None:
    async def play() -> None:
        tables = Tables(database)
        try:
            for batch in some:
                await tables.insert(batch)
        finally:
            await tables.close()

    asyncio.run(play())


def the_session(client: Client, project: str) -> dict[str, Any]:
    [session] = stored_sessions(client, [project]).values()
    return session


def calls_of(client: Client, project: str) -> list[dict[str, Any]]:
    traces = sorted(stored_traces(client, [project]).values(), key=lambda row: row["started_at"])
    return [call for row in traces for call in row["calls"]]


@pytest.mark.parametrize("name", WITH_LOGS)
def test_logs_change_no_number_that_spans_give(
    shared_database: Database, shared_client: Client, project: str, name: str
) -> None:
    """Tokens and turns are in both, and stay what the spans say; only cost may be better known."""
    insert(shared_database, batches(name, project, "[0-9]*.binpb"))
    settle(shared_client)
    alone = the_session(shared_client, project)
    insert(shared_database, batches(name, project, "logs-*.binpb"))
    settle(shared_client)
    both = the_session(shared_client, project)
    assert {field: both[field] for field in NUMBERS} == {field: alone[field] for field in NUMBERS}


def in_turn(logs: list[Batch], spans: list[Batch]) -> list[Batch]:
    return [batch for pair in itertools.zip_longest(logs, spans) for batch in pair if batch is not None]


def test_logs_and_spans_may_come_in_any_order_and_twice(
    shared_database: Database, shared_client: Client, project: str
) -> None:
    """With recomputes in between: a call that stood for itself goes when its span comes, every field is the same."""
    in_turns: list[list[Batch]] = []
    for pattern in ("[0-9]*.binpb", "logs-*.binpb"):
        as_sent = [batch for name in WITH_LOGS for batch in batches(name, f"{project}-{name}", pattern)]
        insert(shared_database, [merged(as_sent)])
    for name in WITH_LOGS:
        own = f"{project}-{name}-turned"
        spans, logs = batches(name, own, "[0-9]*.binpb"), batches(name, own, "logs-*.binpb")
        in_turns.append(in_turn(logs[::-1], spans[::-1]) * 2)
    for step in itertools.zip_longest(*in_turns):
        insert(shared_database, [merged([batch for batch in step if batch is not None])])  # no two of one project
        settle(shared_client)
    for name in WITH_LOGS:
        alike = [the_session(shared_client, f"{project}-{name}{turned}") for turned in ("", "-turned")]
        assert alike[0] | {"project_id": ""} == alike[1] | {"project_id": ""}, name


def test_claude_code_gives_its_cost_in_logs(shared_database: Database, shared_client: Client, project: str) -> None:
    """Reported, of the requests whose tokens the spans count; the words of its answers come with it."""
    insert(shared_database, batches("claude_code", project, "[0-9]*.binpb"))
    insert(shared_database, batches("claude_code", project, "logs-*.binpb"))
    settle(shared_client)
    session = the_session(shared_client, project)
    tokens = [session[f"{kind}_tokens"] for kind in ("input", "output", "cache_read", "cache_write")]
    assert tokens == [867, 69, 224, 24]
    assert (session["turns"], session["errors"], session["tool_calls"]) == (4, 1, 1)
    assert session["cost_usd"] == Decimal("0.0030492")
    turns = [call for call in calls_of(shared_client, project) if call["kind"] == "llm"]
    assert [call["cost_source"] for call in turns] == ["reported"] * 3 + [""]
    assert session["input_preview"] == "Hello, who are you?"
    assert session["output_preview"] == "It is rainy and 14C in Paris."


def without_trace(record: LogRecord) -> LogRecord:
    return record._replace(trace_id="", span_id="")


@pytest.mark.parametrize("traced", [True, False])
def test_claude_code_is_whole_where_it_exports_logs_alone(
    shared_database: Database, shared_client: Client, project: str, traced: bool
) -> None:
    """Its default: no span ever comes, nor, without tracing, an id of a trace; a prompt is a trace then."""
    bodies = [path.read_bytes() for path in sorted((PAYLOADS / "claude_code").glob("logs-*.binpb"))]
    records = [record for body in bodies for record in decode_logs(body, "protobuf", RECORDED_NS).records]
    told = [read_log(record if traced else without_trace(record)) for record in records]
    batch = write_log_rows([log for log in told if log is not None], Project(project), Prices(), Received(RECORDED_NS))
    for _ in range(2):
        insert(shared_database, [batch])
        settle(shared_client)
    session = the_session(shared_client, project)
    tokens = [session[f"{kind}_tokens"] for kind in ("input", "output", "cache_read", "cache_write")]
    assert tokens == [867, 69, 224, 24]
    assert (session["traces"], session["turns"], session["errors"], session["tool_calls"]) == (3, 4, 1, 1)
    assert session["cost_usd"] == Decimal("0.0030492")
    assert session["session_id"] == expected("claude_code")["session_id"]
    assert (session["user_id"], session["tools"]) == (expected("claude_code")["user_id"], ["Read"])
    assert session["input_preview"] == "Hello, who are you?"
    assert session["output_preview"] == "It is rainy and 14C in Paris."


@pytest.mark.parametrize("name", ["otel_openai_v2_legacy", "google_adk_legacy", "ms_agent_framework"])
def test_messages_of_logs_are_the_previews_of_their_calls(
    shared_database: Database, shared_client: Client, project: str, name: str
) -> None:
    """What was asked first and answered last, where spans may carry no word."""
    insert(shared_database, batches(name, project, "logs-*.binpb"))
    insert(shared_database, batches(name, project, "[0-9]*.binpb"))
    settle(shared_client)
    session = the_session(shared_client, project)
    assert session["input_preview"] == "Hello, who are you?"
    assert "14C in Paris" in session["output_preview"]


def test_adk_names_its_user_in_logs_alone(shared_database: Database, shared_client: Client, project: str) -> None:
    """Its session has one all the same."""
    insert(shared_database, batches("google_adk_legacy", project, "logs-*.binpb"))
    insert(shared_database, batches("google_adk_legacy", project, "[0-9]*.binpb"))
    settle(shared_client)
    assert the_session(shared_client, project)["user_id"] == expected("google_adk_legacy")["user_id"]


def test_messages_stand_in_order_for_whoever_shows_them(
    shared_database: Database, shared_client: Client, project: str
) -> None:
    """Each record is a list of messages; by time and position they are the conversation."""
    insert(shared_database, batches("otel_openai_v2_legacy", project, "logs-*.binpb"))
    rows = shared_client.query(
        "SELECT input_messages, output_messages FROM log_calls FINAL WHERE project_id = {project:String}"
        " ORDER BY started_at, position",
        parameters={"project": project},
    ).result_rows
    said = [message["role"] for row in rows for text in row if text for message in json.loads(text)]
    assert said[:8] == ["system", "user", "assistant", *("system", "user", "assistant", "user", "assistant")]


def record_of(**changes: Any) -> LogRecord:
    attributes: Attributes = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3, "session.id": "s"}
    name = "gen_ai.client.inference.operation.details"
    known = LogRecord(
        RECORDED_NS, RECORDED_NS, "", name, None, attributes, "a" * 32, "b" * 16, Resource({}), Scope("scope")
    )
    return known._replace(**changes)


def test_a_record_is_known_by_what_was_sent() -> None:
    """Not by when it arrived; and any difference makes another one."""
    late = {"time_ns": RECORDED_NS + 5, "sent_time_ns": RECORDED_NS}
    records = [record_of(), record_of(**late), record_of(span_id=""), record_of(body="x"), record_of(attributes={})]
    ids = [log.record_id for log in map(read_log, records) if log is not None]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4


def test_a_batch_of_accounts_comes_back_from_the_disk() -> None:
    """Also one of the days before there were any."""
    log = read_log(record_of())
    assert log is not None
    batch = write_log_rows([log], Project("p"), Prices(), Received(RECORDED_NS))
    again, _ = decoded(encoded(batch))
    assert (again.row_count, again.span_count, again.trace_ids()) == (1, 0, {("p", "a" * 32)})
    assert [part.row_count for part in (batch.part(0, 1), batch.part(1, 2))] == [1, 0]
    assert decoded(b'{"spans": {}, "scores": {}}')[0].row_count == 0


def test_rows_of_log_calls_have_the_columns_of_the_table(shared_client: Client) -> None:
    """All of them, but what the database fills in itself."""
    log = read_log(record_of())
    assert log is not None
    written = write_log_rows([log], Project("p"), Prices(), Received(RECORDED_NS)).log_calls
    described = shared_client.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'log_calls'"
        " AND default_kind = ''"
    ).result_rows
    assert {row[0] for row in described} == set(written)


def test_content_of_logs_obeys_the_project() -> None:
    """Off is off: the numbers stay."""
    attributes: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "secret"}]}],
    }
    log = read_log(record_of(attributes=attributes))
    assert log is not None
    kept = write_log_rows([log], Project("p"), Prices(), Received(RECORDED_NS))
    silent = write_log_rows([log], Project("p", content="off"), Prices(), Received(RECORDED_NS))
    assert "secret" in str(kept.log_calls)
    assert "secret" not in str(silent.log_calls)
    assert list(silent.log_calls["input_tokens"]) == [3]


def test_a_score_that_names_no_trace_is_of_its_session(
    shared_database: Database, shared_client: Client, project: str
) -> None:
    """And one that names neither is nobody's, but kept."""
    scored: Attributes = {"gen_ai.evaluation.name": "kind", "gen_ai.evaluation.score.value": 0.5}
    of_session: Attributes = {**scored, "session.id": "s"}
    event = {"event_name": "gen_ai.evaluation.result", "trace_id": "", "span_id": ""}
    records = [record_of(), record_of(**event, attributes=of_session), record_of(**event, attributes=scored)]
    owner = Project(project)
    mapper = DialectMapper(Projects({project: owner}, {}))
    for one in records:
        insert(shared_database, [mapper.logs([one], owner, Received(RECORDED_NS))])
        settle(shared_client)
    assert the_session(shared_client, project)["scores"] == [["kind", 0.5, "", 1]]
