"""Both doors, really listening, in front of a writer that keeps a list. Clients in the tests are synchronous."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx

from clickhouse.projects import Project, Projects, without_file
from otel_receiver.batch import Batch
from otel_receiver.export import Desk, Received
from otel_receiver.grpc_server import GrpcDoor, GrpcServer
from otel_receiver.http_listen import HttpServer
from otel_receiver.http_server import HttpDoor
from otel_receiver.metrics import Metrics
from otel_receiver.otlp import LogRecord
from otel_receiver.probes import Probes, Readiness
from otel_receiver.refusals import Refusals
from otel_receiver.settings import ReceiverSettings
from otel_receiver.span import Span

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


@dataclass
class ListWriter:
    """Keeps what it is given; `before` may wait or refuse."""

    batches: list[Batch] = field(default_factory=list)
    before: Callable[[Batch], Coroutine[Any, Any, None]] | None = None

    async def write(self, batch: Batch, when_safe: Callable[[], None]) -> None:
        if self.before is not None:
            await self.before(batch)
        self.batches.append(batch)
        when_safe()

    @property
    def span_ids(self) -> list[str]:
        return [span_id for batch in self.batches for span_id in batch.spans["span_id"]]


class GatedWriter(ListWriter):
    """Begins, and goes on when it is told to."""

    def __init__(self, fail: bool = False) -> None:
        super().__init__()
        self.begun, self.go_on, self.fail = threading.Event(), threading.Event(), fail

    async def write(self, batch: Batch, when_safe: Callable[[], None]) -> None:
        self.begun.set()
        await asyncio.to_thread(self.go_on.wait, 10)
        if self.fail:
            raise RuntimeError("the database said no")
        await super().write(batch, when_safe)


def until(true: Callable[[], bool]) -> None:
    """Waits for what must come, for five seconds at most."""
    for _ in range(500):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


class PlainMapper:
    """Just enough of rows to see what arrived."""

    def spans(self, spans: Sequence[Span], project: Project, received: Received) -> Batch:
        return _batch([(span.trace_id, span.span_id, span) for span in spans], project, received)

    def logs(self, records: Sequence[LogRecord], project: Project, received: Received) -> Batch:
        return _batch([(record.trace_id, record.span_id, record) for record in records], project, received)


def _batch(rows: list[tuple[str, str, Any]], project: Project, received: Received) -> Batch:
    columns: dict[str, Sequence[Any]] = {
        "project_id": [project.id] * len(rows),
        "trace_id": [row[0] for row in rows],
        "span_id": [row[1] for row in rows],
        "record": [row[2] for row in rows],
        "received": [received] * len(rows),
    }
    return Batch(columns if rows else {}, {}, len(rows))


@dataclass
class Doors:
    writer: ListWriter
    desk: Desk
    grpc_port: int
    http_port: int
    http: httpx.Client
    state: list[Readiness]

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        names = {"content-type": "application/x-protobuf"}
        names |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, content=body, headers=names)

    def call(
        self, body: bytes, method: str = TRACES, metadata: Mapping[str, str] | None = None, timeout: float = 10
    ) -> bytes:
        """One gRPC call; a refusal is a grpc.RpcError."""
        pairs = tuple((name.replace("_", "-"), value) for name, value in (metadata or {}).items())
        options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=options) as channel:
            answer: bytes = channel.unary_unary(method, None, None)(body, metadata=pairs, timeout=timeout)
            return answer


@contextmanager
def open_doors(
    settings: ReceiverSettings | None = None,
    projects: Projects | None = None,
    writer: ListWriter | None = None,
    mapper: Any = None,
) -> Iterator[Doors]:
    """Servers on free ports, in a loop and a thread of their own."""
    chosen = settings or ReceiverSettings(grpc_port=0, http_port=0)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    state = [Readiness(ready=True)]

    async def start() -> tuple[Desk, GrpcServer, HttpServer]:
        metrics = Metrics()
        refusals = Refusals(metrics)
        desk = Desk(projects or without_file(), kept, mapper or PlainMapper(), chosen, metrics)
        probes = Probes(lambda: state[0], metrics.text)
        grpc_server = GrpcServer(GrpcDoor(desk, refusals, probes, chosen), chosen)
        http_server = HttpServer(HttpDoor(desk, refusals, probes, chosen), chosen)
        await grpc_server.start()
        await http_server.start()
        return desk, grpc_server, http_server

    async def stop() -> None:
        await grpc_server.stop(1)
        await http_server.stop()
        await desk.drain(1)

    kept = writer or ListWriter()
    desk, grpc_server, http_server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    client = httpx.Client(base_url=f"http://127.0.0.1:{http_server.port}", timeout=10, trust_env=False)
    try:
        yield Doors(kept, desk, grpc_server.port, http_server.port, client, state)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
        client.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
