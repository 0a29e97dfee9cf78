"""Log records that tell of calls: read with the same table as spans, because they say the same things.

A record may give the whole account of a call, a part of one (a message, an error), or a score of one. What it gives
fills gaps of the span it names; a whole account stands for the call where no span of it ever comes. Numbers are in
spans and in logs, so they are never added up.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from otel_receiver.call import Call, CallKind
from otel_receiver.dialects import read
from otel_receiver.otlp import LogRecord
from otel_receiver.span import Attributes, Event, Resource, Scope, Span
from otel_receiver.values import opened

EVENTS = (
    "https://github.com/open-telemetry/semantic-conventions-genai/blob/997a19cc9be3bcd54fe4f45213df8c274f4776f0"
    "/docs/gen-ai/gen-ai-events.md"
)
MESSAGES = "https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md"
CLAUDE_CODE = "https://code.claude.com/docs/en/monitoring-usage (events); Claude Code 2.1.197"

_CLAUDE_SCOPE = "com.anthropic.claude_code"
_CLAUDE_PREFIX = "claude_code."


class LogCall(NamedTuple):
    trace_id: str
    span_id: str
    event: str
    says: Literal["call", "part", "score"]
    around: bool  # the span named is the one around the call, not the call's own
    start_ns: int
    end_ns: int
    call: Call
    resource: Resource
    scope: Scope
    record_id: str  # of what was sent: sent twice is once


class _Known(NamedTuple):
    """How records of one name are read."""

    says: Literal["call", "part", "score"]
    source: str
    kind: CallKind | None = None  # None: as the record says itself
    told: Callable[[LogRecord], tuple[Event, ...]] = lambda _record: ()
    status: Callable[[LogRecord], str] = lambda _record: "unset"


def read_log(record: LogRecord) -> LogCall | None:
    """None for a record that tells of no call."""
    name, is_claude = record.event_name, _is_claude_code(record)
    known = _CLAUDE_EVENTS.get(name.removeprefix(_CLAUDE_PREFIX)) if is_claude else _EVENTS.get(name)
    if known is None:
        return None
    end_ns = record.time_ns or record.observed_ns
    start_ns = end_ns - _duration_ns(record.attributes.get("duration_ms"))
    status = known.status(record)
    events = known.told(record)
    span = Span(
        record.trace_id,
        record.span_id,
        "",
        name,
        "internal",
        start_ns,
        end_ns,
        status,
        "",
        record.attributes,
        events,
        (),
        record.resource,
        record.scope,
    )
    call = read(span, known.kind)
    if is_claude:
        call = call._replace(dialect="claude_code")
    around = is_claude and known.says == "call"
    record_id = _record_id(record)
    trace_id = record.trace_id if record.trace_id != "" else _own_trace_id(record, known.says, record_id)
    return LogCall(
        trace_id,
        record.span_id,
        name,
        known.says,
        around,
        start_ns,
        end_ns,
        call,
        record.resource,
        record.scope,
        record_id,
    )


def _record_id(record: LogRecord) -> str:
    """Without the time of arrival, which is another one when it is sent again."""
    sent_ns = record.time_ns if record.sent_time_ns is None else max(record.sent_time_ns, record.observed_ns)
    told = (record.trace_id, record.span_id, record.event_name, sent_ns, record.attributes, record.body)
    return f"log-{_digest(repr(told))}"


def _own_trace_id(record: LogRecord, says: str, record_id: str) -> str:
    """Where spans are not exported (Claude Code's default) records name no trace: those of one prompt are one, and a
    whole account is one by itself. A score of nobody's trace stays so."""
    prompt_id = record.attributes.get("prompt.id")
    if says != "score" and isinstance(prompt_id, str) and prompt_id != "":
        return _digest(prompt_id)
    return _digest(record_id) if says == "call" else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_claude_code(record: LogRecord) -> bool:
    return record.scope.name.startswith(_CLAUDE_SCOPE) or record.event_name.startswith(_CLAUDE_PREFIX)


def _duration_ns(value: Any) -> int:
    """Claude Code writes it as a number, and in some records as a text."""
    text = str(value)
    return int(text) * 1_000_000 if text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - under twelve days


def _message(record: LogRecord) -> tuple[Event, ...]:
    """The message is the body; Semantic Kernel writes it as JSON."""
    body = opened(record.body)
    said: Attributes = body if isinstance(body, dict) else {"content": body}
    return (Event(record.time_ns, record.event_name, said),)


def _exception(record: LogRecord) -> tuple[Event, ...]:
    return (Event(record.time_ns, "exception", record.attributes),)


def _claude_error(record: LogRecord) -> tuple[Event, ...]:
    said: Attributes = {"exception.message": record.attributes.get("error")}
    status = record.attributes.get("status_code")
    return (Event(record.time_ns, "exception", said if status is None else {**said, "exception.type": str(status)}),)


def _failed(_record: LogRecord) -> str:
    return "error"


def _by_error(record: LogRecord) -> str:
    return "error" if "error.type" in record.attributes else "unset"


def _by_success(record: LogRecord) -> str:
    return "error" if record.attributes.get("success") in (False, "false") else "unset"


_PART = _Known("part", MESSAGES, "llm", _message)

_EVENTS = {
    "gen_ai.client.inference.operation.details": _Known("call", EVENTS, status=_by_error),
    "gen_ai.client.operation.exception": _Known("part", EVENTS, "", _exception, _failed),
    "gen_ai.evaluation.result": _Known("score", EVENTS, ""),
    "gen_ai.system.message": _PART,
    "gen_ai.user.message": _PART,
    "gen_ai.assistant.message": _PART,
    "gen_ai.tool.message": _PART,
    "gen_ai.choice": _PART,
}

_CLAUDE_EVENTS = {
    "api_request": _Known("call", CLAUDE_CODE, "llm"),
    "api_error": _Known("call", CLAUDE_CODE, "llm", _claude_error, _failed),
    "tool_result": _Known("call", CLAUDE_CODE, "tool", status=_by_success),
    "user_prompt": _Known("part", CLAUDE_CODE, "agent"),
    "assistant_response": _Known("part", CLAUDE_CODE, "agent"),
}
