"""The spool into the database: in order, with back-off while it is away, and past what it does not take."""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Iterator, Sequence

from otel_receiver.batch import merged
from otel_receiver.durable import Durable
from otel_receiver.halving import insert_what_can_be
from otel_receiver.spool import Record, SpoolBroken, SpoolFull
from otel_receiver.verdicts import NotNow
from otel_receiver.watched import Answering

log = logging.getLogger(__name__)

FIRST_BACK_OFF_S = 0.1
MAX_BACK_OFF_S = 5.0
LOOK_S = 10.0
"""How often folders of workers that are gone are looked for, and what a disk that hung has written after all."""

MAX_SPANS = 5_000
"""Of one insert. Fewer than the writer's own: what is live goes first, and shares the engine."""

MAX_BYTES = 16 << 20

MAX_RECORDS = 5_000
"""Of one insert: some hold scores only, and no spans."""

MAX_FAILED_IN_A_ROW = 10
"""Each for itself: then it is not they. The next pass begins with others."""


class Drain:
    def __init__(self, tables: Answering, durable: Durable) -> None:
        self._tables, self._durable = tables, durable
        # Of one insert: one where the last was not answered, for it may have been too large; with each success twice as
        # many, up to half of what failed, and then one more. One by one, an hour without the database would take hours.
        self._most = self._safe = MAX_RECORDS
        self._suspects: dict[Record, None] = {}  # failed alone: those that did so last come last, and all others first
        self._failed_in_a_row = 0
        self._wakened = asyncio.Event()
        self._empty = asyncio.Event()

    def wake(self) -> None:
        """There is something in the spool."""
        self._empty.clear()
        self._wakened.set()

    async def emptied(self, until: float) -> None:
        """Until all is stored, or that time on the loop's clock has come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._empty.wait()

    async def forever(self) -> None:
        back_off = FIRST_BACK_OFF_S
        while True:
            self._wakened.clear()
            if await self._store_all():
                back_off = FIRST_BACK_OFF_S
                await self._rest()
            else:
                await asyncio.sleep(back_off * random.uniform(0.5, 1))  # noqa: S311 - spreads workers out
                back_off = min(2 * back_off, MAX_BACK_OFF_S)

    async def _rest(self) -> None:
        if not self._wakened.is_set():
            self._empty.set()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._wakened.wait()
        except TimeoutError:
            await self._adopt()
            self.wake()

    async def _adopt(self) -> None:
        try:
            await self._durable.adopt()
        except SpoolBroken as why:
            log.warning("Folders of other workers cannot be taken over: %s.", why)

    async def _store_all(self) -> bool:
        """One pass over what waits. False where something has to be tried again."""
        done, self._failed_in_a_row = True, 0
        try:
            if self._is_careful and not await self._tables.answers():
                return False
            for records in self._in_turn(await self._durable.waiting()):
                done = await self._stored(records) and done
        except NotNow:
            self._most = 1
            return False
        except Exception:
            log.exception("The spool could not be drained; it is tried again.")  # the task's edge: it must live on
            return False
        return done

    @property
    def _is_careful(self) -> bool:
        return self._most == 1

    def _in_turn(self, waiting: Sequence[Record]) -> Iterator[list[Record]]:
        """As many at once as are worth it, and as the last ones allow."""
        there = set(waiting)
        self._suspects = {record: None for record in self._suspects if record in there}
        suspects = [[record] for record in self._suspects]
        others = deque(record for record in waiting if record not in self._suspects)
        while others:
            yield _first(others, self._most)
        yield from suspects

    async def _stored(self, records: Sequence[Record]) -> bool:
        """Raises NotNow where the database is away: the next would fare alike. What fails for another reason is passed
        by, alone, so that it does not hold up the others."""
        try:
            await self._store(records)
        except Exception as why:
            if len(records) == 1:
                await self._pass_by(records[0], why)
                return False
            if _is_unanswered(why):
                self._safe = len(records) // 2
                raise
        else:
            self._failed_in_a_row = 0
            self._most = min(2 * self._most, max(self._safe, self._most + 1), MAX_RECORDS)
            return True
        return all([await self._stored([record]) for record in records])

    async def _pass_by(self, record: Record, why: Exception) -> None:
        """One that takes too long, that something on the way refuses, that we have an error for. One that ends the
        database is suspected where the database was there just before."""
        away = _is_unanswered(why) and not await self._tables.answers()
        if not away or self._is_careful or record in self._suspects:
            self._suspects.pop(record, None)
            self._suspects[record] = None
        self._failed_in_a_row += 1
        if away or self._failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            raise NotNow from why
        ours = not isinstance(why, (NotNow, SpoolFull, SpoolBroken))
        log.warning("A batch of %d spans stays in the spool: %s.", record.place.spans, why, exc_info=ours)

    async def _store(self, records: Sequence[Record]) -> None:
        taken = [(record, await self._durable.take(record)) for record in records]
        whole = [(record, batch) for record, batch in taken if batch is not None]
        if len(whole) == 0:
            return
        batch = merged([batch for _, batch in whole])
        refusals = await insert_what_can_be(self._tables, batch)
        await self._durable.settle(batch, refusals, [record for record, _ in whole])


def _is_unanswered(why: Exception) -> bool:
    return isinstance(why, NotNow) and why.code == 0


def _first(waiting: deque[Record], most: int) -> list[Record]:
    """Taken off: one at least."""
    taken: list[Record] = []
    spans = size = 0
    while waiting and len(taken) < most:
        place = waiting[0].place
        spans, size = spans + place.spans, size + place.length
        if taken and (spans > MAX_SPANS or size > MAX_BYTES):
            break
        taken.append(waiting.popleft())
    return taken
