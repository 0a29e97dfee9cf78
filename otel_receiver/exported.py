"""Rows of the Collector's ClickHouse exporter as spans. It keeps texts alone; our readers take numbers from texts."""

import json
from collections.abc import Iterator
from typing import Any

import orjson

from clickhouse.history import ExportedSpan
from otel_receiver.attributes import as_text
from otel_receiver.otlp.decoded import SPAN_KINDS, STATUS_CODES, id_refusal
from otel_receiver.span import Attributes, Event, Link, Resource, Scope, Span

_LONGEST_NS = 2**62
"""An end before its start has wrapped around in the exporter's unsigned column."""


class Exported:
    """Spans of one resource share it, and a scope likewise, as if they had come in one request."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], Resource] = {}
        self._scopes: dict[tuple[str, str], Scope] = {}

    def span(self, row: ExportedSpan) -> Span | None:
        """None where its ids cannot be ids of a span."""
        if _refused(row.trace_id, row.span_id):
            return None
        wrapped = row.duration_ns > _LONGEST_NS
        return Span(
            trace_id=row.trace_id.lower(),
            span_id=row.span_id.lower(),
            parent_span_id=row.parent_span_id.lower(),
            name=row.name,
            kind=_word(row.kind, SPAN_KINDS),
            start_ns=row.start_ns,
            end_ns=row.start_ns + (0 if wrapped else row.duration_ns),
            status=_word(row.status, STATUS_CODES),
            status_message=row.status_message,
            attributes=_attributes(row.attributes),
            events=tuple(_events(row)),
            links=tuple(_links(row)),
            resource=self._resource(row),
            scope=self._scopes.setdefault(
                (row.scope_name, row.scope_version), Scope(row.scope_name, row.scope_version)
            ),
            trace_state=row.trace_state,
            flaws=("end_clamped",) if wrapped else (),
        )

    def _resource(self, row: ExportedSpan) -> Resource:
        key = (row.resource_attributes, row.service)
        known = self._resources.get(key)
        if known is None:
            attributes = _attributes(row.resource_attributes)
            if row.service != "":
                attributes.setdefault("service.name", row.service)
            known = self._resources[key] = Resource(attributes)
        return known


def _refused(trace_id: str, span_id: str) -> bool:
    try:
        return id_refusal(bytes.fromhex(trace_id), bytes.fromhex(span_id)) != ""
    except ValueError:
        return True


def _word(text: str, known: tuple[str, ...]) -> str:
    """`Client`, and `SPAN_KIND_CLIENT` of exporters before 2024."""
    word = text.rpartition("_")[2].lower()
    return word if word in known else known[0]


def _events(row: ExportedSpan) -> Iterator[Event]:
    for at_ns, name, attributes in zip(row.events_at_ns, row.events_name, row.events_attributes, strict=True):
        yield Event(at_ns, name, _attributes(attributes))


def _links(row: ExportedSpan) -> Iterator[Link]:
    columns = (row.links_trace_id, row.links_span_id, row.links_trace_state, row.links_attributes)
    for trace_id, span_id, trace_state, attributes in zip(*columns, strict=True):
        yield Link(trace_id, span_id, trace_state, _attributes(attributes))


def _attributes(text: str) -> Attributes:
    nested = orjson.loads(text)
    if any(isinstance(value, dict) for value in nested.values()):
        nested = json.loads(text, object_pairs_hook=_object)
    return {key: _restored(value) for key, value in _flat(nested, "")}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of `user` and `user.id` a JSON column makes the same key twice, once of a value and once of an object."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    apart: dict[str, Any] = {}
    for key, value in pairs:
        below = {f"{key}.{rest}": each for rest, each in value.items()} if isinstance(value, dict) else {key: value}
        apart.update(below)
    return apart


def _flat(nested: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """The exporter's JSON columns hold `gen_ai.usage.input_tokens` as objects in objects."""
    for key, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _restored(value: Any) -> Any:
    """An array of plain values was written as JSON; it is one again where that loses no character."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        items = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    plain = all(not isinstance(item, list | dict) for item in items)
    return items if plain and as_text(items) == value else value
