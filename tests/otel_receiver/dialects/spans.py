"""Spans made by hand, for tests that are about one attribute."""

from typing import Any

from otel_receiver.call import Call, CallKind
from otel_receiver.dialects import read
from otel_receiver.span import Attributes, Event, Resource, Scope, Span

START_NS = 1_795_177_000 * 1_000_000_000
SECOND_NS = 1_000_000_000

_OWN = ("kind", "name", "status", "status_message", "scope", "resource", "events")


def span_of(attributes: Attributes, **own: Any) -> Span:
    unknown = own.keys() - set(_OWN)
    assert not unknown
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        parent_span_id="",
        name=own.get("name", "span"),
        kind=own.get("kind", "internal"),
        start_ns=START_NS,
        end_ns=START_NS + SECOND_NS,
        status=own.get("status", "unset"),
        status_message=own.get("status_message", ""),
        attributes=attributes,
        events=tuple(own.get("events", ())),
        links=(),
        resource=Resource(own.get("resource", {})),
        scope=Scope(own.get("scope", "")),
    )


def call_of(attributes: Attributes, **own: Any) -> Call:
    call = read(span_of(attributes, **own))
    assert "mapping_failed" not in call.flaws
    return call


def event(name: str, attributes: Attributes | None = None, after_ns: int = 0) -> Event:
    return Event(START_NS + after_ns, name, attributes or {})


CHAT: Attributes = {"gen_ai.operation.name": "chat"}
TOOL: Attributes = {"gen_ai.operation.name": "execute_tool"}

KINDS: tuple[CallKind, ...] = ("", "llm", "embedding", "tool", "agent", "retrieval")
