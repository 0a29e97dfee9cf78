"""A received row, which of the rows of one identity is the span, and the orders everything is ranked by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Self, TypeAlias

Row: TypeAlias = Mapping[str, Any]

USAGE = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True)
class Span:
    """The columns of `spans` that any number depends on. Times are nanoseconds, `received_at` microseconds."""

    project_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    kind: str = ""
    started_at: int = 0
    ended_at: int = 0
    received_at: int = 0
    service: str = ""
    scope_name: str = ""
    environment: str = ""
    release: str = ""
    failed: bool = False
    session_id: str = ""
    conversation_id: str = ""
    resource_session_id: str = ""
    default_session_id: str = ""
    session_key: str = ""
    user_id: str = ""
    resource_user_id: str = ""
    default_user_id: str = ""
    call_kind: str = ""
    provider: str = ""
    request_model: str = ""
    response_model: str = ""
    response_id: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_source: str = ""
    first_token_ns: int | None = None
    finish_reasons: tuple[str, ...] = ()
    error_type: str = ""
    tool_name: str = ""
    agent_name: str = ""
    prompt_name: str = ""
    tags: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    input_preview: str = ""
    output_preview: str = ""

    @classmethod
    def read(cls, row: Row) -> Self:
        values = {field.name: row[field.name] for field in fields(cls) if field.name in row}
        for name in ("finish_reasons", "tags"):
            values[name] = tuple(values.get(name, ()))
        values["metadata"] = tuple(sorted(values.get("metadata", {}).items()))
        return cls(**values)

    @property
    def duration_ns(self) -> int:
        return self.ended_at - self.started_at

    @property
    def has_usage(self) -> bool:
        return any(getattr(self, name) is not None for name in USAGE)


def root_order(span: Span) -> tuple[bool, int, str]:
    """Root's before others, then earliest start, then span id."""
    return (span.parent_span_id != "", span.started_at, span.span_id)


def time_order(span: Span) -> tuple[int, str]:
    return (span.started_at, span.span_id)


def outermost_order(span: Span) -> tuple[int, int, str]:
    """Earliest start, longest, smallest span id: which of merged spans gives times and session."""
    return (span.started_at, -span.duration_ns, span.span_id)


def distinct_span(copies: Iterable[Span]) -> Span:
    """Of the rows of one identity the last received; of those the one that ends last."""
    ranked = sorted(copies, key=lambda copy: (copy.received_at, copy.ended_at))
    last = ranked[-1]
    for other in ranked:
        if (other.received_at, other.ended_at) == (last.received_at, last.ended_at) and other != last:
            raise ValueError(f"Two rows of span {last.span_id} tie; only a row hash could tell which is the span.")
    return last
