"""A writer over tables that do as they are told, and the books it has to keep."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from otel_receiver.batch import Batch
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.durable import Durable
from otel_receiver.errors import Unavailable
from otel_receiver.metrics import Metrics
from otel_receiver.segment import Disk
from otel_receiver.spool import Spool, SpoolLimits
from otel_receiver.verdicts import NotEver, NotNow
from otel_receiver.watched import Answering
from otel_receiver.writer import Writer, WriterSettings

QUICK = WriterSettings(ack_s=0.1, hold_s=0.2, pace_s=0.05, pause_s=0.05, stop_s=2.0)
ROOMY = SpoolLimits(min_free_bytes=0)


class FakeTables:
    """Takes rows as the database would: twice is once. `before` runs before each insert, and may fail it."""

    def __init__(self, before: Callable[[Batch], Awaitable[None]] | None = None) -> None:
        self.before = before
        self.names: Counter[str] = Counter()
        self.inserts: list[int] = []
        self.at_once = self.most_at_once = 0

    async def answers(self) -> bool:
        return self.before not in (away, hang)

    async def insert(self, batch: Batch) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.before is not None:
                await self.before(batch)
            if "poison" in batch.spans.get("name", ()):
                raise NotEver("code_469", "a row is poison")
        finally:
            self.at_once -= 1
        self.names.update(batch.spans.get("name", ()))
        self.inserts.append(batch.row_count)


async def away(_: Batch) -> None:
    raise NotNow


async def hang(_: Batch) -> None:
    await asyncio.Event().wait()


class Receiver:
    """One writer with its own metrics; counts what it acknowledges, as the desk does."""

    def __init__(
        self,
        folder: Path,
        tables: Answering,
        settings: WriterSettings = QUICK,
        limits: SpoolLimits = ROOMY,
        disk: Disk | None = None,
    ) -> None:
        self.metrics = Metrics()
        self.letters = DeadLetters(folder / "dead-letters", disk)
        self.spool = Spool(folder / "spool", limits, disk)
        self.writer = Writer(tables, Durable(self.spool, self.letters, self.metrics), settings)
        self.acked: set[str] = set()

    async def write(self, batch: Batch) -> bool:
        try:
            await self.writer.write(batch, partial(self.metrics.spans.received.add, by=batch.span_count))
        except Unavailable:
            return False
        self.acked.update(batch.spans["name"])
        return True

    def counts(self) -> dict[str, int]:
        metrics = self.metrics
        return {
            "received": int(metrics.spans.received.total()),
            "stored": int(metrics.spans_stored.total()),
            "spooled": int(metrics.spans_spooled.total()),
            "dead": int(metrics.spans_dead_lettered.total()),
        }

    def balanced(self) -> bool:
        counts = self.counts()
        return counts["received"] == counts["stored"] + counts["spooled"] + counts["dead"]


@asynccontextmanager
async def receiving(
    folder: Path,
    tables: Answering,
    settings: WriterSettings = QUICK,
    limits: SpoolLimits = ROOMY,
    disk: Disk | None = None,
) -> AsyncIterator[Receiver]:
    receiver = Receiver(folder, tables, settings, limits, disk)
    await receiver.writer.start()
    try:
        yield receiver
    finally:
        await receiver.writer.stop()


async def eventually(condition: Callable[[], bool], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for knows nothing of it
            await asyncio.sleep(0.005)
