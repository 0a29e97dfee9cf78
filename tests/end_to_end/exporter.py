"""The table of the OpenTelemetry Collector's ClickHouse exporter, filled as that fills it."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from clickhouse.connect import Database, connected
from otel_receiver.span import Attributes, Span

_DDL = """
CREATE TABLE IF NOT EXISTS otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)), SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes {attributes} CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)), ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes {attributes} CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes {attributes}) CODEC(ZSTD(1)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes {attributes}) CODEC(ZSTD(1))
)
ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
"""
MAP = "Map(LowCardinality(String), String)"
"""Since 2024; with `json: true` the attributes are a JSON column each."""


def export(database: Database, spans: Iterable[Span], attributes: str = MAP) -> None:
    with connected(database.within("default"), connections=1) as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS {database.name}")
    lines = "\n".join(json.dumps(_row(span, typed=attributes == "JSON"), ensure_ascii=False) for span in spans)
    with connected(database, connections=1) as client:
        client.command(_DDL.format(attributes=attributes))
        client.raw_insert("otel_traces", insert_block=lines.encode("utf-8", "surrogatepass"), fmt="JSONEachRow")


def _row(span: Span, *, typed: bool) -> dict[str, Any]:
    kept = _typed if typed else _texts
    return {
        "Timestamp": _time(span.start_ns),
        "TraceId": span.trace_id,
        "SpanId": span.span_id,
        "ParentSpanId": span.parent_span_id,
        "TraceState": span.trace_state,
        "SpanName": span.name,
        "SpanKind": span.kind.capitalize(),
        "ServiceName": _text(span.resource.attributes.get("service.name", "")),
        "ResourceAttributes": kept(span.resource.attributes),
        "ScopeName": span.scope.name,
        "ScopeVersion": span.scope.version,
        "SpanAttributes": kept(span.attributes),
        "Duration": (span.end_ns - span.start_ns) % 2**64,
        "StatusCode": span.status.capitalize(),
        "StatusMessage": span.status_message,
        "Events.Timestamp": [_time(event.at_ns) for event in span.events],
        "Events.Name": [event.name for event in span.events],
        "Events.Attributes": [kept(event.attributes) for event in span.events],
        "Links.TraceId": [link.trace_id for link in span.links],
        "Links.SpanId": [link.span_id for link in span.links],
        "Links.TraceState": [link.trace_state for link in span.links],
        "Links.Attributes": [kept(link.attributes) for link in span.links],
    }


def _time(at_ns: int) -> str:
    """Seconds and their fraction, whatever the server's time zone."""
    return f"{at_ns // 10**9}.{at_ns % 10**9:09d}"


def _texts(attributes: Attributes) -> dict[str, str]:
    return {key: _text(value) for key, value in attributes.items()}


def _text(value: Any) -> str:
    """As pdata's `AsString` writes a value."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _typed(attributes: Attributes) -> dict[str, Any]:
    return {key: base64.b64encode(v).decode() if isinstance(v, bytes) else v for key, v in attributes.items()}
