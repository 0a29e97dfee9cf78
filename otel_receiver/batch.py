"""A batch: rows of the tables that a span lands in, column-wise, because inserts are column-wise."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

Columns = dict[str, Sequence[Any]]
"""Column name -> one value per row. Times are integer ticks of their column, decimals are text or Decimal."""


class Batch(NamedTuple):
    """What is stored, spooled, halved and buried together. A batch is never changed."""

    spans: Columns
    scores: Columns
    size: int  # bytes, roughly: what it costs to hold
    log_calls: Columns = {}  # noqa: RUF012 - shared and never written to

    @property
    def span_count(self) -> int:
        return height(self.spans)

    @property
    def row_count(self) -> int:
        return height(self.spans) + height(self.scores) + height(self.log_calls)

    def part(self, start: int, stop: int) -> "Batch":
        """Rows [start, stop): the spans first, then the scores, then what logs tell."""
        spans, rows = self.span_count, max(self.row_count, 1)
        others = spans + height(self.scores)
        return Batch(
            _cut(self.spans, start, stop),
            _cut(self.scores, max(start - spans, 0), max(stop - spans, 0)),
            self.size * (stop - start) // rows,
            _cut(self.log_calls, max(start - others, 0), max(stop - others, 0)),
        )

    def trace_ids(self) -> set[tuple[str, str]]:
        """(project, trace) of everything here: what has to be recomputed."""
        pairs = chain(_traces(self.spans), _traces(self.scores), _traces(self.log_calls))
        return {pair for pair in pairs if pair[1] != ""}

    def session_ids(self) -> set[tuple[str, str]]:
        """(project, session) of scores that are of a session itself."""
        scores = self.scores
        pairs = zip(scores["project_id"], scores["session_id"], strict=True) if scores else ()
        return {pair for pair in pairs if pair[1] != ""}


def height(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def merged(batches: Sequence[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        _joined(batch.spans for batch in batches),
        _joined(batch.scores for batch in batches),
        sum(batch.size for batch in batches),
        _joined(batch.log_calls for batch in batches),
    )


def _cut(columns: Columns, start: int, stop: int) -> Columns:
    return {name: values[start:stop] for name, values in columns.items()} if start < stop else {}


def _joined(parts: Iterable[Columns]) -> Columns:
    full = [columns for columns in parts if columns]
    if len(full) == 0:
        return {}
    return {name: list(chain.from_iterable([columns[name] for columns in full])) for name in full[0]}


def _traces(columns: Columns) -> Iterable[tuple[str, str]]:
    return zip(columns["project_id"], columns["trace_id"], strict=True) if columns else ()
