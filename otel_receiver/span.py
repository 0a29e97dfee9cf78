"""A span as it was received: plain, frozen, times in integer nanoseconds, no protobuf in sight."""

from typing import NamedTuple

Value = str | bool | int | float | bytes | None | list["Value"] | dict[str, "Value"]
Attributes = dict[str, Value]


class Resource(NamedTuple):
    attributes: Attributes
    dropped_attributes: int = 0
    schema_url: str = ""


class Scope(NamedTuple):
    name: str = ""
    version: str = ""
    attributes: Attributes = {}  # noqa: RUF012 - shared and never written to
    dropped_attributes: int = 0
    schema_url: str = ""


class Event(NamedTuple):
    """A span event; never anything else is called so."""

    at_ns: int
    name: str
    attributes: Attributes
    dropped_attributes: int = 0


class Link(NamedTuple):
    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    flags: int = 0
    dropped_attributes: int = 0


class Span(NamedTuple):
    trace_id: str  # 32 lower-case hex digits
    span_id: str  # 16 lower-case hex digits
    parent_span_id: str  # empty for a root
    name: str
    kind: str  # unspecified internal server client producer consumer, or the number we do not know
    start_ns: int
    end_ns: int
    status: str  # unset ok error, or the number we do not know
    status_message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: Resource
    scope: Scope
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    flaws: tuple[str, ...] = ()  # what had to be repaired to store it; see otel_receiver/otlp/limits.py
    sent_start_ns: int | None = None  # as the client sent it, where start_ns had to be clamped
    sent_end_ns: int | None = None  # likewise for end_ns
