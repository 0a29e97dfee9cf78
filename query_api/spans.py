"""A span as the API shows it: its own call beside it, and content parsed as far as it can be."""

from query_api.db import Row
from query_api.opened import opened

_NUMBERS = (
    "first_token_ms", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
    "cost_usd",
)  # fmt: skip
_NAMES = ("provider", "cost_source", "error_type", "error_message", "tool_name", "input_preview", "output_preview")
_OF_THE_CALL = ("call_kind", "response_model", "request_model", "finish_reasons", *_NUMBERS, *_NAMES)
_CONTENT = (
    "input_messages", "output_messages", "system_instructions", "tool_definitions", "tool_arguments", "tool_result",
)  # fmt: skip


def shown_span(row: Row, trace_id: str, depth: int, merged_into: str | None) -> Row:
    span = {name: value for name, value in row.items() if name not in _OF_THE_CALL}
    return span | {"depth": depth, "merged_into": merged_into, "call": _call(row, trace_id)}


def with_logs(row: Row, told: Row | None) -> Row:
    """What was said only in logs fills the gaps."""
    return row if told is None else row | {name: told[name] for name in told.keys() & row.keys() if row[name] == ""}


def with_content(span: Row) -> Row:
    """JSON text becomes what it says; what is no JSON stays text; what is not there is null."""
    return span | {name: opened(span[name]) if span[name] != "" else None for name in _CONTENT}


def _call(row: Row, trace_id: str) -> Row | None:
    """What a dialect read from this span. One that is no call may carry usage: then it wraps others'."""
    counted = (row["input_tokens"], row["output_tokens"])
    if row["call_kind"] == "" and counted == (None, None):
        return None
    return {
        "span_id": row["span_id"],
        "trace_id": trace_id,
        "kind": row["call_kind"] or "wrapper",
        "name": row["name"],
        "model": row["response_model"] or row["request_model"] or None,
        "started_at": row["started_at"],
        "duration_ms": row["duration_ms"],
        "status": row["status"],
        "total_tokens": None if counted == (None, None) else sum(tokens or 0 for tokens in counted),
        "finish_reasons": row["finish_reasons"],
        **{name: row[name] for name in _NUMBERS},
        **{name: row[name] or None for name in _NAMES},
    }
