"""Attributes that an SDK put on a span event named after the OpenTelemetry one: they are the span's, one step away.

Strands writes its messages so (OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental), one event per field.
"""

from typing import NamedTuple

from otel_receiver.mapping.content import Carried
from otel_receiver.mapping.table import Table
from otel_receiver.span import Attributes, Span


class Details(NamedTuple):
    span: Span  # with them among its attributes
    own: Attributes  # what it had itself
    events: tuple[int, ...]


def with_details(table: Table, span: Span) -> Details | None:
    known = table.events
    found = [
        i for i, event in enumerate(span.events) if (k := known.get(event.name)) is not None and k.field == "details"
    ]
    if not found:
        return None
    merged: Attributes = {}
    for index in found:
        merged.update(span.events[index].attributes)
    return Details(span._replace(attributes={**merged, **span.attributes}), span.attributes, tuple(found))


def told_apart(details: Details, carried: Carried) -> Carried:
    """What was consumed, by where it came from. An event is, when all it says is."""
    events = details.span.events
    consumed = {i for i in details.events if events[i].attributes.keys() <= carried.consumed - details.own.keys()}
    return carried._replace(
        consumed=frozenset(carried.consumed & details.own.keys()),
        events=carried.events | consumed,
    )
