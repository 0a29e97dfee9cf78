"""OTLP in protobuf. The hot path of the product: measured by bench/, so a few lines here are terse on purpose."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from otel_receiver.otlp import limits
from otel_receiver.otlp.clock import clamped, log_time, plausible
from otel_receiver.otlp.decoded import (
    SPAN_KINDS,
    STATUS_CODES,
    Group,
    LogRecord,
    Malformed,
    Reader,
    event_name,
    id_refusal,
    label,
    optional_ids,
    parent_id,
)
from otel_receiver.otlp.limits import Flaws, decoded_text
from otel_receiver.otlp.protobuf_values import read_attributes, read_name, read_value
from otel_receiver.otlp.schema import LogRecord as LogMessage
from otel_receiver.otlp.schema import LogsData, MetricsData, PackedLogsData, PackedTracesData, TracesData
from otel_receiver.otlp.schema import Span as SpanMessage
from otel_receiver.span import Event, Link, Resource, Scope, Span


class _Names(NamedTuple):
    """Of the fields that lead to what a signal consists of."""

    resources: str
    scopes: str
    records: str


def _raws(message: Any, names: _Names, body: bytes, received_ns: int) -> Iterator[tuple[Any, Group]]:
    data = _parsed(message, body)
    for group, scoped in _groups(getattr(data, names.resources), names.scopes, received_ns):
        for raw in getattr(scoped, names.records):
            yield raw, group


def _raws_of_huge(
    message: Any, record: Any, names: _Names, body: bytes, received_ns: int
) -> Iterator[tuple[Any, Group]]:
    for packed, group in _raws(message, names, body, received_ns):
        yield _unpacked(record, packed), group


def _unpacked(message: Any, raw: bytes) -> Any:
    """None where it cannot be read: others were stored before it was looked at."""
    try:
        return message.FromString(raw)
    except DecodeError:
        return None


def _span_refusal(raw: Any) -> str:
    return "unreadable" if raw is None else id_refusal(raw.trace_id, raw.span_id)


def _log_refusal(raw: Any) -> str:
    return "unreadable" if raw is None else ""


def _size_of(raw: Any) -> int:
    size: int = raw.ByteSize()
    return size


def count_points(body: bytes) -> int:
    count = 0
    for resource_metrics in _parsed(MetricsData, body).resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                count += len(getattr(metric, kind).data_points) if kind is not None else 0
    return count


def _parsed(message: Any, body: bytes) -> Any:
    try:
        return message.FromString(body)
    except DecodeError:
        raise Malformed("the body is not OTLP in protobuf") from None


def _groups(resources: Any, scopes: str, received_ns: int) -> Iterator[tuple[Group, Any]]:
    for raw in resources:
        flaws: Flaws = set()
        resource = _resource(raw, flaws)
        for scoped in getattr(raw, scopes):
            own = set(flaws)
            scope = _scope(scoped, own)
            yield Group(resource, scope, frozenset(own), received_ns), scoped


def _resource(raw: Any, flaws: Flaws) -> Resource:
    attributes, dropped = read_attributes(raw.resource.attributes, flaws)
    dropped += raw.resource.dropped_attributes_count
    return Resource(attributes, dropped, read_name(raw.schema_url, flaws))


def _scope(raw: Any, flaws: Flaws) -> Scope:
    scope = raw.scope
    attributes, dropped = read_attributes(scope.attributes, flaws)
    return Scope(
        read_name(scope.name, flaws),
        read_name(scope.version, flaws),
        attributes,
        scope.dropped_attributes_count + dropped,
        read_name(raw.schema_url, flaws),
    )


def _read_span(raw: Any, group: Group) -> Span:
    flaws: Flaws = set()
    sent_start, sent_end = raw.start_time_unix_nano, raw.end_time_unix_nano
    start, end, clock_flaws = clamped(sent_start, sent_end, group.received_ns)
    attributes, dropped = read_attributes(raw.attributes, flaws)
    status = raw.status
    events, dropped_events = _events(raw.events, start, group.received_ns, flaws)
    links, dropped_links = _links(raw.links, flaws)
    return Span(
        raw.trace_id.hex(),
        raw.span_id.hex(),
        parent_id(raw.parent_span_id, flaws),
        read_name(raw.name, flaws),
        label(raw.kind, SPAN_KINDS),
        start,
        end,
        label(status.code, STATUS_CODES),
        decoded_text(status.message, limits.MAX_TEXT, "text_cut", flaws),
        attributes,
        events,
        links,
        group.resource,
        group.scope,
        read_name(raw.trace_state, flaws),
        raw.flags,
        raw.dropped_attributes_count + dropped,
        raw.dropped_events_count + dropped_events,
        raw.dropped_links_count + dropped_links,
        tuple(sorted(flaws.union(clock_flaws, group.flaws))) if flaws or clock_flaws or group.flaws else (),
        sent_start if start != sent_start else None,
        sent_end if end != sent_end else None,
    )


def _events(raws: Any, start_ns: int, received_ns: int, flaws: Flaws) -> tuple[tuple[Event, ...], int]:
    if not raws:
        return (), 0
    kept = limits.first(raws, limits.MAX_EVENTS, "events_cut", flaws)
    return tuple(_event(raw, start_ns, received_ns, flaws) for raw in kept), len(raws) - len(kept)


def _event(raw: Any, start_ns: int, received_ns: int, flaws: Flaws) -> Event:
    at = raw.time_unix_nano
    if not plausible(at, received_ns):
        flaws.add("event_clamped")
        at = start_ns
    attributes, dropped = read_attributes(raw.attributes, flaws)
    return Event(at, read_name(raw.name, flaws), attributes, raw.dropped_attributes_count + dropped)


def _links(raws: Any, flaws: Flaws) -> tuple[tuple[Link, ...], int]:
    if not raws:
        return (), 0
    kept = limits.first(raws, limits.MAX_LINKS, "links_cut", flaws)
    links = tuple(_link(raw, flaws) for raw in kept if not id_refusal(raw.trace_id, raw.span_id))
    if len(links) < len(kept):
        flaws.add("invalid_link")
    return links, len(raws) - len(links)


def _link(raw: Any, flaws: Flaws) -> Link:
    attributes, dropped = read_attributes(raw.attributes, flaws)
    dropped += raw.dropped_attributes_count
    return Link(
        raw.trace_id.hex(), raw.span_id.hex(), read_name(raw.trace_state, flaws), attributes, raw.flags, dropped
    )


def _read_log(raw: Any, group: Group) -> LogRecord:
    flaws: Flaws = set(group.flaws)
    sent, observed = raw.time_unix_nano, raw.observed_time_unix_nano
    time = log_time(sent, observed, group.received_ns, flaws)
    attributes, dropped = read_attributes(raw.attributes, flaws)
    trace_id, span_id = optional_ids(raw.trace_id, raw.span_id, flaws)
    return LogRecord(
        time,
        observed,
        read_name(raw.severity_text, flaws) or str(raw.severity_number),
        read_name(raw.event_name, flaws) or event_name(attributes),
        read_value(raw.body, flaws),
        attributes,
        trace_id,
        span_id,
        group.resource,
        group.scope,
        raw.dropped_attributes_count + dropped,
        tuple(sorted(flaws)),
        sent if time != sent else None,
    )


_SPANS = _Names("resource_spans", "scope_spans", "spans")
_LOGS = _Names("resource_logs", "scope_logs", "log_records")

SPANS = Reader(
    partial(_raws, TracesData, _SPANS),
    partial(_raws_of_huge, PackedTracesData, SpanMessage, _SPANS),
    _span_refusal,
    _read_span,
    _size_of,
)
LOGS = Reader(
    partial(_raws, LogsData, _LOGS),
    partial(_raws_of_huge, PackedLogsData, LogMessage, _LOGS),
    _log_refusal,
    _read_log,
    _size_of,
)
