"""The tables that a batch goes to, column by column: encoded here, so that the database only has to take it."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform

from clickhouse.connect import Database, connect_async, error_code
from clickhouse.errors import DatabaseError
from otel_receiver.batch import Batch, Columns, height
from otel_receiver.verdicts import UNWRITABLE, NotEver, NotNow, verdict

_SETTINGS = {"optimize_on_insert": 0}
"""Copies within a block are left to merges and readers, like all others: a fifth less work for the engine."""

_ANSWER_S = 2.0  # longer than any pause of a busy engine


class Tables:
    """Encoding happens beside the event loop."""

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
    block, failure = b"".join(NativeTransform.build_insert(context)), context.insert_exception
    vars(context).clear()  # it refers to itself: all columns would live until the collector of garbage comes by
    if failure is not None:
        raise failure
    return block


def _tells(values: Sequence[Any], kind: ClickHouseType) -> bool:
    """In a nullable column zero is a value, and null is none."""
    return values.count(None) < len(values) if kind.nullable else any(values)


def _keyed(member: str, keys: set[tuple[str, str]]) -> Columns:
    return dict(zip(("project_id", member), zip(*keys, strict=True), strict=True)) if keys else {}
