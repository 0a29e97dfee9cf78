"""Rows to the database, those of many requests in one insert; to the spool where it is slow or away. First safe, then
answered."""

import asyncio
import contextlib
import io
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform

from clickhouse.connect import Database, connect_async, error_code
from clickhouse.errors import DatabaseError
from otel_receiver.batch import Batch, Columns, height, merged
from otel_receiver.drain import Drain
from otel_receiver.durable import Durable
from otel_receiver.errors import Unavailable
from otel_receiver.halving import Refusal, insert_what_can_be
from otel_receiver.spool import Record, SpoolBroken, SpoolFull
from otel_receiver.verdicts import UNWRITABLE, NotEver, NotNow, verdict
from otel_receiver.waiting import Group, Waiting, WaitingRoom
from otel_receiver.watched import Answering, Watched

log = logging.getLogger(__name__)

_SETTINGS = {"optimize_on_insert": 0}
"""Copies within a block are left to merges and readers, like all others: a fifth less work for the engine."""

_ANSWER_S = 2.0  # longer than any pause of a busy engine

_NO_ROOM = "neither the database nor the disk takes it now; try again"


@dataclass(frozen=True)
class WriterSettings:
    ack_s: float = 0.3  # then a batch goes to the spool: SDKs lose spans when answers take longer
    hold_s: float = 2.0  # how long the database is waited for where the spool is full; collectors give up after 5
    max_rows: int = 20_000  # of one insert: the engine's cost per row has nearly stopped falling there
    max_bytes: int = 32 << 20  # of one insert, as held in memory
    max_waiting_bytes: int = 128 << 20  # of what no insert has taken yet
    inserts: int = 2  # at a time: one is encoded while the other is in the engine
    worthwhile_rows: int = 4_000  # a second insert beside a running one waits for so many
    linger_s: float = 0.008  # after an insert: whoever has just been answered comes with the next batch
    pause_s: float = 1.0  # after a failure batches go straight to the spool for so long
    stop_s: float = 5.0  # the product stops within 10 s, and the doors come first


class Tables:
    """The tables a batch goes to. Encoding happens beside the event loop, in the client."""

    def __init__(self, database: Database, insert_s: float = 30.0) -> None:
        self._database, self._insert_s = database, insert_s
        self._client: AsyncClient | None = None
        # Of its own, so that encoding need not queue behind the decoding of large bodies.
        self._encoding = ThreadPoolExecutor(2, "encoding")
        self._connecting = asyncio.Lock()
        self._types: dict[str, dict[str, ClickHouseType]] = {}

    async def insert(self, batch: Batch) -> None:
        """All of it, or NotNow, or NotEver. Half of it may be there then: every table takes rows twice as once."""
        try:
            async with asyncio.timeout(self._insert_s):
                await self._insert("spans", batch.spans)
                await self._insert("scores", batch.scores)
                await self._insert("log_calls", batch.log_calls)
                # After the rows are visible: a stamp taken before would let a recompute miss them.
                await self._insert("trace_changes", _keyed("trace_id", batch.trace_ids()))
                await self._insert("session_changes", _keyed("session_id", batch.session_ids()))
        except DataError as why:
            raise NotEver("encoding", str(why)) from why
        except ClickHouseError as why:
            raise verdict(error_code(why), str(why)) from why
        except (DatabaseError, OSError) as why:  # a TimeoutError is an OSError
            raise NotNow from why
        except UNWRITABLE as why:
            raise NotEver("encoding", str(why)) from why

    async def answers(self) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                client = await self._connected()
                await self._types_of("spans", client)
                return await client.ping(_ANSWER_S)
        except (ClickHouseError, DatabaseError, OSError):
            return False

    async def close(self) -> None:
        self._encoding.shutdown(wait=False)
        if self._client is not None:
            await self._client.close()

    async def _insert(self, table: str, columns: Columns) -> None:
        if height(columns) == 0:
            return
        client = await self._connected()
        types = await self._types_of(table, client)
        loop = asyncio.get_running_loop()
        block = await loop.run_in_executor(self._encoding, encoded, table, columns, types)
        await client.raw_insert(insert_block=io.BytesIO(block), settings=_SETTINGS)

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await connect_async(self._database)
            return self._client

    async def _types_of(self, table: str, client: AsyncClient) -> dict[str, ClickHouseType]:
        if table not in self._types:
            context = await client.create_insert_context(table)
            self._types[table] = dict(zip(context.column_names, context.column_types, strict=True))
        return self._types[table]


