"""The one door to the database: a named statement and typed parameters in, rows out, within limits.

ClickHouse writes the JSON and we read it with orjson: measured against decoding its Native format, 4x less CPU per
query, and nanoseconds and decimals arrive as they are. The asynchronous client takes half the CPU of the synchronous
one in threads.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
import orjson
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.external import ExternalData

from clickhouse.connect import connect_async
from clickhouse.errors import DatabaseAway, DatabaseError
from clickhouse.rollup.statements import external
from query_api.filters import Filter
from query_api.problems import Problem, away, too_large
from query_api.settings import ApiSettings
from query_api.statements import OF_ROLLUPS, asked

log = logging.getLogger(__name__)

Row = dict[str, Any]
Parameters = dict[str, Any]

MAX_RESULT_BYTES = 64 << 20
"""Of one answer that is held in memory; exports are streamed and have no such limit."""
WAIT_SECONDS = 25.0
"""For a turn among the queries that may run at once: fifty readers of a busy machine wait rather than fail. Balancers
wait longer."""
RETRY_SECONDS = 1.0
"""Where no database answers, not everybody waits for that in turn."""
FEW = 1_000
"""Sessions: about as many granules, which cost what the half hours of some days do."""
GRACE_SECONDS = 5.0
"""The database stops its queries by itself; only one that hangs is given up by us."""

_FORMAT = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 0,
    "output_format_json_quote_denormals": 0,  # NaN and infinity are null
    "output_format_json_named_tuples_as_objects": 1,
    "output_format_json_validate_utf8": 1,
    "date_time_output_format": "iso",
    "input_format_tsv_detect_header": 0,  # an id may be called session_id
}
_FAILURES = (ClickHouseError, DatabaseError, aiohttp.ClientError, OSError, TimeoutError)
_TOO_LARGE = frozenset({158, 241, 307, 396})  # rows, memory, bytes, rows or bytes
_TOO_SLOW = frozenset({159, 160})
_AWAY = frozenset({47, 60, 81, 202, 209, 210, 236, 241, 279, 497, 516, 999, 1000})
"""No schema yet, or an older one; too busy; cut off from its shards; or it does not know us (any more)."""
_PARQUET = {
    "output_format_parquet_write_bloom_filter": 0,  # a tenth of the work, for looking up single values in a file
    "output_format_compression_level": 1,  # of zstd: a sixth of the work, for files a seventh smaller
    "output_format_parquet_row_group_size": 16_384,  # the first is on its way while the next is read
}


class Connection:
    """Opened when it is first needed: the service starts, and answers 503, while the database is away."""

    def __init__(self, settings: ApiSettings) -> None:
        database = settings.read_database or settings.database
        self._database = database.within(database.everywhere)
        self._seconds = settings.query_seconds
        self._export_seconds = settings.export_seconds
        self._turns = asyncio.Semaphore(settings.queries_at_once)
        self._exports = asyncio.Semaphore(settings.exports_at_once)
        self._opening = asyncio.Lock()
        self._client: AsyncClient | None = None
        self._closed_until = 0.0
        self._limits = _FORMAT | {
            "readonly": 2,
            "max_memory_usage": settings.query_memory_bytes,
            "max_bytes_before_external_group_by": settings.query_memory_bytes // 2,  # many groups go by way of the disk
            "cancel_http_readonly_queries_on_client_close": 1,
            "prefer_global_in_and_join": 1,  # on a cluster: what a trace and what a session has lie on different shards
        }

    async def read(self, form: str, name: str, parameters: Parameters, beside: ExternalData | None = None) -> bytes:
        settings = {"max_execution_time": self._seconds, "max_result_bytes": MAX_RESULT_BYTES}
        text, wanted = asked(name, parameters)
        async with _turn(self._turns):
            try:
                async with asyncio.timeout(self._seconds + GRACE_SECONDS):
                    client = await self._opened()
                    return await client.raw_query(
                        text, parameters=wanted, settings=settings, fmt=form, external_data=beside
                    )
            except _FAILURES as error:
                raise _problem(error, name) from error

    async def stream(
        self, form: str, name: str, parameters: Parameters, beside: ExternalData | None = None
    ) -> AsyncIterator[bytes]:
        """What a statement answers, as it comes. It fails before the first piece, or breaks off."""
        settings = _PARQUET | {"max_execution_time": self._export_seconds}
        text, wanted = asked(name, parameters)
        async with _turn(self._exports):
            try:
                client = await self._opened()
                opened = await client.raw_stream(
                    text, parameters=wanted, settings=settings, fmt=form, external_data=beside
                )
            except _FAILURES as error:
                raise _problem(error, name) from error
            async with opened as chunks:
                try:
                    async for chunk in chunks:
                        yield chunk
                except _FAILURES as error:
                    raise _problem(error, name) from error

    @property
    def home(self) -> str:
        """The name of the database that reaches all shards."""
        return self._database.name

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _opened(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                if time.monotonic() < self._closed_until:
                    raise DatabaseAway("It was tried a moment ago.")
                self._closed_until = time.monotonic() + RETRY_SECONDS
                self._client = await connect_async(self._database, settings=self._limits)
                # In the address they could be longer than servers take: a filter may hold many long ids.
                self._client.form_encode_query_params = True
            return self._client


@contextlib.asynccontextmanager
async def _turn(turns: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await turns.acquire()
    except TimeoutError:
        raise away("Too many queries are running; try again in a moment.") from None
    try:
        yield
    finally:
        turns.release()


class Chosen(NamedTuple):
    """A filter as statements take it: parameters, and a table of ids that is sent beside the statement."""

    parameters: Parameters
    ids: ExternalData
    few: bool = False  # to be looked up one by one rather than found among all


class Found(NamedTuple):
    """Rows as tab-separated text, and what was chosen with a table of them."""

    rows: bytes
    chosen: Chosen


@dataclass(frozen=True, slots=True)
class Reader:
    """One project, as far as a key may see it: no query is made without one, so none lacks the project."""

    connection: Connection
    project: str
    content: bool
    named: str | None = None  # the project, where addresses have to name it: it is not the first that the key opens

    async def rows(self, name: str, chosen: Chosen | None = None, **parameters: Any) -> list[Row]:
        body = await self.connection.read("JSONEachRow", name, *self._asked(chosen, parameters))
        return [orjson.loads(line) for line in body.splitlines()]

    async def row(self, name: str, chosen: Chosen | None = None, **parameters: Any) -> Row | None:
        """Of a statement that answers with one row or none."""
        rows = await self.rows(name, chosen, **parameters)
        return rows[0] if rows else None

    async def known(self, name: str, trace_ids: Iterable[str]) -> list[list[Any]]:
        """What the rollup reads of these traces, by its own statement."""
        traces = external("slice", ("project_id", "trace_id"), ((self.project, each) for each in trace_ids))
        home = {"home": self.connection.home}
        body = await self.connection.read("JSONCompactEachRow", f"{OF_ROLLUPS}{name}", home, traces)
        return [orjson.loads(line) for line in body.splitlines()]

    def stream(self, form: str, name: str, chosen: Chosen | None = None, **parameters: Any) -> AsyncIterator[bytes]:
        return self.connection.stream(form, name, *self._asked(chosen, parameters))

    async def filter_sessions(self, wanted: Filter) -> Chosen:
        """For statements that have the filter in them."""
        return await self._said(wanted, "said_in_sessions", ["session_id"])

    async def filter_traces(self, wanted: Filter) -> Chosen:
        return await self._said(wanted, "said_in_traces", ["session_id", "trace_id"])

    async def choose_sessions(self, wanted: Filter, *, everything: bool) -> Chosen:
        """For statements about what is in the sessions: their ids are looked up first, unless all are wanted."""
        ids = b""
        if not everything:
            filtered = await self.filter_sessions(wanted)
            ids = await self.connection.read("TSV", "chosen_sessions", *self._asked(filtered, {}))
        parameters = {"everything": everything, "from_ns": wanted.from_ns, "to_ns": wanted.to_ns}
        few = not everything and ids.count(b"\n") <= FEW
        return Chosen(parameters, _table("chosen", ids, ["session_id String"]), few)

    async def look_up(self, chosen: Chosen, name: str, structure: Sequence[str], **parameters: Any) -> Found:
        """What a statement answers, to stand beside the chosen sessions as a table of its name."""
        rows = await self.connection.read("TSV", name, *self._asked(chosen, parameters))
        both = ExternalData()
        both.files = [*chosen.ids.files, *_table(name, rows, structure).files]
        return Found(rows, chosen._replace(ids=both))

    def these_sessions(self, ids: Iterable[str]) -> Chosen:
        return self.these("chosen", ("session_id",), ((session_id,) for session_id in ids))

    def these(self, table: str, columns: tuple[str, ...], ids: Iterable[tuple[str, ...]]) -> Chosen:
        """Things named one by one, for statements that have such a table."""
        return Chosen({}, external(table, columns, ids))

    async def _said(self, wanted: Filter, name: str, columns: list[str]) -> Chosen:
        """Texts are looked up first: as part of every statement they made its planning twice as long."""
        searched = len(wanted.texts) > 0
        parameters = wanted.parameters() | {"searched": searched}
        texts = wanted.text_parameters() | parameters | self._whose()
        said = await self.connection.read("TSV", name, texts) if searched else b""
        return Chosen(parameters, _table("said", said, [f"{column} String" for column in columns]))

    def _asked(self, chosen: Chosen | None, parameters: Parameters) -> tuple[Parameters, ExternalData | None]:
        if chosen is None:
            return parameters | self._whose(), None
        return parameters | chosen.parameters | self._whose(), chosen.ids

    def _whose(self) -> Parameters:
        return {"project": self.project, "content": self.content}


def _table(name: str, rows: bytes, structure: Sequence[str]) -> ExternalData:
    return ExternalData(file_name=f"{name}.tsv", data=rows, fmt="TSV", structure=structure)


def _problem(error: Exception, name: str) -> Problem:
    code = error.code if isinstance(error, ClickHouseError) and hasattr(error, "code") else None
    if code in _TOO_SLOW or isinstance(error, TimeoutError):
        return away("The query took longer than it may. Narrow the time range or the filter.")
    if code in _TOO_LARGE and "(total)" not in str(error):
        return too_large("The query needs more memory than it may use. Narrow the time range or the filter.")
    # What the database says repeats the statement, and with it what somebody searched for.
    log.warning("The statement %s failed with code %s: %s", name, code, str(error)[:200])
    if code is None or code in _AWAY:
        return away("The database does not answer. Is it started, and is its schema up to date?")
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "This is a fault of ours; the log says more.")
