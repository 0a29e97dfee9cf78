"""OTLP/JSON by hand: protobuf's own JSON reader takes hex ids for base64 and enum names for numbers."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

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
from otel_receiver.otlp.json_values import (
    read_attributes,
    read_count,
    read_enum,
    read_id,
    read_name,
    read_text,
    read_time,
    read_value,
)
from otel_receiver.otlp.limits import Flaws
from otel_receiver.span import Event, Link, Resource, Scope, Span

_SIGNALS = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
"""One escape: a pair of surrogates, a lone one (the group), or any other."""

_REPLACEMENT = "\ufffd"


def _raw_spans(body: bytes, received_ns: int) -> Iterator[tuple[Any, Group]]:
    return _members(body, "resourceSpans", "scopeSpans", "spans", received_ns)


def _raw_logs(body: bytes, received_ns: int) -> Iterator[tuple[Any, Group]]:
    return _members(body, "resourceLogs", "scopeLogs", "logRecords", received_ns)


def _size_of(raw: Any) -> int:
    return len(orjson.dumps(raw))


def count_points(body: bytes) -> int:
    count = 0
    for metric, _ in _members(body, "resourceMetrics", "scopeMetrics", "metrics", 0):
        for kind in ("gauge", "sum", "histogram", "exponentialHistogram", "summary"):
            data = metric.get(kind) if isinstance(metric, dict) else None
            count += len(_list(data, "dataPoints")) if isinstance(data, dict) else 0
    return count


def _span_refusal(raw: Any) -> str:
    if not isinstance(raw, dict):
        return "malformed_span"
    return id_refusal(read_id(raw.get("traceId")), read_id(raw.get("spanId")))


def _log_refusal(raw: Any) -> str:
    return "" if isinstance(raw, dict) else "malformed_record"


def _members(body: bytes, resources: str, scopes: str, members: str, received_ns: int) -> Iterator[tuple[Any, Group]]:
    document, repaired = _parsed(body, resources)
    for raw in _objects(document, resources):
        flaws: Flaws = {"utf8_repaired"} if repaired and _mended(raw.get("resource")) else set()
        resource = _resource(raw, flaws)
        for scoped in _objects(raw, scopes):
            own = set(flaws)
            scope = _scope(scoped, own)
            group = Group(resource, scope, frozenset(own), received_ns)
            mended = group._replace(flaws=group.flaws | {"utf8_repaired"})
            for member in _list(scoped, members):
                yield member, mended if repaired and _mended(member) else group


def _parsed(body: bytes, expected: str) -> tuple[dict[str, Any], bool]:
    """The document, and whether it had to be repaired to be read at all."""
    document, repaired = _document(body)
    if not isinstance(document, dict):
        raise Malformed("the body is not a JSON object")
    for key, signal in _SIGNALS.items():
        if key in document and expected not in document:
            raise Malformed(f"this is a request of {signal}; send it to /v1/{signal}")
    return document, repaired


def _document(body: bytes) -> tuple[Any, bool]:
    try:
        return orjson.loads(body), False
    except orjson.JSONDecodeError:
        pass
    try:
        return orjson.loads(_ESCAPE.sub(_whole, body.decode(errors="replace"))), True
    except orjson.JSONDecodeError as why:
        raise Malformed(f"the body is not JSON: {why.msg} at character {why.pos}") from None


def _whole(escape: re.Match[str]) -> str:
    return escape[0] if escape[1] is None else _REPLACEMENT


def _mended(raw: Any) -> bool:
    """In a repaired body a U+FFFD is ours, as good as always."""
    return _REPLACEMENT.encode() in orjson.dumps(raw)


def _objects(parent: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    for member in _list(parent, key):
        if not isinstance(member, dict):
            raise Malformed(f"a member of {key} is not a JSON object")
        yield member


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    members = parent.get(key)
    if members is None:
        return []
    if not isinstance(members, list):
        raise Malformed(f"{key} is not a JSON array")
    return members


def _object(parent: dict[str, Any], key: str, flaws: Flaws) -> dict[str, Any]:
    member = parent.get(key)
    if isinstance(member, dict):
        return member
    if member is not None:
        flaws.add("value_mistyped")
    return {}


def _resource(raw: dict[str, Any], flaws: Flaws) -> Resource:
    resource = _object(raw, "resource", flaws)
    attributes, dropped = read_attributes(resource.get("attributes"), flaws)
    dropped += read_count(resource.get("droppedAttributesCount"), flaws)
    return Resource(attributes, dropped, read_name(raw.get("schemaUrl"), flaws))


def _scope(raw: dict[str, Any], flaws: Flaws) -> Scope:
    scope = _object(raw, "scope", flaws)
    attributes, dropped = read_attributes(scope.get("attributes"), flaws)
    dropped += read_count(scope.get("droppedAttributesCount"), flaws)
    schema_url = read_name(raw.get("schemaUrl"), flaws)
    return Scope(
        read_name(scope.get("name"), flaws), read_name(scope.get("version"), flaws), attributes, dropped, schema_url
    )


def _read_span(raw: dict[str, Any], group: Group) -> Span:
    flaws: Flaws = set(group.flaws)
    sent_start = read_time(raw.get("startTimeUnixNano"), flaws)
    sent_end = read_time(raw.get("endTimeUnixNano"), flaws)
    start, end, clock_flaws = clamped(sent_start, sent_end, group.received_ns)
    attributes, dropped = read_attributes(raw.get("attributes"), flaws)
    status = _object(raw, "status", flaws)
    events, dropped_events = _events(raw.get("events"), start, group.received_ns, flaws)
    links, dropped_links = _links(raw.get("links"), flaws)
    return Span(
        trace_id=read_id(raw["traceId"]).hex(),
        span_id=read_id(raw["spanId"]).hex(),
        parent_span_id=parent_id(read_id(raw.get("parentSpanId")), flaws),
        name=read_name(raw.get("name"), flaws),
        kind=label(read_enum(raw.get("kind"), flaws), SPAN_KINDS),
        start_ns=start,
        end_ns=end,
        status=label(read_enum(status.get("code"), flaws), STATUS_CODES),
        status_message=read_text(status.get("message"), limits.MAX_TEXT, "text_cut", flaws),
        attributes=attributes,
        events=events,
        links=links,
        resource=group.resource,
        scope=group.scope,
        trace_state=read_name(raw.get("traceState"), flaws),
        flags=read_count(raw.get("flags"), flaws),
        dropped_attributes=read_count(raw.get("droppedAttributesCount"), flaws) + dropped,
        dropped_events=read_count(raw.get("droppedEventsCount"), flaws) + dropped_events,
        dropped_links=read_count(raw.get("droppedLinksCount"), flaws) + dropped_links,
        flaws=tuple(sorted(flaws.union(clock_flaws))),
        sent_start_ns=sent_start if start != sent_start else None,
        sent_end_ns=sent_end if end != sent_end else None,
    )


def _dicts(raws: Any, most: int, flaw: str, flaws: Flaws) -> tuple[list[dict[str, Any]], int]:
    """The usable members of an optional array, and how many were not kept."""
    if raws is None:
        return [], 0
    if not isinstance(raws, list):
        flaws.add("value_mistyped")
        return [], 1
    kept = [raw for raw in limits.first(raws, most, flaw, flaws) if isinstance(raw, dict)]
    if len(kept) < min(len(raws), most):
        flaws.add("value_mistyped")
    return kept, len(raws) - len(kept)


def _events(raws: Any, start_ns: int, received_ns: int, flaws: Flaws) -> tuple[tuple[Event, ...], int]:
    kept, dropped = _dicts(raws, limits.MAX_EVENTS, "events_cut", flaws)
    return tuple(_event(raw, start_ns, received_ns, flaws) for raw in kept), dropped


def _event(raw: dict[str, Any], start_ns: int, received_ns: int, flaws: Flaws) -> Event:
    at = read_time(raw.get("timeUnixNano"), flaws)
    if not plausible(at, received_ns):
        flaws.add("event_clamped")
        at = start_ns
    attributes, dropped = read_attributes(raw.get("attributes"), flaws)
    dropped += read_count(raw.get("droppedAttributesCount"), flaws)
    return Event(at, read_name(raw.get("name"), flaws), attributes, dropped)


def _links(raws: Any, flaws: Flaws) -> tuple[tuple[Link, ...], int]:
    kept, dropped = _dicts(raws, limits.MAX_LINKS, "links_cut", flaws)
    links = tuple(_link(raw, flaws) for raw in kept if _span_refusal(raw) == "")
    if len(links) < len(kept):
        flaws.add("invalid_link")
    return links, dropped + len(kept) - len(links)


def _link(raw: dict[str, Any], flaws: Flaws) -> Link:
    attributes, dropped = read_attributes(raw.get("attributes"), flaws)
    return Link(
        read_id(raw["traceId"]).hex(),
        read_id(raw["spanId"]).hex(),
        read_name(raw.get("traceState"), flaws),
        attributes,
        read_count(raw.get("flags"), flaws),
        read_count(raw.get("droppedAttributesCount"), flaws) + dropped,
    )


def _read_log(raw: dict[str, Any], group: Group) -> LogRecord:
    flaws: Flaws = set(group.flaws)
    sent = read_time(raw.get("timeUnixNano"), flaws)
    observed = read_time(raw.get("observedTimeUnixNano"), flaws)
    time = log_time(sent, observed, group.received_ns, flaws)
    attributes, dropped = read_attributes(raw.get("attributes"), flaws)
    trace_id, span_id = optional_ids(read_id(raw.get("traceId")), read_id(raw.get("spanId")), flaws)
    return LogRecord(
        time_ns=time,
        observed_ns=observed,
        severity=read_name(raw.get("severityText"), flaws) or str(read_enum(raw.get("severityNumber"), flaws)),
        event_name=read_name(raw.get("eventName"), flaws) or event_name(attributes),
        body=read_value(raw.get("body"), flaws),
        attributes=attributes,
        trace_id=trace_id,
        span_id=span_id,
        resource=group.resource,
        scope=group.scope,
        dropped_attributes=read_count(raw.get("droppedAttributesCount"), flaws) + dropped,
        flaws=tuple(sorted(flaws)),
        sent_time_ns=sent if time != sent else None,
    )


# Of a huge body JSON has no less: it is opened whole.
SPANS = Reader(_raw_spans, _raw_spans, _span_refusal, _read_span, _size_of)
LOGS = Reader(_raw_logs, _raw_logs, _log_refusal, _read_log, _size_of)