def encoded(table: str, columns: Columns, types: Mapping[str, ClickHouseType]) -> bytes:
    """An INSERT in the Native format, of the columns that hold anything but their default: in most batches a third says
    nothing, and would cost as much."""
    told = {name: values for name, values in columns.items() if _tells(values, types[name])}
    kinds = [types[name] for name in told]
    data = list(told.values())
    context = InsertContext(table, list(told), kinds, data=data, column_oriented=True, block_size=height(columns))
    block = b"".join(NativeTransform.build_insert(context))
    if context.insert_exception is not None:
        raise context.insert_exception
    return block


def _tells(values: Sequence[Any], kind: ClickHouseType) -> bool:
    """In a nullable column zero is a value, and null is none."""
    return values.count(None) < len(values) if kind.nullable else any(values)


def _keyed(member: str, keys: set[tuple[str, str]]) -> Columns:
    return dict(zip(("project_id", member), zip(*keys, strict=True), strict=True)) if keys else {}


class Writer:
    """`start` before the first `write`; after `stop` nothing that was acknowledged is in memory alone."""

    def __init__(self, tables: Answering, durable: Durable, settings: WriterSettings) -> None:
        self._tables, self._durable, self._settings = Watched(tables), durable, settings
        self._drain = Drain(self._tables, durable)
        self._room = WaitingRoom()
        self._changed = asyncio.Event()  # something arrived, or an insert ended
        self._inserts: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._paused_until = self._linger_until = 0.0
        self._stopping = False

    @property
    def away(self) -> bool:
        """The database does not answer, or takes nothing: what comes goes to the spool."""
        return self._tables.away

    async def start(self) -> None:
        """Raises SpoolBroken where its folder cannot be used."""
        await self._durable.adopt()
        forever = (self._take_groups(), self._drain.forever(), self._tables.look_forever())
        self._loops = [asyncio.create_task(loop) for loop in forever]

    async def write(self, batch: Batch) -> None:
        """Returns when the batch is safe: in the tables, or on disk. Raises Unavailable where it can be neither."""
        if self._stopping:
            raise Unavailable("the receiver is stopping; try again")
        if self._room.bytes > 0 and self._room.bytes + batch.size > self._settings.max_waiting_bytes:
            raise Unavailable("too much waits to be stored; try again")
        loop = asyncio.get_running_loop()
        waiting = Waiting(batch, loop.time() + self._settings.ack_s, loop.create_future())
        self._room.enter(waiting)
        self._changed.set()
        refusal = await asyncio.shield(waiting.refusal)
        if refusal is not None:
            raise Unavailable(refusal)

    async def stop(self) -> None:
        """What waits is stored or spooled, what is spooled is stored while there is time."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.stop_s
        while (len(self._room) > 0 or self._inserts) and loop.time() < until:
            await self._something_changes(until)
        if not self.away:
            await self._drain.emptied(until)
        for task in (*self._loops, *self._inserts):
            task.cancel()
        await asyncio.gather(*self._loops, *self._inserts, return_exceptions=True)
        while len(self._room) > 0:
            self._next_group().refuse("the receiver has stopped; try again")
        await self._durable.close()

    async def _take_groups(self) -> None:
        while True:
            while len(self._room) == 0:
                await self._something_changes(None)
            if await self._may_insert():
                task = asyncio.create_task(self._finish(self._next_group(), self._insert))
                self._inserts.add(task)
                task.add_done_callback(self._ended)
            else:
                await self._finish(self._next_group(), self._spool)

    async def _may_insert(self) -> bool:
        """Whether the waiting go to the database; else to the spool, as it failed just now, or all inserts hang until
        they are due. A lone insert starts at once; beside it, or on disk, they gather for at most half of their time.
        """
        loop, settings = asyncio.get_running_loop(), self._settings
        while True:
            now, running, due = loop.time(), len(self._inserts), self._room.due
            paused = now < self._paused_until
            gathered = self._room.rows >= settings.worthwhile_rows or now >= due - settings.ack_s / 2
            alone = running == 0 and now >= self._linger_until
            if not paused and (alone or (running < settings.inserts and gathered)):
                return True
            if now >= due or (paused and gathered):
                return False
            later = due if gathered else due - settings.ack_s / 2
            await self._something_changes(min(later, self._linger_until) if running == 0 and not paused else later)

    async def _something_changes(self, until: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._changed.wait()

    def _next_group(self) -> Group:
        return self._room.leave(self._settings.max_rows, self._settings.max_bytes)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._inserts.discard(task)
        if len(self._room) > 0:
            self._linger_until = asyncio.get_running_loop().time() + self._settings.linger_s
        self._changed.set()

    async def _finish(self, group: Group, way: Callable[[Group, Batch], Awaitable[object]]) -> None:
        """Whatever happens, everybody gets an answer; who is not safe by then sends it again."""
        try:
            await way(group, await self._durable.aside(merged, [member.batch for member in group.members]))
        except Exception:
            log.exception("A group of batches could not be committed.")
        finally:
            group.refuse(_NO_ROOM)

    async def _spool(self, group: Group, batch: Batch) -> None:
        await self._kept(group, batch, held=False)

    async def _insert(self, group: Group, batch: Batch) -> None:
        attempt = asyncio.create_task(self._attempt(batch))
        record: Record | None = None
        try:
            if not await _ends(attempt, group.due):
                record = await self._kept(group, batch, held=True)
            if record is None and not await _ends(attempt, group.due + self._settings.hold_s):
                return  # no room on disk: the database was all there was
            await self._conclude(group, batch, await attempt, record)
        finally:
            attempt.cancel()
            await asyncio.wait({attempt})  # else it may outlive the client it uses
            if record is not None:
                await self._durable.release(record)
                self._drain.wake()

    async def _attempt(self, batch: Batch) -> list[Refusal] | None:
        """What the tables refuse of it for good; None where it has to be tried again."""
        try:
            refusals = await insert_what_can_be(self._tables, batch)
        except NotNow as why:
            log.warning("The database does not take batches now: %s.", why)
        except Exception:
            log.exception("A batch could not be inserted.")  # the task's edge: the spool takes it
        else:
            return refusals
        self._paused_until = asyncio.get_running_loop().time() + self._settings.pause_s
        return None

    async def _conclude(
        self, group: Group, batch: Batch, refusals: list[Refusal] | None, record: Record | None
    ) -> None:
        if refusals is not None:
            with contextlib.suppress(SpoolFull, SpoolBroken):  # no room for dead letters: then all of it waits
                await self._durable.settle(batch, refusals, [] if record is None else [record])
                group.safe()
                return
        if record is None:
            await self._kept(group, batch, held=False)

    async def _kept(self, group: Group, batch: Batch, *, held: bool) -> Record | None:
        """On disk, and answered; None where the disk does not take it."""
        try:
            record = await self._durable.put(batch, held=held)
        except (SpoolFull, SpoolBroken) as why:
            log.warning("A batch of %d spans cannot be spooled: %s.", batch.span_count, why)
            return None
        group.safe()
        self._drain.wake()
        return record


async def _ends(attempt: "asyncio.Task[Any]", by: float) -> bool:
    done, _ = await asyncio.wait({attempt}, timeout=max(by - asyncio.get_running_loop().time(), 0))
    return len(done) > 0
