"""The only reader of OTLP: a request in protobuf or JSON becomes plain frozen records. Nothing else knows either."""

from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Literal, TypeVar

from otel_receiver.otlp import json_reader, limits, protobuf_reader
from otel_receiver.otlp.decoded import Decoded, DecodedLogs, Group, LogRecord, Malformed, counted

Encoding = Literal["protobuf", "json"]

_Read = TypeVar("_Read")

__all__ = [
    "Decoded",
    "DecodedLogs",
    "Encoding",
    "LogRecord",
    "Malformed",
    "count_metrics",
    "decode_logs",
    "decode_traces",
]


def decode_traces(body: bytes, encoding: Encoding, received_ns: int) -> Decoded:
    """Every span of a request, repaired where it needs it; what cannot be stored is counted by reason."""
    reader = _READERS[encoding]
    spans, rejected = _read(reader.raw_spans(body, received_ns), reader.span_refusal, reader.read_span)
    return Decoded(spans, rejected, counted(spans))


def decode_logs(body: bytes, encoding: Encoding, received_ns: int) -> DecodedLogs:
    reader = _READERS[encoding]
    records, rejected = _read(reader.raw_logs(body, received_ns), reader.log_refusal, reader.read_log)
    return DecodedLogs(records, rejected, counted(records))


def count_metrics(body: bytes, encoding: Encoding) -> int:
    """Data points: metrics are accepted so that one endpoint serves an SDK that sends all three, and only counted."""
    points: int = _READERS[encoding].count_points(body)
    return points


def _read(
    raws: Iterator[tuple[Any, Group]], refusal: Callable[[Any], str], read: Callable[[Any, Group], _Read]
) -> tuple[list[_Read], dict[str, int]]:
    kept: list[_Read] = []
    rejected: Counter[str] = Counter()
    for raw, group in raws:
        reason = refusal(raw) if len(kept) < limits.MAX_SPANS else "too_many_in_request"
        if reason:
            rejected[reason] += 1
        else:
            kept.append(read(raw, group))
    return kept, dict(rejected)


_READERS: dict[Encoding, ModuleType] = {"protobuf": protobuf_reader, "json": json_reader}
