"""What the readers of both encodings hand on."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

from otel_receiver.span import Attributes, Resource, Scope, Span, Value

_Record = TypeVar("_Record")

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)

SPAN_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUS_CODES = ("unset", "ok", "error")


class Malformed(ValueError):
    """The body is not what it says it is; sending it again will not help."""


class LogRecord(NamedTuple):
    time_ns: int
    observed_ns: int
    severity: str  # the text where there is one, else the number
    event_name: str  # the field, else the attribute `event.name` that came before it
    body: Value
    attributes: Attributes
    trace_id: str  # 32 lower-case hex digits, or empty
    span_id: str  # 16 lower-case hex digits, or empty
    resource: Resource
    scope: Scope
    dropped_attributes: int = 0
    flaws: tuple[str, ...] = ()
    sent_time_ns: int | None = None  # as the client sent it, where time_ns had to be clamped


class Decoded(NamedTuple):
    spans: list[Span]
    rejected: dict[str, int]  # reason -> spans
    repaired: dict[str, int]  # flaw -> spans


class DecodedLogs(NamedTuple):
    records: list[LogRecord]
    rejected: dict[str, int]  # reason -> records
    repaired: dict[str, int]  # flaw -> records


class Group(NamedTuple):
    """What the spans or records of one scope share."""

    resource: Resource
    scope: Scope
    flaws: frozenset[str]
    received_ns: int


Raws = Callable[[bytes, int], Iterator[tuple[Any, Group]]]
"""A body and when it came -> what it holds, not read yet, and in which group."""


class Reader(NamedTuple, Generic[_Record]):
    """One signal in one encoding."""

    raws: Raws
    raws_of_huge: Raws  # with as little as possible in memory at a time
    refusal: Callable[[Any], str]  # why it cannot be stored; empty where it can
    read: Callable[[Any, Group], _Record]
    size_of: Callable[[Any], int]


def id_refusal(trace_id: bytes, span_id: bytes) -> str:
    """Why a span with these ids cannot be stored; empty where it can."""
    if len(trace_id) != len(_NO_TRACE) or trace_id == _NO_TRACE:
        return "invalid_trace_id"
    if len(span_id) != len(_NO_SPAN) or span_id == _NO_SPAN:
        return "invalid_span_id"
    return ""


def parent_id(raw: bytes, flaws: set[str]) -> str:
    """The parent's id; a broken one makes the span a root rather than losing it."""
    if raw == b"":
        return ""
    if len(raw) != len(_NO_SPAN) or raw == _NO_SPAN:
        flaws.add("invalid_parent_span_id")
        return ""
    return raw.hex()


def optional_ids(trace_id: bytes, span_id: bytes, flaws: set[str]) -> tuple[str, str]:
    """The ids of a log record, which may have none; broken ones count as none."""
    refusal = id_refusal(trace_id, span_id)
    if refusal == "":
        return trace_id.hex(), span_id.hex()
    if refusal == "invalid_trace_id":
        if trace_id.strip(b"\0") != b"":
            flaws.add(refusal)
        return "", ""
    if span_id.strip(b"\0") != b"":
        flaws.add(refusal)
    return trace_id.hex(), ""


def label(number: int, names: tuple[str, ...]) -> str:
    """The name of an enum value, or the number where we do not know it."""
    return names[number] if 0 <= number < len(names) else str(number)


def event_name(attributes: Attributes) -> str:
    """The name as records carried it before they had a field for it."""
    name = attributes.get("event.name")
    return name if isinstance(name, str) else ""


def counted(flawed: Iterable[Span] | Iterable[LogRecord]) -> dict[str, int]:
    return dict(Counter(flaw for one in flawed if one.flaws for flaw in one.flaws))
