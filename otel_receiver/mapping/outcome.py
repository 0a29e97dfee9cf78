"""How a span ended: failed or paused, with what error, why the model stopped, and when its first token came."""

import math
from datetime import datetime
from typing import Any, NamedTuple

from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import Read
from otel_receiver.span import Event, Span
from otel_receiver.values import opened, text_or_none, texts

MAX_FIRST_TOKEN_NS = 86_400 * 1_000_000_000
"""A day. Past it the unit was misread or the clock was wrong."""

_PAUSES = ("GraphInterrupt", "NodeInterrupt")  # langgraph.errors: a person is asked, nothing has failed

_REASONS = {
    # The words of the OpenTelemetry message schema (gen-ai-output-messages.json, FinishReason) for everyone's own.
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "refusal": "content_filter",
    "safety": "content_filter",
    "content_filtered": "content_filter",
}


class Failure(NamedTuple):
    failed: bool = False
    error_type: str = ""
    error_message: str = ""


_NONE = Failure()


def read_failure(hits: Hits) -> Failure:
    span = hits.span
    if span.status != "error" and "error_type" not in hits.best:
        return _NONE
    kind, message = _exception(span.events)
    error_type = hits.text("error_type") or kind
    paused = kind.endswith(_PAUSES) or error_type.endswith(_PAUSES) or _named_in(message)
    return Failure(
        failed=span.status == "error" and not paused,
        error_type=error_type,
        error_message=span.status_message or message or hits.text("error_message"),
    )


def _exception(events: tuple[Event, ...]) -> tuple[str, str]:
    for event in events:
        if event.name == "exception":
            kind = text_or_none(event.attributes.get("exception.type"))
            message = text_or_none(event.attributes.get("exception.message"))
            return kind or "", message or ""
    return "", ""


def _named_in(message: str) -> bool:
    """LangSmith writes every type as `Exception` and the real one into the message, as Python would print it."""
    return message.startswith(tuple(f"{pause}(" for pause in _PAUSES))


def read_finish_reasons(hits: Hits) -> tuple[str, ...]:
    if "finish_reasons" not in hits.best and not hits.documents:
        return ()
    reasons: tuple[str, ...] | None = hits.first("finish_reasons", lambda value: texts(value) or None)[0]
    return () if reasons is None else tuple(map(finish_reason, reasons))


def finish_reason(word: str) -> str:
    """One word for one fact: `tool-calls`, `tool_use` and `FinishReason.TOOL_CALLS` are all a tool call."""
    plain = word.rpartition(".")[2].lower().replace("-", "_")
    return _REASONS.get(plain, plain)


def read_first_token(hits: Hits) -> int | None:
    span = hits.span
    value = hits.first("first_token", _number)[0] if "first_token" in hits.best else None
    if value is None and span.events:
        value = _first_event(hits)
    if value is None:
        return None
    if 0 <= value <= MAX_FIRST_TOKEN_NS:
        return int(value)
    hits.flaws.append("first_token_invalid")
    return None


def _first_event(hits: Hits) -> int | None:
    events = hits.table.events
    marks = (
        e.at_ns for e in hits.span.events if (key := events.get(e.name)) is not None and key.field == "first_token"
    )
    first = min(marks, default=None)
    return None if first is None else first - hits.span.start_ns


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def _scaled(nanoseconds: int) -> Read:
    def read(value: Any, _span: Span) -> float | None:
        try:
            return None if isinstance(value, bool) else round(float(value) * nanoseconds)
        except (TypeError, ValueError, OverflowError):
            return None

    return read


seconds = _scaled(1_000_000_000)
milliseconds = _scaled(1_000_000)


def since_start(value: Any, span: Span) -> int | None:
    """A point in time as ISO 8601, JSON-quoted or not."""
    moment = opened(value)
    if not isinstance(moment, str):
        return None
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000 - span.start_ns
