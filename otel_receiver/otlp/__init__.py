"""The only reader of OTLP: a request in protobuf or JSON becomes plain frozen records. Nothing else knows either."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from otel_receiver.otlp import json_reader, limits, protobuf_reader
from otel_receiver.otlp.decoded import Decoded, DecodedLogs, LogRecord, Malformed, Reader, counted
from otel_receiver.span import Span

Encoding = Literal["protobuf", "json"]

_Record = TypeVar("_Record")

_RECORD_BYTES = 1_000
"""What a record costs however little it says."""

__all__ = [
    "Decoded",
    "DecodedLogs",
    "Encoding",
    "LogRecord",
    "Malformed",
    "count_metrics",
    "decode_logs",
    "decode_traces",
    "read_logs",
    "read_traces",
]


def decode_traces(body: bytes, encoding: Encoding, received_ns: int) -> Decoded:
    """Every span of a request, repaired where it needs it; what cannot be stored is counted by reason."""
    [decoded] = read_traces(body, encoding, received_ns)
    return decoded


def decode_logs(body: bytes, encoding: Encoding, received_ns: int) -> DecodedLogs:
    [decoded] = read_logs(body, encoding, received_ns)
    return decoded


def read_traces(body: bytes, encoding: Encoding, received_ns: int, piece_bytes: int = 0) -> Iterator[Decoded]:
    """The same in pieces of such a size, or whole."""
    pieces = _read(_SPANS[encoding], body, received_ns, piece_bytes)
    return (Decoded(spans, rejected, counted(spans)) for spans, rejected in pieces)


def read_logs(body: bytes, encoding: Encoding, received_ns: int, piece_bytes: int = 0) -> Iterator[DecodedLogs]:
    pieces = _read(_LOGS[encoding], body, received_ns, piece_bytes)
    return (DecodedLogs(records, rejected, counted(records)) for records, rejected in pieces)


def count_metrics(body: bytes, encoding: Encoding) -> int:
    """Data points: metrics are accepted so that one endpoint serves an SDK that sends all three, and only counted."""
    return _POINTS[encoding](body)


def _read(
    reader: Reader[_Record], body: bytes, received_ns: int, piece_bytes: int
) -> Iterator[tuple[list[_Record], dict[str, int]]]:
    """At least one piece; the last may be empty."""
    kept: list[_Record] = []
    rejected: Counter[str] = Counter()
    before = size = 0
    raws = reader.raws if piece_bytes == 0 else reader.raws_of_huge
    for raw, group in raws(body, received_ns):
        reason = reader.refusal(raw) if before + len(kept) < limits.MAX_SPANS else "too_many_in_request"
        if reason:
            rejected[reason] += 1
            continue
        kept.append(reader.read(raw, group))
        if piece_bytes > 0:
            size += reader.size_of(raw) + _RECORD_BYTES
            if size >= piece_bytes:
                yield kept, dict(rejected)
                before, size, kept, rejected = before + len(kept), 0, [], Counter()
    yield kept, dict(rejected)


_SPANS: dict[Encoding, Reader[Span]] = {"protobuf": protobuf_reader.SPANS, "json": json_reader.SPANS}
_LOGS: dict[Encoding, Reader[LogRecord]] = {"protobuf": protobuf_reader.LOGS, "json": json_reader.LOGS}
_POINTS: dict[Encoding, Callable[[bytes], int]] = {
    "protobuf": protobuf_reader.count_points,
    "json": json_reader.count_points,
}
