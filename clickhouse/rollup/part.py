"""The column `part` of `session_traces`: all that a session adds up of a trace's row, as one JSON array."""

from decimal import Decimal

import orjson

from clickhouse.rollup.row import SessionTrace

_INHERITED = SessionTrace._fields.index("inherited_spans")
_COST = SessionTrace._fields.index("cost_pico")
_PREVIEW = SessionTrace._fields.index("input_preview")


def packed(row: SessionTrace) -> str:
    """In the order that `sql/recompute_sessions.sql` unpacks."""
    turns = [call for call in row.calls if call.kind == "llm"]
    values = [
        row.spans,
        row.start_ns,
        row.end_ns,
        *row[_INHERITED:_COST],
        None if row.cost_pico is None else f"{usd(row.cost_pico):f}",
        *row[_COST + 1 : _PREVIEW],
        row.scores,
        [call.duration_ns for call in turns],
        [call.first_token_ns for call in turns if call.first_token_ns is not None],
    ]
    return orjson.dumps(values).decode()


def usd(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12)
