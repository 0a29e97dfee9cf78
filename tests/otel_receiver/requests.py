"""Requests as a client would send them, in both encodings, from the stock OTLP messages."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from otel_receiver.otlp import Encoding

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
TRACE = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN = bytes.fromhex("eee19b7ec3c1b174")


_SCALARS = {bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value", str: "string_value"}


def any_value(value: Any) -> AnyValue:
    """The value as OTLP spells it."""
    if value is None:
        return AnyValue()
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=attributes(value)))
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
    read = AnyValue()
    setattr(read, _SCALARS[type(value)], value)
    return read


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in values.items()]


def span(number: int = 1, values: Mapping[str, Any] | None = None, **fields: Any) -> Span:
    """A good span; a field that is given replaces the good one."""
    good: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": number.to_bytes(8, "big"),
        "name": "chat",
        "start_time_unix_nano": NOW - SECOND,
        "end_time_unix_nano": NOW,
        "attributes": attributes(values or {}),
    }
    return Span(**(good | fields))


def traces(*spans: Span, resource: Mapping[str, Any] | None = None, scope: str = "tests") -> TracesData:
    data = TracesData()
    group = data.resource_spans.add()
    group.resource.attributes.extend(attributes(resource or {"service.name": "bot"}))
    scoped = group.scope_spans.add()
    scoped.scope.name = scope
    scoped.spans.extend(spans)
    return data


def logs(*records: LogRecord) -> LogsData:
    data = LogsData()
    data.resource_logs.add().scope_logs.add().log_records.extend(records)
    return data


def gauge(points: int) -> MetricsData:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="tokens")
    for number in range(points):
        metric.gauge.data_points.add(as_int=number)
    return data


def body(data: Message, encoding: Encoding) -> bytes:
    return data.SerializeToString() if encoding == "protobuf" else orjson.dumps(document(data))


def document(data: Message) -> Any:
    """OTLP/JSON as SDKs write it: protobuf's JSON, but ids in hex and enums as numbers."""
    return _with_hex_ids(MessageToDict(data, use_integers_for_enums=True))


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in {"traceId", "spanId", "parentSpanId"} else _with_hex_ids(item)
        for key, item in value.items()
    }
