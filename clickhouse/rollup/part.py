"""The column `part` of `session_traces`: all that a session adds up of a trace's row, as one JSON array."""

from decimal import Decimal

import orjson

from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.row import SessionTrace
from clickhouse.rollup.sums import PICO, SECOND_NS, sums_of

_SPANS, _COST, _USER, _USERS, _METADATA = map(
    SessionTrace._fields.index, ("spans", "cost_pico", "user_id", "user_ids", "metadata")
)

MAX_CHARACTERS = 64 << 20
"""A session of a few of these is all that its memory allows; and a text of 358 MB, the driver does not survive."""


def packed(row: SessionTrace, trace_id: str, *, alone: bool) -> str:
    """In the order that `sql/recompute_sessions.sql` unpacks: numbers that are added up and lists of distinct values
    are each one thing to it. Times are in two, as money is: what clocks say may add up to more than 64 bits.
    `alone`: the trace has no part in another session."""
    turns_ns = [call.duration_ns for call in row.calls if call.kind == "llm"]
    waits_ns = [call.first_token_ns for call in row.calls if call.kind == "llm" and call.first_token_ns is not None]
    turns_s, turns_rest = divmod(sum(turns_ns), SECOND_NS)
    waits_s, waits_rest = divmod(sum(waits_ns), SECOND_NS)
    numbers = [
        *row[_SPANS:_COST],
        *divmod(row.cost_pico or 0, PICO),
        row.cost_pico is not None,
        *row[_COST + 1 : _USER],
        1,
        turns_rest,
        waits_rest,
        len(waits_ns),
        turns_s,
        waits_s,
    ]
    bounds = (row.start_ns, row.end_ns, row.user_id, row.user_since_ns)
    lists = (row[_USERS:_METADATA], row.metadata, row.scores, turns_ns)
    sums = sums_of(row, trace_id, alone=alone)
    keys, added = [each.key for each in sums], [each.numbers for each in sums]
    part = orjson.dumps((numbers, *bounds, *lists, keys, added)).decode()
    if len(part) > MAX_CHARACTERS:
        raise TooLarge(f"what its session adds up of it is {len(part) >> 20} MB long")
    return part


def usd(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12)
