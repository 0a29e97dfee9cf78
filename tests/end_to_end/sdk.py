"""An application instrumented with the unmodified OpenTelemetry SDK; and clients that note what they were promised."""

import threading
import time
from dataclasses import dataclass, field
from typing import Literal

import grpc
import httpx
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.end_to_end.payloads import Sender
from tests.end_to_end.product import Ports
from tests.otel_receiver.requests import span, traces

Protocol = Literal["grpc", "http"]


def exporter(protocol: Protocol, ports: Ports) -> SpanExporter:
    if protocol == "grpc":
        return GrpcExporter(endpoint=f"http://127.0.0.1:{ports.grpc}", insecure=True, timeout=8)
    return HttpExporter(endpoint=f"http://127.0.0.1:{ports.http}/v1/traces", timeout=8)


def converse(protocol: Protocol, ports: Ports, session_id: str, turns: int = 2) -> None:
    """A small agent, until everything is sent."""
    provider = TracerProvider(resource=Resource({"service.name": "bot"}))
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, ports)))
    tracer = provider.get_tracer("tests")
    for _ in range(turns):
        with tracer.start_as_current_span("agent") as agent:
            agent.set_attributes({"session.id": session_id, "user.id": "ada"})
            with tracer.start_as_current_span("chat gpt-4o") as call:
                call.set_attribute("gen_ai.operation.name", "chat")
                call.set_attribute("gen_ai.request.model", "gpt-4o")
                call.set_attributes({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10})
    provider.shutdown()


@dataclass
class Load:
    """Clients that send without a pause until they are told to stop; they try again what was not acknowledged."""

    ports: Ports
    clients: int = 4
    spans: int = 20
    acked: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Load":
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> set[str]:
        """What was acknowledged."""
        self.over.set()
        for thread in self._threads:
            thread.join(40)
        return self.acked

    def _send(self, client: int) -> None:
        sender, number = Sender(self.ports.grpc, self.ports.http), client << 40
        while not self.over.is_set():
            request, ids = _request(number, self.spans)
            while not self._acknowledged(sender, client, request):
                if self.over.wait(0.1):
                    return sender.close()
            self.acked |= ids
            number += self.spans
        return sender.close()

    def _acknowledged(self, sender: Sender, client: int, request: TracesData) -> bool:
        try:
            sender.send("grpc" if client % 2 else "http/protobuf", request)
        except (grpc.RpcError, httpx.HTTPError, AssertionError):
            return False
        return True


def _request(first: int, count: int) -> tuple[TracesData, set[str]]:
    now = time.time_ns()
    times = {"start_time_unix_nano": now - 10**9, "end_time_unix_nano": now}
    trace_id = (first + 1).to_bytes(16, "big")
    values = {"session.id": f"load-{first >> 40}", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    numbers = range(first + 1, first + 1 + count)
    made = [span(number, values, trace_id=trace_id, **times) for number in numbers]
    return traces(*made), {f"{number:016x}" for number in numbers}
