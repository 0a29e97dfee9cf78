"""What a project lets us keep of its rows: content off or cut, patterns redacted. Fails closed."""

from collections.abc import Sequence
from typing import Any

from clickhouse.patterns import Pattern
from clickhouse.projects import Project
from clickhouse.texts import (
    MAX_LEVELS,
    MAX_TRUNCATED,
    REDACTION_SECONDS,
    Change,
    changed,
    hashing,
    redaction,
    renamed,
    truncation,
)
from otel_receiver.batch import Columns, height
from otel_receiver.call import Content

_SPOKEN = frozenset((*Content._fields, "content_attributes", "comment"))
_CUT = _SPOKEN | {"events.attributes"}

_OPAQUE = frozenset(
    {
        "project_id",
        "trace_id",
        "span_id",
        "parent_span_id",
        "links.trace_id",
        "links.span_id",
        "score_id",
        "kind",
        "status",
    }
    | {"call_kind", "dialect", "session_key", "user_key", "cost_usd", "cost_source", "price_source", "flaws"}
)
"""Never redacted: what we write ourselves, and what holds a trace together."""

_IDS = frozenset(
    {"session_id", "conversation_id", "resource_session_id", "default_session_id", "response_id", "tool_call_id"}
    | {"user_id", "resource_user_id", "default_user_id"}
)
"""Redacted to a hash of their own, so that whom they tell apart stays apart."""

_PREVIEWS = ("input_preview", "output_preview")
MAX_PREVIEW = 500
"""Characters of a preview."""


def kept(columns: Columns, project: Project) -> Columns:
    if project.content == "off":
        columns = {name: _emptied(values) if name in _SPOKEN else values for name, values in columns.items()}
    if project.redact:
        columns = _redacted(columns, project.redact)
    columns = _previewed(columns)  # once redacted: no pattern finds a card number of which the end is cut off
    if project.content == "truncated":
        columns = _truncated(columns)
    return columns


def _previewed(columns: Columns) -> Columns:
    return {
        name: [text[:MAX_PREVIEW] for text in values] if name in _PREVIEWS else values
        for name, values in columns.items()
    }


def _truncated(columns: Columns) -> Columns:
    cut = {name: _mapped(columns[name], _truncation) for name in columns.keys() & _CUT}
    flagged = [False] * height(columns)
    for name, values in cut.items():
        flagged = [seen or new != old for seen, new, old in zip(flagged, values, columns[name], strict=True)]
    return _flagged({**columns, **cut}, flagged, "content_truncated")


def _truncation(text: str) -> str:
    return text if len(text) <= MAX_TRUNCATED else changed(text, truncation)


def _redacted(columns: Columns, patterns: Sequence[Pattern]) -> Columns:
    try:
        return _replaced(columns, redaction(patterns, REDACTION_SECONDS))
    except Exception:  # noqa: BLE001 - a pattern is the operator's; whatever it does, no content passes it by
        count = height(columns)
        rows = [_redacted_row(columns, row, redaction(patterns, REDACTION_SECONDS / count)) for row in range(count)]
        return {name: [row[name][0] for row in rows] for name in columns}


def _redacted_row(columns: Columns, row: int, change: Change) -> Columns:
    one = {name: values[row : row + 1] for name, values in columns.items()}
    try:
        return _replaced(one, change)
    except Exception:  # noqa: BLE001 - likewise: the row loses its texts, its neighbours keep theirs
        silent = {name: values if name in _OPAQUE else _emptied(values) for name, values in one.items()}
        return _flagged(silent, [True], "redaction_failed")


def _replaced(columns: Columns, change: Change) -> Columns:
    return {
        name: values if name in _OPAQUE else _mapped(values, hashing(change) if name in _IDS else _parting(change))
        for name, values in columns.items()
    }


def _parting(change: Change) -> Change:
    return lambda text: changed(text, change, MAX_LEVELS)


def _mapped(values: Sequence[Any], change: Change) -> list[Any]:
    """Every text in a column: plain, in maps and their keys, in lists. Equal ones are changed once."""
    seen: dict[str, str] = {}

    def each(value: Any) -> Any:
        if isinstance(value, str):
            if value not in seen:
                seen[value] = change(value)
            return seen[value]
        if isinstance(value, dict):
            return renamed({key: each(inner) for key, inner in value.items()}, each)
        return type(value)(map(each, value)) if isinstance(value, list | tuple) else value

    return [each(value) for value in values]


def _emptied(values: Sequence[Any]) -> list[Any]:
    return [type(value)() if isinstance(value, str | dict | list | tuple) else value for value in values]


def _flagged(columns: Columns, rows: Sequence[bool], flaw: str) -> Columns:
    """Where the table has a column for it."""
    if "flaws" not in columns:
        return columns
    flaws = [(*some, flaw) if bad else some for some, bad in zip(columns["flaws"], rows, strict=True)]
    return {**columns, "flaws": flaws}
