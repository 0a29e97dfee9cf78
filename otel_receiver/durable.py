"""The disk, seen from the event loop: spool and dead letters, and the counters that move with them and only with them.

Spans received = stored + rejected + spooled + dead-lettered, whenever one looks: what is in flight is in none of them.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from otel_receiver.batch import Batch
from otel_receiver.codec import decoded, encoded
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.halving import Refusal
from otel_receiver.metrics import Metrics
from otel_receiver.spool import Record, Spool, SpoolBroken, SpoolFull

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Durable:
    def __init__(self, spool: Spool, letters: DeadLetters, metrics: Metrics) -> None:
        self._spool, self._letters, self._metrics = spool, letters, metrics
        metrics.also(self._lines)
        # Of its own, so that a sync need not queue behind the decoding of large bodies.
        self._aside = ThreadPoolExecutor(2, "spool")
        self._late: set[asyncio.Task[None]] = set()  # what the disk has still to answer for, though nobody waits for it

    async def adopt(self) -> None:
        """Takes over what was left on disk."""
        found = await self._beside(self._spool.adopt)
        self._count_anew(found.spans)
        if found.records + found.torn + found.corrupt > 0:
            log.warning(
                "The spool held %d batches, %d torn ends and %d broken places.",
                found.records,
                found.torn,
                found.corrupt,
            )

    async def put(self, batch: Batch, *, held: bool, within_s: float) -> Record:
        """Raises SpoolFull or SpoolBroken; the latter also where the disk hangs. Nobody else waits for it then, until
        it has done what it was told before."""
        if len(self._late) > 0:
            raise SpoolBroken("the disk hangs")
        putting = asyncio.create_task(self._beside(self._append, batch, held=held))
        try:
            async with asyncio.timeout(within_s):
                record = await asyncio.shield(putting)
        except TimeoutError:
            late = asyncio.create_task(self._land(putting))
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            raise SpoolBroken("the disk hangs") from None
        self._metrics.spans_spooled.add(by=record.place.spans)
        return record

    async def _land(self, putting: asyncio.Task[Record]) -> None:
        """Its batch has gone another way; what is on disk all the same is received anew, as after a crash, and left to
        the drain."""
        try:
            record = await putting
        except (SpoolFull, SpoolBroken) as why:
            log.warning("A batch cannot be spooled, late as it is: %s.", why)
            return
        self._count_anew(record.place.spans)
        await self.release([record])

    async def release(self, records: Sequence[Record]) -> None:
        await self._beside(self._spool.release, *records)

    async def waiting(self) -> list[Record]:
        return await self._beside(self._spool.waiting)

    async def take(self, record: Record) -> Batch | None:
        """None where it cannot be read any more: it is kept aside and counted."""
        batch = await self._beside(self._read, record)
        if batch is None and await self._beside(self._spool.reject, record):  # once: its group may be tried again
            self._metrics.spans_spooled.add(by=-record.place.spans)
            self._metrics.spans_dead_lettered.add("corrupt", by=record.place.spans)
        return batch

    async def settle(self, batch: Batch, refusals: Sequence[Refusal], records: Sequence[Record]) -> None:
        """The batch is in the tables, but for what they refused; the spool lets go of it, if it had it."""
        for refusal in refusals:
            await self._beside(self._letters.bury, refusal.batch, str(refusal.why))
        if len(records) > 0:  # else it need not wait for a disk that hangs
            await self._beside(self._spool.done, *records)
        for refusal in refusals:
            log.error("%d spans are dead letters: %s.", refusal.batch.span_count, refusal.why.kind)
            self._metrics.spans_dead_lettered.add(refusal.why.kind, by=refusal.batch.span_count)
        dead = sum(refusal.batch.span_count for refusal in refusals)
        self._metrics.spans_stored.add(by=batch.span_count - dead)
        self._metrics.spans_spooled.add(by=-sum(record.place.spans for record in records))

    async def close(self, within_s: float) -> None:
        """Where the disk hangs, what is in it is left as by a crash: locks go with the process, the next start sees to
        the rest."""
        for late in self._late:
            late.cancel()
        try:
            async with asyncio.timeout(within_s):
                await self._beside(self._spool.close)
        except TimeoutError:
            log.warning("The disk hangs, so the spool is left open; nothing that was acknowledged is lost by that.")
        self._aside.shutdown(wait=False)

    def _count_anew(self, spans: int) -> None:
        """As received, too: nobody else counts them."""
        self._metrics.spans.received.add(by=spans)
        self._metrics.spans_spooled.add(by=spans)

    def _append(self, batch: Batch, *, held: bool) -> Record:
        return self._spool.append(encoded(batch), batch.span_count, held=held)

    def _read(self, record: Record) -> Batch | None:
        payload = self._spool.read(record)
        try:
            return None if payload is None else decoded(payload)[0]
        except ValueError:
            return None

    def _lines(self) -> Iterator[str]:
        yield "# HELP genai_sessions_receiver_spool_bytes Bytes on disk, waiting for the database."
        yield "# TYPE genai_sessions_receiver_spool_bytes gauge"
        yield f"genai_sessions_receiver_spool_bytes {self._spool.bytes}"

    async def _beside(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Beside the event loop, on few and always the same."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, lambda: call(*args, **kwargs))
