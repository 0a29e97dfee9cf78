"""The writer on bad networks (line 52): clients are answered in time from the disk, and all is stored afterwards."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from clickhouse_connect.driver import Client

from clickhouse.connect import Database
from otel_receiver.tables import Tables
from otel_receiver.writer import WriterSettings
from tests.otel_receiver.network import NAME, Names, Way
from tests.otel_receiver.spans import batch_of
from tests.otel_receiver.test_writer_engine import under_load
from tests.otel_receiver.writing import Receiver, eventually, receiving

SETTINGS = WriterSettings(stop_s=10.0, pause_s=0.2)
INSERT_S = 1.0
NOTICED_S = 4.0
"""A look every second, of two at most; and what the machine takes."""


@contextlib.asynccontextmanager
async def writing(database: Database, folder: Path) -> AsyncIterator[Receiver]:
    tables = Tables(database, INSERT_S)
    try:
        async with receiving(folder, tables, SETTINGS) as receiver:
            yield receiver
    finally:
        await tables.close()


async def spooled(receiver: Receiver, first: int) -> None:
    """Fifty spans, acknowledged in time though the database is out of reach."""
    for number in range(5):
        started = time.monotonic()
        assert await receiver.write(batch_of(10, first + 10 * number))
        assert time.monotonic() - started < SETTINGS.ack_s + 0.5
    await eventually(lambda: receiver.writer.away, NOTICED_S)
    assert receiver.counts()["spooled"] == 50
    assert receiver.balanced()


def all_there_once(receiver: Receiver, client: Client) -> None:
    names = [name for (name,) in client.query("SELECT name FROM spans FINAL").result_rows]
    assert receiver.acked <= set(names)
    assert len(names) == len(set(names))
    assert receiver.balanced()
    assert receiver.counts()["dead"] == 0


def test_a_name_that_nobody_resolves_is_tried_until_somebody_does(
    database: Database, client: Client, tmp_path: Path
) -> None:
    """Also from the very start."""
    loop = Names()

    async def play() -> None:
        async with writing(replace(database, host=NAME), tmp_path) as receiver:
            await spooled(receiver, 0)
            loop.told = True
            await eventually(lambda: receiver.counts()["spooled"] == 0 and not receiver.writer.away, 30)
        all_there_once(receiver, client)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(play())


def test_connections_that_only_look_open_are_given_up(database: Database, client: Client, tmp_path: Path) -> None:
    """Half open: whatever is sent is taken, and never answered. New connections do once the way is mended."""

    async def play() -> None:
        way = Way(database)
        async with way.open() as by_way, writing(by_way, tmp_path) as receiver:
            assert await receiver.write(batch_of(10))
            await eventually(lambda: receiver.counts()["stored"] == 10)
            way.go_silent()
            await spooled(receiver, 100)
            way.mend()
            await eventually(lambda: receiver.counts()["spooled"] == 0 and not receiver.writer.away, 30)
            all_there_once(receiver, client)

    asyncio.run(play())


def test_a_way_that_loses_a_fifth_of_all_packets_loses_no_span(
    database: Database, client: Client, tmp_path: Path
) -> None:
    """What takes too long to get through goes by way of the disk."""

    async def play() -> None:
        way = Way(database, loss=0.2)
        async with way.open() as by_way, writing(by_way, tmp_path) as receiver:
            await under_load(receiver, between_s=2.0)
            way.loss = 0.0
            await eventually(lambda: receiver.counts()["spooled"] == 0, 30)
            all_there_once(receiver, client)
            assert len(receiver.acked) > 1_000

    asyncio.run(play())
