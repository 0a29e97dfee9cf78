"""What storing costs, from spans and calls on: rows and prices, encoding, and the engine under the writer.

    python -m bench.storing

Spans as in `bench.decode`: 15 attributes, 1.4 kB. CPU in microseconds per span, of this process and of the engine.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.datatypes.registry import get_from_name

from bench.decode import SPANS, microseconds, request
from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from clickhouse.projects import Project
from otel_receiver import dialects
from otel_receiver.batch import Batch
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.durable import Durable
from otel_receiver.metrics import Metrics
from otel_receiver.otlp import decode_traces
from otel_receiver.pricing import Prices
from otel_receiver.rows import write_rows
from otel_receiver.spool import Spool, SpoolLimits
from otel_receiver.tables import Tables, encoded
from otel_receiver.writer import Writer, WriterSettings

REQUESTS = 160
PROJECT = Project("bench")
PRICES = Prices()
RECEIVED_NS = 1_790_000_000_000_000_000


class Load(NamedTuple):
    name: str
    clients: int
    batches: Sequence[Batch]


def batches() -> list[Batch]:
    """Requests of distinct spans."""
    made: list[Batch] = []
    spans = decode_traces(request().SerializeToString(), "protobuf", RECEIVED_NS).spans
    calls = [dialects.read(span) for span in spans]
    for number in range(REQUESTS):
        own = [
            span._replace(trace_id=f"{number:08x}{span.trace_id[8:]}", start_ns=span.start_ns + number)
            for span in spans
        ]
        made.append(write_rows(own, calls, PROJECT, PRICES, received_ns=RECEIVED_NS))
    return made


def cost_of_rows(types: dict[str, ClickHouseType]) -> None:
    spans = decode_traces(request().SerializeToString(), "protobuf", RECEIVED_NS).spans
    calls = [dialects.read(span) for span in spans]
    batch = write_rows(spans, calls, PROJECT, PRICES, received_ns=RECEIVED_NS)
    pricing = microseconds(lambda: [PRICES.cost(call, RECEIVED_NS) for call in calls])
    rows = microseconds(lambda: write_rows(spans, calls, PROJECT, PRICES, received_ns=RECEIVED_NS))
    encoding = microseconds(lambda: encoded("spans", batch.spans, types))
    print(f"rows {rows:.1f} (pricing {pricing:.1f} of it)  encoding {encoding:.1f} us/span")


def _uncounted() -> None:
    pass


async def cost_of_writing(database: Database, engine: psutil.Process, load: Load) -> None:
    tables, metrics = Tables(database), Metrics()
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool", SpoolLimits())
        durable = Durable(spool, DeadLetters(Path(folder) / "dead"), metrics)
        writer = Writer(tables, durable, WriterSettings())
        await writer.start()
        await writer.write(load.batches[0], _uncounted)
        waits: list[float] = []
        left = list(load.batches)

        async def client() -> None:
            while left:
                batch, started = left.pop(), time.perf_counter()
                await writer.write(batch, _uncounted)
                waits.append(time.perf_counter() - started)

        ours, theirs, started = time.process_time(), _cpu(engine), time.perf_counter()
        await asyncio.gather(*(client() for _ in range(load.clients)))
        took = time.perf_counter() - started
        await writer.stop()
        took_all = time.perf_counter() - started
        await tables.close()
    spans = sum(batch.span_count for batch in load.batches)
    waits.sort()
    cpu, engine_cpu = time.process_time() - ours, _cpu(engine) - theirs
    print(
        f"{load.name}: {spans / took:,.0f} spans/s acknowledged, {spans / took_all:,.0f} stored, "
        f"{len(waits) / took:,.0f} requests/s, ack p50 {waits[len(waits) // 2] * 1e3:.0f} "
        f"p99 {waits[len(waits) * 99 // 100] * 1e3:.0f} ms, "
        f"CPU {cpu / spans * 1e6:.1f} + engine {engine_cpu / spans * 1e6:.1f} us/span"
    )


def _cpu(engine: psutil.Process) -> float:
    times = engine.cpu_times()
    return times.user + times.system


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Engine(EngineSettings(Path(folder))) as engine:
        database = engine.database()
        with connected(database.within("default")) as client:
            migrate(client, Topology(database.name))
        with connected(database) as client:
            described = client.query("DESCRIBE TABLE spans").result_rows
        cost_of_rows({row[0]: get_from_name(row[1]) for row in described})
        whole = batches()
        small = [batch.part(first, first + 10) for batch in whole[:40] for first in range(0, SPANS, 10)]
        for load in (Load("16 x 500", 16, whole), Load("64 x 10", 64, small), Load("1 x 10", 1, small[:200])):
            asyncio.run(cost_of_writing(database, psutil.Process(engine.pid), load))


if __name__ == "__main__":
    main()
