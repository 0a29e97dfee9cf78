"""The one desk both doors bring their requests to: who is it, what is in it, is it safe, what do we answer."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from clickhouse.ids import normal_id
from clickhouse.projects import Project, Projects, secret_in
from otel_receiver.batch import Batch
from otel_receiver.budget import HUGE_BYTES, Budget, Hold
from otel_receiver.errors import Permanent
from otel_receiver.memory import give_back
from otel_receiver.metrics import Metrics, Records
from otel_receiver.otlp import (
    Encoding,
    LogRecord,
    Malformed,
    count_metrics,
    read_logs,
    read_traces,
)
from otel_receiver.quota import Quotas
from otel_receiver.settings import ReceiverSettings
from otel_receiver.span import Span

Signal = Literal["traces", "logs", "metrics"]

OFFLOADED_BYTES = 256 << 10
"""A body above this is decoded in a thread: on the loop it would hold up acks and health checks for milliseconds."""

PIECE_BYTES = 6 << 20
"""Of a huge body, with a kilobyte for every record: read and mapped at once. Others of its kind wait meanwhile."""

_Result = TypeVar("_Result")


class Received(NamedTuple):
    """What a request says about all of its spans."""

    at_ns: int
    session_id: str | None = None  # of the header x-session-id: a default for a whole client
    user_id: str | None = None  # of the header x-user-id


class Caller(NamedTuple):
    project: Project
    session_id: str | None
    user_id: str | None


class Reply(NamedTuple):
    """OK; with `rejected` of it not stored, for good."""

    rejected: int = 0
    message: str = ""


class Writer(Protocol):
    """The next stage. It returns when the batch is safe, and raises Unavailable when it cannot take it now. It counts a
    batch before it returns: whoever looks between must find it counted here, too, hence `when_safe`."""

    async def write(self, batch: Batch, when_safe: Callable[[], None]) -> None: ...


class Mapper(Protocol):
    """Spans and log records to rows. A dialect that fails costs the mapping, never the span: this never raises."""

    def spans(self, spans: Sequence[Span], project: Project, received: Received) -> Batch: ...

    def logs(self, records: Sequence[LogRecord], project: Project, received: Received) -> Batch: ...


_Decoded = tuple[list[Any], dict[str, int], dict[str, int]]
"""Records, those rejected by reason, those repaired by flaw: Decoded and DecodedLogs alike."""


class _Piece(NamedTuple):
    """Of a request; of most requests all."""

    records: int
    rejected: dict[str, int]
    repaired: dict[str, int]
    batch: Batch


class _Kind(NamedTuple):
    """What differs between signals that are stored."""

    things: str
    read: Callable[[bytes, Encoding, int, int], Iterator[_Decoded]]
    rows: Callable[[list[Any], Project, Received], Batch]
    counters: Records


class Desk:
    def __init__(
        self,
        projects: Projects,
        writer: Writer,
        mapper: Mapper,
        settings: ReceiverSettings,
        metrics: Metrics,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.metrics = metrics
        share = settings.max_bytes_in_flight // (1 if len(projects.by_id) == 1 else 2)
        self.budget = Budget(settings.max_bytes_in_flight, share, settings.hold_s)
        self._projects, self._writer, self._now_ns = projects, writer, now_ns
        self._quotas = Quotas()
        # One: they would only take the interpreter from each other, and each holds all of its request as objects.
        self._beside = ThreadPoolExecutor(1, "reading")
        self._huge = asyncio.Lock()
        self._commits: set[asyncio.Task[Reply]] = set()
        spans = _Kind("spans", read_traces, mapper.spans, metrics.spans)
        logs = _Kind("log records", read_logs, mapper.logs, metrics.log_records)
        self._store: dict[Signal, Callable[[bytes, Encoding, Caller], Awaitable[Reply]]] = {
            "traces": partial(self._records, spans),
            "logs": partial(self._records, logs),
            "metrics": self._data_points,
        }

    def admit(self, headers: Mapping[str, str]) -> Caller:
        """Who sends, from headers or metadata alone (names in lower case): a stranger's body is never read."""
        key = self._projects.key(secret_in(headers))
        if key is None:
            raise Permanent("unauthenticated", "a known key is needed: Authorization: Bearer, x-api-key, or Basic")
        if "ingest" not in key.scopes:
            raise Permanent("forbidden", "the key has no scope ingest")
        return Caller(
            self._projects.by_id[key.projects[0]],
            normal_id(headers.get("x-session-id")),
            normal_id(headers.get("x-user-id")),
        )

    async def export(self, signal: Signal, body: bytes, encoding: Encoding, caller: Caller, hold: Hold) -> Reply:
        """Takes over the hold. Shielded: a client that goes away does not stop a commit half way."""
        commit = asyncio.create_task(self._commit(signal, body, encoding, caller, hold))
        self._commits.add(commit)
        commit.add_done_callback(self._forget)
        return await asyncio.shield(commit)

    async def drain(self, within_s: float) -> int:
        """Waits for what is in flight; how many did not make it."""
        if len(self._commits) == 0:
            return 0
        _, late = await asyncio.wait(self._commits, timeout=within_s)
        return len(late)

    def _forget(self, commit: asyncio.Task[Reply]) -> None:
        self._commits.discard(commit)
        if not commit.cancelled():
            commit.exception()  # whoever still waits gets it; nobody may be left to

    async def _commit(self, signal: Signal, body: bytes, encoding: Encoding, caller: Caller, hold: Hold) -> Reply:
        self.metrics.in_flight_bytes.put(self.budget.used)
        try:
            with self.metrics.ack_seconds.timed():
                return await self._store[signal](body, encoding, caller)
        except Malformed as why:
            raise Permanent("malformed", str(why)) from None
        finally:
            hold.release()
            self.metrics.in_flight_bytes.put(self.budget.used)

    async def _records(self, kind: _Kind, body: bytes, encoding: Encoding, caller: Caller) -> Reply:
        received = Received(self._now_ns(), caller.session_id, caller.user_id)
        self._quotas.take_bytes(caller.project, len(body))
        huge = len(body) > HUGE_BYTES

        def piece_of(decoded: _Decoded) -> _Piece:
            records, rejected, repaired = decoded
            return _Piece(len(records), rejected, repaired, kind.rows(records, caller.project, received))

        pieces = map(piece_of, kind.read(body, encoding, received.at_ns, PIECE_BYTES if huge else 0))
        if huge:
            async with self._huge:
                await self._given_back()  # what reading it has left behind
                rejected = await self._store_pieces(kind, body, caller, pieces)
                await self._given_back()
        else:
            piece = await self._in_good_place(body, lambda: next(pieces))
            self._quotas.take_spans(caller.project, piece.records)
            await self._store_piece(kind, piece)
            rejected = piece.rejected
        return Reply(sum(rejected.values()), _sentence(kind.things, rejected))

    async def _store_pieces(
        self, kind: _Kind, body: bytes, caller: Caller, pieces: Iterator[_Piece]
    ) -> Mapping[str, int]:
        """One is stored while the next is read."""
        rejected, begun = Counter[str](), False
        storing = asyncio.create_task(asyncio.sleep(0))
        try:
            while (piece := await self._in_good_place(body, lambda: next(pieces, None))) is not None:
                self._quotas.take_spans(caller.project, piece.records, begun=begun)
                await storing
                rejected.update(piece.rejected)
                storing, begun = asyncio.create_task(self._store_piece(kind, piece)), True
            await storing
        finally:
            await asyncio.wait({storing})
        return rejected

    async def _store_piece(self, kind: _Kind, piece: _Piece) -> None:
        def count() -> None:
            kind.counters.received.add(by=piece.records + sum(piece.rejected.values()))
            kind.counters.rejected.add_all(piece.rejected)
            kind.counters.repaired.add_all(piece.repaired)

        if piece.batch.row_count > 0:
            await self._writer.write(piece.batch, count)
        else:
            count()

    async def _in_good_place(self, body: bytes, read: Callable[[], _Result]) -> _Result:
        if len(body) <= OFFLOADED_BYTES:
            return read()
        return await asyncio.get_running_loop().run_in_executor(self._beside, read)

    async def _given_back(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._beside, give_back)

    async def _data_points(self, body: bytes, encoding: Encoding, caller: Caller) -> Reply:
        """Accepted so that one endpoint serves an SDK that sends all three; the warning says what becomes of them."""
        self._quotas.take_bytes(caller.project, len(body))
        points = await self._in_good_place(body, lambda: count_metrics(body, encoding))
        self.metrics.data_points.add(by=points)
        return Reply(0, "" if points == 0 else "metrics are counted, not stored")


def _sentence(things: str, rejected: Mapping[str, int]) -> str:
    """What was rejected and why, the first reason first."""
    reasons = ", ".join(f"{reason} ({count})" for reason, count in rejected.items())
    return f"rejected {sum(rejected.values())} {things}: {reasons}" if rejected else ""
