"""A fact: what the rollup knows of one span. The fields from `parent_span_id` to `metadata` are what the view
`span_facts_mv` packs, in its order; all of them are the columns of `sql/read_log_calls.sql`."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

BLOCKING_KINDS = frozenset({"tool", "agent", "retrieval"})
"""An LLM call inside one of these is a call of its own, whatever lies above."""


SAID = frozenset({"call", "part", "around"})
"""The kinds of facts that log records gave; a span's kind is never one of these."""

NO_USAGE: tuple[int | None, ...] = (None,) * 5


class Fact(NamedTuple):
    project_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    name: str
    kind: str
    service: str
    scope_name: str
    environment: str
    release: str
    failed: bool
    session_id: str
    conversation_id: str
    resource_session_id: str
    default_session_id: str
    session_key: str
    user_id: str
    resource_user_id: str
    default_user_id: str
    call_kind: str
    provider: str
    request_model: str
    response_model: str
    response_id: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_pico: int | None  # 1e-12 USD: exact in integers
    cost_source: str
    first_token_ns: int | None
    finish_reasons: list[str]
    error_type: str
    tool_name: str
    agent_name: str
    prompt_name: str
    tags: list[str]
    metadata: dict[str, str]
    input_preview: str
    output_preview: str
    received_us: int
    row_hash: int  # breaks the ties that received time and end leave
    mark: int  # of this very row; all of a trace's, xored, are its fingerprint

    @property
    def order(self) -> tuple[int, str]:
        """Earliest first; all ties by span id."""
        return (self.start_ns, self.span_id)

    @property
    def usage(self) -> tuple[int | None, ...]:
        return self[26:31]

    @property
    def has_usage(self) -> bool:
        return self[26:31] != NO_USAGE


def unpacked(row: Sequence[Any]) -> Fact:
    """Of a row of `sql/read_facts.sql`."""
    project_id, trace_id, span_id, packed, *others = row
    return Fact._make((project_id, trace_id, span_id, *orjson.loads(packed), *others))


def distinct(rows: Iterable[Fact]) -> tuple[dict[str, Fact], dict[str, int]]:
    """The spans of a trace by id, and how many copies beside the first there were of those that had any.

    The database keeps one row per (span id, start); a span that came again with another start is two rows of one span:
    the last received wins, then the larger end, then the greater hash.
    """
    spans: dict[str, Fact] = {}
    copies: dict[str, int] = {}
    for row in rows:
        known = spans.get(row.span_id)
        if known is None:
            spans[row.span_id] = row
            continue
        copies[row.span_id] = copies.get(row.span_id, 0) + 1
        if (row.received_us, row.end_ns, row.row_hash) > (known.received_us, known.end_ns, known.row_hash):
            spans[row.span_id] = row
    return spans, copies


def fingerprint(rows: Iterable[Fact]) -> int:
    """Changes whenever the rows of a trace do; knows no order and no clock."""
    mark = 0
    for row in rows:
        mark ^= row.mark
    return mark
