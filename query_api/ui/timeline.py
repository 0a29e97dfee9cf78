"""When each trace and call took place: rows over one line of time, whose idle stretches are folded."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from query_api.times import parse_instant_ns, rfc3339
from query_api.ui.folding import Fold, Line, folded

Row = Mapping[str, Any]

_UTC = ZoneInfo("UTC")
_LAYERS = {"agent": 0, "retrieval": 1, "embedding": 1, "llm": 1, "tool": 1}
"""Agents hold the others, so they are drawn beneath."""


@dataclass(frozen=True, slots=True)
class Bar:
    at: float
    wide: float
    call: Row


@dataclass(frozen=True, slots=True)
class TraceRow:
    number: int
    trace: Row
    at: float
    wide: float
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Timeline:
    rows: Sequence[TraceRow]
    folds: Sequence[Fold]
    ticks: Sequence[tuple[float, str]]


def timeline(traces: Sequence[tuple[int, Row, float | None]], calls: Iterable[Row]) -> Timeline:
    of_trace: dict[str, list[Row]] = defaultdict(list)
    for call in calls:
        of_trace[call["trace_id"]].append(call)
    spans = [(_ns(trace["started_at"]), _ns(trace["ended_at"])) for _, trace, _ in traces]
    line = folded(spans)
    rows = [
        TraceRow(number, trace, *line.bar(*span), _bars(line, of_trace[trace["trace_id"]]))
        for (number, trace, _), span in zip(traces, spans, strict=True)
    ]
    return Timeline(rows, line.folds, [(percent, rfc3339(at_ns)) for percent, at_ns in line.ticks()])


def _bars(line: Line, calls: Sequence[Row]) -> list[Bar]:
    bars = []
    for call in sorted(calls, key=lambda call: _LAYERS.get(call["kind"], 0)):
        start_ns = _ns(call["started_at"])
        bars.append(Bar(*line.bar(start_ns, start_ns + int(call["duration_ms"] * 1e6)), call))
    return bars


def _ns(at: str) -> int:
    return parse_instant_ns(at, 0, _UTC)
