"""Recorded requests as clients may send them: now, in any order, split, repeated; through each door."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import grpc
import httpx
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from otel_receiver.otlp import Encoding
from tests.otel_receiver.dialects.recordings import PAYLOADS
from tests.otel_receiver.doors import LOGS, METRICS, TRACES
from tests.otel_receiver.requests import body

Door = Literal["grpc", "http/protobuf", "http/json"]
DOORS: tuple[Door, ...] = ("grpc", "http/protobuf", "http/json")
Request = TracesData | LogsData | MetricsData
R = TypeVar("R", TracesData, LogsData, MetricsData)

_KINDS: dict[str, tuple[type[Request], str, str]] = {
    "": (TracesData, TRACES, "/v1/traces"),
    "logs-": (LogsData, LOGS, "/v1/logs"),
    "metrics-": (MetricsData, METRICS, "/v1/metrics"),
}
_FIVE_MINUTES_NS = 300 * 1_000_000_000
_TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}


class Recorded(NamedTuple):
    """One recording, as if it had ended five minutes ago."""

    traces: list[TracesData]
    others: list[Request]


def recorded(name: str, now_ns: int) -> Recorded:
    traces = [_read(path, TracesData) for path in _bodies(name, "")]
    logs = [_read(path, LogsData) for path in _bodies(name, "logs-")]
    metrics: list[Request] = [_read(path, MetricsData) for path in _bodies(name, "metrics-")]
    by_ns = now_ns - _FIVE_MINUTES_NS - max(span.end_time_unix_nano for one in traces for span in spans(one))
    for one in traces:
        _shift_spans(one, by_ns)
    for other in logs:
        _shift_logs(other, by_ns)
    return Recorded(traces, [*logs, *metrics])


def _bodies(name: str, prefix: str) -> list[Path]:
    return sorted((PAYLOADS / name).glob(f"{prefix}[0-9]*.binpb"))


def _read(path: Path, kind: type[R]) -> R:
    return kind.FromString(path.read_bytes())


def spans(request: TracesData) -> Iterator[Span]:
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            yield from scoped.spans


def _shift_spans(request: TracesData, by_ns: int) -> None:
    for span in spans(request):
        span.start_time_unix_nano += by_ns
        span.end_time_unix_nano += by_ns
        for event in span.events:
            event.time_unix_nano += by_ns


def _shift_logs(request: LogsData, by_ns: int) -> None:
    for group in request.resource_logs:
        for scoped in group.scope_logs:
            for record in scoped.log_records:
                record.time_unix_nano += by_ns
                record.observed_time_unix_nano += by_ns


def _reversed(requests: Sequence[TracesData]) -> list[TracesData]:
    return list(requests)[::-1]


def _one_by_one(requests: Sequence[TracesData]) -> list[TracesData]:
    return [alone for request in requests for alone in _split(request)]


def _split(request: TracesData) -> Iterator[TracesData]:
    """Each span with its own copy of resource and scope."""
    for group in request.resource_spans:
        for scoped in group.scope_spans:
            for span in scoped.spans:
                alone = TracesData()
                own = alone.resource_spans.add(resource=group.resource, schema_url=group.schema_url)
                own.scope_spans.add(scope=scoped.scope, schema_url=scoped.schema_url, spans=[span])
                yield alone


def _twice(requests: Sequence[TracesData]) -> list[TracesData]:
    return [*requests, *requests]


ORDERS: dict[str, Callable[[Sequence[TracesData]], list[TracesData]]] = {
    "as it came": list,
    "reversed": _reversed,
    "one span per request": _one_by_one,
    "everything twice": _twice,
}


class Sender:
    """A client of a receiver; may be shared by threads."""

    def __init__(self, grpc_port: int, http_port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=30, trust_env=False)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}")

    def send(self, door: Door, request: Request, key: str = "") -> None:
        """Until it is acknowledged; a refusal is an error."""
        method, path = next(where for kind, *where in _KINDS.values() if isinstance(request, kind))
        if door == "grpc":
            call = self._channel.unary_unary(method, None, None)
            call(request.SerializeToString(), metadata=(("x-api-key", key),), timeout=30)
            return
        encoding: Encoding = "json" if door == "http/json" else "protobuf"
        headers = {"x-api-key": key, "content-type": _TYPES[encoding]}
        answer = self._http.post(path, content=body(request, encoding), headers=headers)
        assert answer.status_code == 200, answer.text
        assert b"rejected" not in answer.content

    def close(self) -> None:
        self._http.close()
        self._channel.close()
