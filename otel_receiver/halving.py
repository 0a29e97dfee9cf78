"""One bad row must not cost the others: what the database refuses is halved until the bad rows stand alone."""

from typing import NamedTuple

from otel_receiver.batch import Batch
from otel_receiver.verdicts import NotEver
from otel_receiver.watched import Inserts

MAX_SINGLED_OUT = 100
"""Bad rows of one batch that are found one by one, at some fifteen inserts each. What is refused beyond is taken whole:
so many bad rows are one bad client or one bad schema, and the rest must not wait for them."""


class Refusal(NamedTuple):
    batch: Batch
    why: NotEver


async def insert_what_can_be(tables: Inserts, batch: Batch) -> list[Refusal]:
    """Stores all rows but those that are refused for good, which are returned. NotNow passes through: try all again."""
    refusals: list[Refusal] = []
    await _insert(tables, batch, refusals)
    return refusals


async def _insert(tables: Inserts, batch: Batch, refusals: list[Refusal]) -> None:
    rows = batch.row_count
    try:
        await tables.insert(batch)
    except NotEver as why:
        if rows <= 1 or len(refusals) >= MAX_SINGLED_OUT:
            refusals.append(Refusal(batch, why))
            return
    else:
        return
    await _insert(tables, batch.part(0, rows // 2), refusals)
    await _insert(tables, batch.part(rows // 2, rows), refusals)
