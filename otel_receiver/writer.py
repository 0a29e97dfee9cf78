"""Rows to the database, those of many requests in one insert; to the spool where it is busy, slow or away. First safe,
then answered.

Where little comes, each insert answers for its batches. Any insert costs the engine 30 ms, however little it brings; so
where more comes than that, the disk answers, within milliseconds, and what it has answered for is still in memory when
it is stored, twice a second, with all that came meanwhile.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from otel_receiver.batch import Batch, merged
from otel_receiver.drain import Drain
from otel_receiver.durable import Durable
from otel_receiver.errors import Unavailable
from otel_receiver.halving import Refusal, insert_what_can_be
from otel_receiver.spool import Record, SpoolBroken, SpoolFull
from otel_receiver.verdicts import NotNow
from otel_receiver.waiting import Group, Kept, Room, Waiting
from otel_receiver.watched import Answering, Watched

log = logging.getLogger(__name__)

_NO_ROOM = "neither the database nor the disk takes it now; try again"


@dataclass(frozen=True)
class WriterSettings:
    ack_s: float = 0.3  # then a batch goes to the spool: SDKs lose spans when answers take longer
    hold_s: float = 2.0  # how long the database is waited for where the spool is full; collectors give up after 5
    disk_s: float = 1.0  # then the disk hangs, and the tables are all there is until it does no more
    gather_s: float = 0.01  # one sync of the disk is for all that come in this time
    pace_s: float = 0.5  # from one insert to the next; who comes sooner is answered by the disk
    max_rows: int = 20_000  # of one insert: the engine's cost per row has nearly stopped falling there
    max_bytes: int = 32 << 20  # of one insert, as held in memory
    max_kept_bytes: int = 16 << 20  # in memory of what the disk answers for; what is over is read back
    max_waiting_bytes: int = 128 << 20  # of what nobody has answered for yet
    inserts: int = 2  # at a time, of those that answer themselves: where the disk takes nothing, or one of them hangs
    pause_s: float = 1.0  # after a failure batches go straight to the spool for so long
    stop_s: float = 5.0  # the product stops within 10 s, and the doors come first


def kept_bytes(memory_bytes: int) -> int:
    """Half a second's at the peak, where there is memory for it: as objects it takes half as much again, and once more
    that on its way into the tables."""
    return min(WriterSettings.max_kept_bytes, memory_bytes // 128)


class Writer:
    """`start` before the first `write`; after `stop` nothing that was acknowledged is in memory alone."""

    def __init__(self, tables: Answering, durable: Durable, settings: WriterSettings) -> None:
        self._tables, self._durable, self._settings = Watched(tables), durable, settings
        self._drain = Drain(self._tables, durable)
        self._waiting, self._kept = Room[Waiting](), Room[Kept]()
        self._changed = asyncio.Event()  # something arrived, was answered, or an insert ended
        self._unanswered: set[asyncio.Future[str | None]] = set()  # of who waits, and of who is being seen to
        self._inserts: set[asyncio.Task[None]] = set()  # of who still waits for an answer
        # Of its own: where the disk hangs, all who wait for it do.
        self._merging = ThreadPoolExecutor(2, "merging")
        self._loops: list[asyncio.Task[None]] = []
        self._storing = self._stopping = False
        self._paused_until = self._paced_until = 0.0

    @property
    def away(self) -> bool:
        """The database does not answer, or takes nothing: what comes goes to the spool."""
        return self._tables.away

    async def start(self) -> None:
        """Raises SpoolBroken where its folder cannot be used."""
        await self._durable.adopt()
        forever = (self._take_waiting(), self._store_kept(), self._drain.forever(), self._tables.look_forever())
        self._loops = [asyncio.create_task(loop) for loop in forever]

    async def write(self, batch: Batch, when_safe: Callable[[], None]) -> None:
        """Returns when the batch is safe: in the tables, or on disk. Raises Unavailable where it can be neither.
        `when_safe` counts what is to be counted in the same moment as the batch itself."""
        if self._stopping:
            raise Unavailable("the receiver is stopping; try again")
        if self._waiting.bytes > 0 and self._waiting.bytes + batch.size > self._settings.max_waiting_bytes:
            raise Unavailable("too much waits to be stored; try again")
        loop = asyncio.get_running_loop()
        waiting = Waiting(batch, loop.time(), when_safe, loop.create_future())
        self._unanswered.add(waiting.refusal)
        waiting.refusal.add_done_callback(self._answered)
        self._waiting.enter(waiting)
        self._changed.set()
        refusal = await asyncio.shield(waiting.refusal)
        if refusal is not None:
            raise Unavailable(refusal)

    async def stop(self) -> None:
        """What waits is stored or spooled, what is spooled is stored while there is time and the database takes it."""
        self._stopping = True
        self._changed.set()
        until = self._now() + self._settings.stop_s
        while len(self._unanswered) > 0 and self._now() < until:
            await self._something_changes(until)
        hung_at = min(self._now() + self._settings.hold_s, until)
        while self._is_busy and self._now() < hung_at:
            await self._something_changes(hung_at)
        if not self._is_busy and not self.away:
            await self._drain.emptied(until)
        left_at = self._now() + self._settings.disk_s
        await self._end((*self._loops, *self._inserts), left_at)
        for refusal in self._unanswered:
            if not refusal.done():
                refusal.set_result("the receiver has stopped; try again")
        self._merging.shutdown(wait=False)
        await self._durable.close(max(left_at - self._now(), 0.1))

    async def _end(self, tasks: Sequence[asyncio.Task[None]], left_at: float) -> None:
        """They let go of what they hold, which takes a disk that does not hang; then they are told again."""
        for task in tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(left_at):
                await asyncio.wait(tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Whoever waits for an answer

    async def _take_waiting(self) -> None:
        while True:
            while len(self._waiting) == 0:
                await self._something_changes(None)
            quiet = await self._is_quiet()
            group = Group(self._waiting.leave(self._settings.max_rows, self._settings.max_bytes))
            if not quiet and await self._is_kept(group):
                continue
            while len(self._inserts) >= self._settings.inserts:
                await self._something_changes(None)
            task = asyncio.create_task(self._insert(group))
            self._inserts.add(task)
            task.add_done_callback(self._ended)

    def _answered(self, refusal: asyncio.Future[str | None]) -> None:
        self._unanswered.discard(refusal)
        self._changed.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._inserts.discard(task)
        self._changed.set()

    async def _is_quiet(self) -> bool:
        """Whether the first that wait go to the tables at once; else, when those that come with them are there, to the
        disk. Where memory is full of what the disk has, they come as fast as the tables take it."""
        settings = self._settings
        while True:
            now, came = self._now(), self._waiting.first.came
            if not self._is_busy and now >= max(self._paused_until, self._paced_until):
                return True
            gathered = now >= came + settings.gather_s or self._waiting.rows >= settings.max_rows
            pointless = self._is_paused or len(self._kept) == 0 or now >= came + settings.ack_s
            if gathered and (pointless or self._fits(self._waiting.bytes)):
                return False
            await self._something_changes(came + (settings.ack_s if gathered else settings.gather_s))

    async def _is_kept(self, group: Group) -> bool:
        """On disk, and in memory until its turn comes: unless that is full, or the database away. False where the disk
        does not take it, so that the database is all there is."""
        try:
            batch = await self._merged(group.members)
            remember = self._fits(batch.size) and not self._is_paused
            record = await self._put(group, batch, held=remember)
        except Exception:
            log.exception("A group of batches could not be spooled.")  # the loop's edge: it must live on
            return False
        if record is not None and remember:
            self._kept.enter(Kept(batch, record))
            self._changed.set()
        return record is not None

    async def _insert(self, group: Group) -> None:
        """Whatever happens, everybody gets an answer; who is not safe by then sends it again."""
        try:
            await self._stored_in_time(group, await self._merged(group.members))
        except Exception:
            log.exception("A group of batches could not be committed.")
        finally:
            group.refuse(_NO_ROOM)

    async def _stored_in_time(self, group: Group, batch: Batch) -> None:
        attempt = asyncio.create_task(self._attempt(batch))
        due = group.came + self._settings.ack_s
        record: Record | None = None
        try:
            if not await self._ends(attempt, due):
                record = await self._put(group, batch, held=True)
            if record is None and not await self._ends(attempt, due + self._settings.hold_s):
                return  # no room on disk: the database was all there was
            await self._conclude(group, batch, await attempt, record)
        finally:
            attempt.cancel()
            await asyncio.wait({attempt})  # else it may outlive the client it uses
            if record is not None:
                await self._let_go([record])

    async def _conclude(
        self, group: Group, batch: Batch, refusals: list[Refusal] | None, record: Record | None
    ) -> None:
        if refusals is not None:
            with contextlib.suppress(SpoolFull, SpoolBroken):  # no room for dead letters: then all of it waits
                await self._durable.settle(batch, refusals, [] if record is None else [record])
                group.safe()
                return
        if record is None:
            await self._put(group, batch, held=False)

    async def _put(self, group: Group, batch: Batch, *, held: bool) -> Record | None:
        """On disk, and answered; None where the disk does not take it, or not in time."""
        try:
            record = await self._durable.put(batch, held=held, within_s=self._settings.disk_s)
        except (SpoolFull, SpoolBroken) as why:
            log.warning("A batch of %d spans cannot be spooled: %s.", batch.span_count, why)
            return None
        group.safe()
        if not held:
            self._drain.wake()
        return record

    # What the disk has answered for

    async def _store_kept(self) -> None:
        while True:
            while len(self._kept) == 0:
                await self._something_changes(None)
            due = self._paced_until  # not put off by what does not come this way: where the disk is full now
            while self._now() < due and self._may_wait:
                await self._something_changes(due)
            self._storing = True
            await self._store(self._kept.leave(self._settings.max_rows, self._settings.max_bytes))
            self._storing = False
            self._changed.set()

    @property
    def _may_wait(self) -> bool:
        full = self._kept.rows >= self._settings.max_rows or not self._fits(self._waiting.bytes)
        return not full and not self._stopping

    async def _store(self, members: Sequence[Kept]) -> None:
        """What cannot be stored now is left to the drain, which reads it from the disk."""
        records = [member.record for member in members]
        try:
            batch = await self._merged(members)
            refusals = await self._attempt(batch)
            if refusals is not None:
                await self._durable.settle(batch, refusals, records)
        except (SpoolFull, SpoolBroken) as why:
            log.warning("There is no room for dead letters, so all of their batch waits: %s.", why)
        except Exception:
            log.exception("Batches could not be stored.")  # the loop's edge: it must live on
        finally:
            await self._let_go(records)

    async def _let_go(self, records: Sequence[Record]) -> None:
        await self._durable.release(records)
        self._drain.wake()

    # Both

    async def _attempt(self, batch: Batch) -> list[Refusal] | None:
        """What the tables refuse of it for good; None where it has to be tried again."""
        self._paced_until = self._now() + self._settings.pace_s
        try:
            refusals = await insert_what_can_be(self._tables, batch)
        except NotNow as why:
            log.warning("The database does not take batches now: %s.", why)
        except Exception:
            log.exception("A batch could not be inserted.")  # the task's edge: the spool takes it
        else:
            return refusals
        self._paused_until = self._now() + self._settings.pause_s
        return None

    @property
    def _is_busy(self) -> bool:
        return self._storing or len(self._kept) > 0 or len(self._inserts) > 0

    @property
    def _is_paused(self) -> bool:
        return self._now() < self._paused_until

    def _fits(self, size: int) -> bool:
        """Beside what is kept in memory already."""
        return self._kept.bytes + size <= self._settings.max_kept_bytes

    async def _merged(self, members: Sequence[Waiting] | Sequence[Kept]) -> Batch:
        batches = [member.batch for member in members]
        return await asyncio.get_running_loop().run_in_executor(self._merging, merged, batches)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _ends(self, attempt: "asyncio.Task[Any]", by: float) -> bool:
        done, _ = await asyncio.wait({attempt}, timeout=max(by - self._now(), 0))
        return len(done) > 0

    async def _something_changes(self, until: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()
