"""The span tree of one trace, walked without recursion: a trace may be 20,000 spans deep."""

from collections.abc import Callable, Iterable
from typing import Any

from clickhouse.rollup.facts import Fact


def parents(spans: dict[str, Fact]) -> dict[str, str]:
    """Span id -> parent span id, where that parent is here. A cycle is cut above its earliest span."""
    up = {span.span_id: span.parent_span_id for span in spans.values() if span.parent_span_id in spans}
    return without_cycles(up, lambda span_id: spans[span_id].order)


def without_cycles(up: dict[str, str], order: Callable[[str], Any]) -> dict[str, str]:
    """Each is cut above the member that comes first; a span may be its own parent, too."""
    up = dict(up)
    settled: set[str] = set()
    for start in list(up):
        path: list[str] = []
        on_path: set[str] = set()
        at: str | None = start
        while at is not None and at not in settled and at not in on_path:
            path.append(at)
            on_path.add(at)
            at = up.get(at)
        if at is not None and at in on_path:
            cycle = path[path.index(at) :]
            del up[min(cycle, key=order)]
        settled.update(path)
    return up


def nearest(
    members: Iterable[Fact],
    spans: dict[str, Fact],
    up: dict[str, str],
    stops: Callable[[Fact], bool],
) -> dict[str, Fact]:
    """For each member, by id, the nearest ancestor at which to stop; none where the root comes first."""
    seen: dict[str, Fact | None] = {}  # span id -> the stop at or above it
    found: dict[str, Fact] = {}
    for member in members:
        path: list[str] = []
        at = up.get(member.span_id)
        while at is not None and at not in seen and not stops(spans[at]):
            path.append(at)
            at = up.get(at)
        stop = None if at is None else seen[at] if at in seen else spans[at]
        seen.update(dict.fromkeys(path, stop))
        if stop is not None:
            found[member.span_id] = stop
    return found
