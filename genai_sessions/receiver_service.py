"""`genai-sessions receiver`: two doors, one desk, a writer with a spool; one process, or several on the same ports."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from clickhouse.connect import Database
from clickhouse.machine import memory_bytes
from clickhouse.projects import Projects
from genai_sessions.database import required_database
from genai_sessions.ports import refuse_busy_ports, refuse_open_bind
from genai_sessions.readiness import DatabaseWatch
from genai_sessions.service import Service, collect_rarely, open_all_it_may, stop_all, stop_on_signal
from genai_sessions.settings import Settings, SettingsRefused
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.durable import Durable
from otel_receiver.export import Desk
from otel_receiver.grpc_server import GrpcDoor, GrpcServer
from otel_receiver.http_listen import HttpServer
from otel_receiver.http_server import HttpDoor
from otel_receiver.mapper import DialectMapper
from otel_receiver.memory import keep_little
from otel_receiver.metrics import Metrics
from otel_receiver.probes import Probes, Readiness
from otel_receiver.refusals import Refusals
from otel_receiver.settings import ReceiverSettings, bytes_in_flight
from otel_receiver.shared_metrics import SharedMetrics, forget_shared
from otel_receiver.spool import Spool, SpoolBroken, SpoolLimits
from otel_receiver.tables import Tables
from otel_receiver.writer import Writer, WriterSettings, kept_bytes

WORKER = "GENAI_SESSIONS_WORKER"
"""Set to the number of each of several workers of one receiver: they share its ports and its metrics."""
LOOK_SECONDS = 0.5
STOP_SECONDS = 7.0  # of a worker, where `up` gives the receiver a little more
DRAIN_SECONDS = 2.0  # of requests in flight; then 5 s of the writer; the whole product stops within 10


def receive(settings: Settings, projects: Projects) -> int:
    refuse_open_bind(settings, projects)
    try:
        mapper = DialectMapper(projects)
    except ValueError as error:
        raise SettingsRefused(f"{error}.") from error
    database = required_database(settings)
    if WORKER not in os.environ:
        refuse_busy_ports(settings, "otlp_grpc_port", "otlp_http_port")
    if settings.workers > 1:
        forget_shared(_metrics_folder(settings))
        return _receive_with_workers(settings.workers, stop_on_signal())
    collect_rarely()
    keep_little()
    open_all_it_may()
    asyncio.run(_serve(settings, projects, mapper, database))
    return 0


async def _serve(settings: Settings, projects: Projects, mapper: DialectMapper, database: Database) -> None:
    watch = DatabaseWatch(database)
    watch.start()
    metrics = Metrics()
    spool = Spool(settings.data_dir / "spool", SpoolLimits())
    durable = Durable(spool, DeadLetters(settings.data_dir / "dead-letters"), metrics)
    tables = Tables(database.within(database.everywhere))
    writer = Writer(tables, durable, WriterSettings(max_kept_bytes=kept_bytes(memory_bytes())))
    try:
        await writer.start()
    except SpoolBroken as error:
        raise SettingsRefused(f"The spool in {settings.data_dir} cannot be used: {error}.") from error
    receiver = ReceiverSettings(
        host=settings.host,
        grpc_port=settings.otlp_grpc_port,
        http_port=settings.otlp_http_port,
        share_ports=WORKER in os.environ,
        max_bytes_in_flight=bytes_in_flight(memory_bytes()),
    )
    desk, refusals = Desk(projects, writer, mapper, receiver, metrics), Refusals(metrics)
    shared = _shared_metrics(settings, metrics)
    probes = Probes(lambda: _readiness(writer, watch), metrics.text if shared is None else shared.text)
    doors = (
        GrpcServer(GrpcDoor(desk, refusals, probes, receiver), receiver),
        HttpServer(HttpDoor(desk, refusals, probes, receiver), receiver),
    )
    for door in doors:
        await door.start()
    sharing = None if shared is None else asyncio.create_task(shared.write_forever())
    await _told_to_stop()
    grpc_door, http_door = doors
    await asyncio.gather(grpc_door.stop(DRAIN_SECONDS), http_door.stop())
    await desk.drain(DRAIN_SECONDS)
    await writer.stop()
    await tables.close()
    if sharing is not None:
        sharing.cancel()  # it writes once more


def _shared_metrics(settings: Settings, metrics: Metrics) -> SharedMetrics | None:
    """None where nobody shares them."""
    if WORKER not in os.environ:
        return None
    return SharedMetrics(metrics.text, _metrics_folder(settings), os.environ[WORKER])


def _metrics_folder(settings: Settings) -> Path:
    """Receivers may share a data folder, but not a port."""
    return settings.data_dir / "metrics" / str(settings.otlp_http_port)


def _readiness(writer: Writer, watch: DatabaseWatch) -> Readiness:
    complaint = "the database is away" if writer.away else watch.complaint
    return Readiness(complaint == "", complaint)


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _receive_with_workers(workers: int, stop: threading.Event) -> int:
    """The same command once more for each; the kernel spreads connections over those that share a port."""
    arguments = [*sys.argv[1:], "--workers", "1"]
    services = [Service(f"worker {n}", arguments, {WORKER: str(n)}, STOP_SECONDS) for n in range(1, workers + 1)]
    try:
        for service in services:
            service.start()
        while not stop.wait(LOOK_SECONDS):
            if all(service.ended is not None for service in services):
                return max(service.ended or 0 for service in services)  # none of them can: a sentence says why
            for service in services:
                service.revive()
    finally:
        stop_all(services)
    return 0
