"""The work of an import: while some is stored, what comes next is read and mapped."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from clickhouse.errors import DatabaseAway
from clickhouse.history import ExportedSpan, Hour, spans_of
from clickhouse.projects import Project
from genai_sessions.import_notes import ImportNotes
from genai_sessions.progress import ProgressLine
from otel_receiver.batch import Batch
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.export import Received
from otel_receiver.exported import Exported
from otel_receiver.halving import insert_what_can_be
from otel_receiver.mapper import DialectMapper
from otel_receiver.tables import Tables
from otel_receiver.verdicts import NotNow

MAX_SPANS = 10_000
MAX_BYTES = 16 << 20
"""Of texts, in one insert. What is in memory is a few times that, however large the table is."""
INSERTS = 2
"""At a time: one is encoded while the other is in the database."""
STRETCH_SPANS = 50_000
"""Hours are read together until they have so many: a query and a few inserts for each hour are what a history of many
quiet ones would cost else. As much is read again after a crash."""
STRETCH_HOURS = 200
"""Likewise; and they are named in the address of a request."""
BACK_OFF_SECONDS = (0.5, 1, 2, 4, 8, 16, 32)


class _Taken(NamedTuple):
    """What one insert stores, and the hours that are done with it: all that came before it is stored by then."""

    batch: Batch
    rows: int
    where: str
    done: dict[int, int]


@dataclass
class TakingOver:
    client: Client
    table: str
    project: Project
    mapper: DialectMapper
    letters: DeadLetters
    notes: ImportNotes
    stored: int = 0
    skipped: int = 0
    refused: int = 0
    _inserts: "deque[tuple[asyncio.Task[int], _Taken]]" = field(default_factory=deque)

    async def all_of(self, due: Sequence[Hour], database: Database) -> None:
        tables = Tables(database.within(database.everywhere))
        progress = ProgressLine(sum(hour.spans for hour in due))
        read = self._read(due)
        try:
            while (taken := await asyncio.to_thread(next, read, None)) is not None:
                self._inserts.append((asyncio.create_task(self._store(taken.batch, tables)), taken))
                while len(self._inserts) >= INSERTS:
                    await self._finish_oldest(progress)
            while self._inserts:
                await self._finish_oldest(progress)
        finally:
            progress.end()
            await self._abandon()
            await tables.close()

    async def _finish_oldest(self, progress: ProgressLine) -> None:
        task, taken = self._inserts[0]
        refused = await task
        self._inserts.popleft()
        self.refused += refused
        self.stored += taken.batch.span_count - refused
        progress.advance(taken.rows, taken.where)
        if taken.done:
            self.notes.done(taken.done)

    async def _abandon(self) -> None:
        """Of a failure: what is not noted is taken again."""
        for task, _ in self._inserts:
            task.cancel()
        await asyncio.gather(*(task for task, _ in self._inserts), return_exceptions=True)

    def _read(self, due: Iterable[Hour]) -> Iterator[_Taken]:
        for stretch in stretches(due):
            yield from self._read_stretch(stretch)

    def _read_stretch(self, stretch: Sequence[Hour]) -> Iterator[_Taken]:
        """Hours are noted when all of the stretch is stored, as it comes in no order."""
        counts = Counter[int]()
        where = f"{datetime.fromtimestamp(stretch[0].number * 3600, UTC):%Y-%m-%d %H:00}"
        with contextlib.closing(spans_of(self.client, self.table, [hour.number for hour in stretch])) as blocks:
            for rows in _gathered(blocks):
                counts.update(row.hour for row in rows)
                yield _Taken(self._mapped(rows), len(rows), where, {})
        yield _Taken(Batch({}, {}, 0), 0, where, {hour.number: counts[hour.number] for hour in stretch})

    def _mapped(self, rows: Sequence[ExportedSpan]) -> Batch:
        exported = Exported()  # what it knows of resources is not kept: an hour may have as many of them as spans
        spans = [span for span in map(exported.span, rows) if span is not None]
        self.skipped += len(rows) - len(spans)
        batch = self.mapper.spans(spans, self.project, Received(min((span.start_ns for span in spans), default=0)))
        if batch.span_count == 0:
            return batch
        # When it started, each. Older than anything received: where both have a span, ours says more, and stays. And of
        # two copies the one that ends later stays, however they come: in other inserts after a crash, or by --again.
        received_at = [start_ns // 1_000 for start_ns in batch.spans["started_at"]]
        return batch._replace(spans={**batch.spans, "received_at": received_at})

    async def _store(self, batch: Batch, tables: Tables) -> int:
        """How many spans are refused."""
        for pause in (*BACK_OFF_SECONDS, None):
            try:
                refusals = await insert_what_can_be(tables, batch)
            except NotNow as why:
                if pause is None:
                    raise DatabaseAway(
                        f"The database takes nothing now ({why}); the same command goes on later."
                    ) from why
                await asyncio.sleep(pause)
            else:
                break
        for refusal in refusals:
            self.letters.bury(refusal.batch, str(refusal.why))
        return sum(refusal.batch.span_count for refusal in refusals)

    def summary(self) -> str:
        said = [f"{self.stored:,} spans imported"]
        if self.skipped > 0:
            said.append(f"{self.skipped:,} skipped, as their ids are none")
        if self.refused > 0:
            said.append(f"{self.refused:,} refused (`genai-sessions dead-letter list` says why)")
        return ", ".join(said)


def stretches(hours: Iterable[Hour]) -> Iterator[list[Hour]]:
    stretch: list[Hour] = []
    for hour in hours:
        stretch.append(hour)
        if len(stretch) >= STRETCH_HOURS or sum(hour.spans for hour in stretch) >= STRETCH_SPANS:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _gathered(blocks: Iterable[list[ExportedSpan]]) -> Iterator[list[ExportedSpan]]:
    """As many as are worth an insert, and not more than fit into memory."""
    rows: list[ExportedSpan] = []
    size = 0
    for block in blocks:
        for row in block:
            rows.append(row)
            size += row.size
            if len(rows) >= MAX_SPANS or size >= MAX_BYTES:
                yield rows
                rows, size = [], 0
    if rows:
        yield rows
