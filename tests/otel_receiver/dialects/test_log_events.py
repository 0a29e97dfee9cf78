"""Log records that tell of calls: whole accounts, parts, scores; and those that tell of none."""

import json
from decimal import Decimal
from typing import Any

import pytest

from otel_receiver.call import Score, Usage
from otel_receiver.dialects.log_events import LogCall, read_log
from otel_receiver.otlp import LogRecord
from otel_receiver.span import Attributes, Resource, Scope
from tests.otel_receiver.dialects.recordings import NAMES, expected, told, told_in_logs
from tests.otel_receiver.dialects.spans import START_NS

ACCOUNTS = ["otel_genai_openai_root", "otel_openai_v2_root", "openlit"]
MESSAGES = ["otel_openai_v2_legacy", "google_adk_legacy"]


def record_of(name: str, attributes: Attributes | None = None, body: Any = None, scope: str = "") -> LogRecord:
    trace_id, span_id = "a" * 32, "b" * 16
    return LogRecord(
        START_NS, START_NS, "", name, body, attributes or {}, trace_id, span_id, Resource({}), Scope(scope)
    )


def log_of(name: str, attributes: Attributes | None = None, body: Any = None, scope: str = "") -> LogCall:
    log = read_log(record_of(name, attributes, body, scope))
    assert log is not None
    return log


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_says_what_its_span_says(name: str) -> None:
    """Tokens, models, messages: it can stand for a span that never comes."""
    spans = {call.response_id: call for _, call in told(name) if call.response_id and call.kind == "llm"}
    logs = {log.call.response_id: log for log in told_in_logs(name) if log.call.response_id}
    assert logs.keys() == spans.keys()
    for response_id, log in logs.items():
        span = spans[response_id]
        assert (log.says, log.around) == ("call", False)
        assert (log.call.kind, log.call.usage, log.call.response_model) == (span.kind, span.usage, span.response_model)
        assert log.call.content[6:] == span.content[6:]
        assert json.loads(log.call.content.input_messages) == json.loads(span.content.input_messages)


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_come_one_by_one(name: str) -> None:
    """Parts of the span they name, in the form, by whomever."""
    logs = told_in_logs(name)
    spans = {span.span_id for span, call in told(name) if call.kind == "llm"}
    assert {log.span_id for log in logs} <= spans
    assert {log.says for log in logs} == {"part"}
    last_words = [log.call.content.input_preview for log in logs if log.call.content.input_preview]
    assert last_words[-1] == "Please FAIL500 now"
    asked = [json.loads(log.call.content.output_messages) for log in logs if log.call.content.output_messages]
    parts = [part for messages in asked for message in messages for part in message["parts"]]
    calls = [part for part in parts if part["type"] == "tool_call"]
    assert [part["arguments"] for part in calls] == [{"city": "Paris"}]


def test_adk_names_its_user_in_logs_alone() -> None:
    """So whoever joins them must look."""
    users = {log.call.ids.user_id for log in told_in_logs("google_adk_legacy")} - {None}
    assert users == {expected("google_adk_legacy")["user_id"]}


def test_claude_code_reports_cost_around_the_call() -> None:
    """A record names the interaction's span, not the request's; its input includes cached tokens like the span's."""
    logs = [log for log in told_in_logs("claude_code") if log.event == "api_request"]
    spans = [call.usage for _, call in told("claude_code") if call.kind == "llm" and not call.failed]
    assert [log.call.usage for log in logs] == spans
    assert [log.call.reported_cost_usd for log in logs] == [
        Decimal("0.0005976"),
        Decimal("0.0010572"),
        Decimal("0.0013944"),
    ]
    assert all(log.around and log.says == "call" and log.call.dialect == "claude_code" for log in logs)
    assert [(log.end_ns - log.start_ns) // 1_000_000 for log in logs] == [262, 161, 278]
    interactions = {span.span_id for span, call in told("claude_code") if call.kind == "agent"}
    assert {log.span_id for log in logs} <= interactions


def test_claude_code_tells_of_failures_tools_and_words() -> None:
    """Errors and tools are calls, prompts and answers parts of the interaction."""
    logs = {log.event: log for log in told_in_logs("claude_code")}
    error, tool = logs["api_error"].call, logs["tool_result"].call
    assert (error.failed, error.error_type, error.error_message) == (True, "500", "fake 500")
    assert (tool.kind, tool.tool_name, tool.tool_call_id, tool.failed) == ("tool", "Read", "toolu_2", False)
    assert json.loads(tool.content.tool_arguments) == expected("claude_code")["tool_calls"][0]["args"]
    assert logs["user_prompt"].call.content.input_preview == "Please FAIL500 now"
    assert logs["assistant_response"].call.content.output_preview == "It is rainy and 14C in Paris."
    assert {log.call.ids.session_id for log in logs.values()} == {expected("claude_code")["session_id"]}


def test_every_record_of_the_recordings_is_read_without_a_flaw() -> None:
    """None of them is in a shape nobody knows."""
    assert {log.call.flaws for name in NAMES for log in told_in_logs(name)} == {()}


def test_semantic_kernel_writes_its_body_as_json() -> None:
    """A text that holds the message."""
    log = log_of("gen_ai.user.message", body='{"role": "user", "content": "Hello"}')
    assert log.call.content.input_preview == "Hello"
    choice = '{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "FinishReason.STOP"}'
    log = log_of("gen_ai.choice", body=choice)
    assert (log.call.content.output_preview, log.call.finish_reasons) == ("Hi", ("stop",))


def test_an_evaluation_is_a_score_of_its_span() -> None:
    """With the answer's id, for those that name no span."""
    attributes: Attributes = {
        "gen_ai.evaluation.name": "Relevance",
        "gen_ai.evaluation.score.value": 4.0,
        "gen_ai.response.id": "chatcmpl-1",
        "session.id": "s-1",
    }
    log = log_of("gen_ai.evaluation.result", attributes)
    assert (log.says, log.call.kind) == ("score", "")
    assert log.call.scores == (Score("Relevance", 4.0, at_ns=START_NS),)
    assert (log.call.response_id, log.call.ids.session_id) == ("chatcmpl-1", "s-1")


def test_an_exception_is_a_part_of_its_call() -> None:
    """Where the convention moved it."""
    log = log_of("gen_ai.client.operation.exception", {"exception.type": "a.B", "exception.message": "why"})
    assert (log.says, log.call.failed, log.call.error_type, log.call.error_message) == ("part", True, "a.B", "why")


def test_an_account_of_a_failure_is_one() -> None:
    """It has no status, only the type."""
    assert log_of("gen_ai.client.inference.operation.details", {"error.type": "x"}).call.failed is True


@pytest.mark.parametrize(
    ("name", "scope"),
    [("", ""), ("session.start", ""), ("api_request", "codex"), ("tool_decision", "com.anthropic.claude_code.events")],
)
def test_other_records_tell_of_no_call(name: str, scope: str) -> None:
    """Names are believed from those who have them."""
    assert read_log(record_of(name, {"input_tokens": 5}, scope=scope)) is None


@pytest.mark.parametrize("duration", [None, "", "x", -5, 1.5, "9" * 30])
def test_a_duration_that_is_none_leaves_a_point_in_time(duration: Any) -> None:
    """The call ended when the record says."""
    log = log_of("claude_code.api_request", {"duration_ms": duration, "input_tokens": 1})
    assert log.start_ns == log.end_ns == START_NS
    assert log.call.usage == Usage(1)
