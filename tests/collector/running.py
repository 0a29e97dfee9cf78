"""A Collector as its users start it: one of the examples, on free ports, in front of a receiver."""

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.end_to_end.payloads import Sender
from tests.end_to_end.product import SOURCE, Ports, environment, eventually
from tests.otel_receiver.requests import traces

EXAMPLES = SOURCE / "examples" / "collector"


@dataclass
class Collector:
    child: "subprocess.Popen[bytes]"
    ports: Ports  # gRPC and HTTP of its receiver, and its own metrics
    log: Path

    def metric(self, name: str) -> float:
        """Of the Collector itself, summed over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports.api}/metrics", timeout=5) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return sum(float(value) for key, _, value in lines if key.partition("{")[0] == f"otelcol_{name}")

    def dropped(self) -> float:
        return self.metric("exporter_send_failed_spans")

    def is_idle(self) -> bool:
        return self.metric("exporter_queue_size") == 0 and self.metric("exporter_in_flight_requests") == 0

    def send(self, *spans: Span, service: str = "bot") -> None:
        """One request, until the Collector has it."""
        sender = Sender(self.ports.grpc, self.ports.http)
        sender.send("grpc", traces(*spans, resource={"service.name": service}))
        sender.close()

    def said(self, words: str) -> bool:
        return words in self.log.read_text()

    def is_ready(self, lives: int) -> bool:
        """For so many times since its log began."""
        assert self.child.poll() is None, self.log.read_text()
        return self.log.read_text().count("Everything is ready") == lives


@contextlib.contextmanager
def collecting(
    program: Path, configurations: list[str], folder: Path, *, to: int, ports: Ports, key: str = "", **more: str
) -> Iterator[Collector]:
    """Until it is not needed any more, or was killed. `folder` keeps its queue from one life to the next."""
    log = folder / "collector.log"
    told = environment(
        SESSIONS_ENDPOINT=f"127.0.0.1:{to}",
        SESSIONS_KEY=key,
        OTLP_GRPC_PORT=str(ports.grpc),
        OTLP_HTTP_PORT=str(ports.http),
        QUEUE_DIR=str(folder / "queue"),
        **more,
    )
    files = [f"--config={EXAMPLES / name}.yaml" for name in configurations]
    command = [str(program), *files, f"--config=yaml:{_metrics_on(ports.api)}"]
    before = log.read_text().count("Everything is ready") if log.exists() else 0
    with log.open("ab") as out:
        child = subprocess.Popen(command, env=told, stdout=out, stderr=out)
    collector = Collector(child, ports, log)
    try:
        eventually(lambda: collector.is_ready(before + 1), of=log)
        yield collector
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _metrics_on(port: int) -> str:
    """Where the tests look how it is doing; the default is a fixed port."""
    reader = f"{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}"
    return f"service: {{telemetry: {{metrics: {{readers: [{reader}]}}}}}}"
