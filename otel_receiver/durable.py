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
from otel_receiver.spool import Record, Spool

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Durable:
    def __init__(self, spool: Spool, letters: DeadLetters, metrics: Metrics) -> None:
        self._spool, self._letters, self._metrics = spool, letters, metrics
        metrics.also(self._lines)
        # Of its own, so that a sync need not queue behind the decoding of large bodies.
        self._aside = ThreadPoolExecutor(2, "spool")

    async def adopt(self) -> int:
        """Takes over what was left on disk; how many records. They are received anew: nobody else counts them."""
        found = await self.aside(self._spool.adopt)
        self._metrics.spans.received.add(by=found.spans)
        self._metrics.spans_spooled.add(by=found.spans)
        if found.records + found.torn + found.corrupt > 0:
            log.warning(
                "The spool held %d batches, %d torn ends and %d broken places.",
                found.records,
                found.torn,
                found.corrupt,
            )
        return found.records

    async def put(self, batch: Batch, *, held: bool) -> Record:
        """Raises SpoolFull or SpoolBroken."""
        record = await self.aside(lambda: self._spool.append(encoded(batch), batch.span_count, held=held))
        self._metrics.spans_spooled.add(by=batch.span_count)
        return record

    async def release(self, record: Record) -> None:
        await self.aside(self._spool.release, record)

    async def waiting(self) -> list[Record]:
        return await self.aside(self._spool.waiting)

    async def take(self, record: Record) -> Batch | None:
        """None where it cannot be read any more: it is kept aside and counted."""
        batch = await self.aside(self._read, record)
        if batch is None:
            await self.aside(self._spool.reject, record)
            self._metrics.spans_spooled.add(by=-record.place.spans)
            self._metrics.spans_dead_lettered.add("corrupt", by=record.place.spans)
        return batch

    async def settle(self, batch: Batch, refusals: Sequence[Refusal], records: Sequence[Record]) -> None:
        """The batch is in the tables, but for what they refused; the spool lets go of it, if it had it."""
        for refusal in refusals:
            await self.aside(self._letters.bury, refusal.batch, str(refusal.why))
        for record in records:
            await self.aside(self._spool.done, record)
        for refusal in refusals:
            log.error("%d spans are dead letters: %s.", refusal.batch.span_count, refusal.why.kind)
            self._metrics.spans_dead_lettered.add(refusal.why.kind, by=refusal.batch.span_count)
        dead = sum(refusal.batch.span_count for refusal in refusals)
        self._metrics.spans_stored.add(by=batch.span_count - dead)
        self._metrics.spans_spooled.add(by=-sum(record.place.spans for record in records))

    async def close(self) -> None:
        await self.aside(self._spool.close)
        self._aside.shutdown(wait=False)

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

    async def aside(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Beside the event loop, on few and always the same."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, lambda: call(*args, **kwargs))
