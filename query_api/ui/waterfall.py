"""A trace as a tree: every span in its place, how deep it lies, and which of them kept the whole waiting."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from query_api.times import parse_instant_ns

Row = Mapping[str, Any]
Stretch = tuple[int, int]

_UTC = ZoneInfo("UTC")

MOST_SPANS = 10_000
"""Of one page; the API has the others."""


@dataclass(slots=True)
class Node:
    row: Row
    start_ns: int
    end_ns: int
    depth: int = 0
    children: list["Node"] = field(default_factory=list)
    critical: list[Stretch] = field(default_factory=list)

    @property
    def span_id(self) -> str:
        return str(self.row["span_id"])


def tree(rows: Sequence[Row]) -> list[Node]:
    """Parents before their children, siblings by start. A span whose parent never came stands at the top; so does the
    earliest of a cycle."""
    nodes = sorted(map(_node, rows), key=lambda node: (node.start_ns, -node.end_ns, node.span_id))
    known = {node.span_id: node for node in nodes}
    tops: list[Node] = []
    for node in nodes:
        parent = known.get(node.row["parent_span_id"] or "")
        (tops if parent is None or parent is node else parent.children).append(node)
    ordered = list(_walk(tops, set()))
    seen = {id(node) for node in ordered}
    for node in nodes:
        if id(node) not in seen:  # in a cycle, or below one
            ordered += list(_walk([node], seen))
    _mark_critical([node for node in ordered if node.depth == 0])
    return ordered


def _node(row: Row) -> Node:
    start_ns, end_ns = (parse_instant_ns(row[name], 0, _UTC) for name in ("started_at", "ended_at"))
    return Node(row, start_ns, max(start_ns, end_ns))


def _walk(tops: Sequence[Node], seen: set[int]) -> Iterator[Node]:
    """Without recursion: traces may be thousands deep."""
    waiting = [(node, 0) for node in reversed(tops)]
    while waiting:
        node, depth = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        node.depth = depth
        yield node
        waiting += [(child, depth + 1) for child in reversed(node.children)]


def _mark_critical(tops: Sequence[Node]) -> None:
    """From the end backwards: a span waits for that child which ended last; before that child began, for the one that
    ended last before then, and so on. What no child explains is its own."""
    if len(tops) == 0:
        return
    top = max(tops, key=lambda node: node.end_ns - node.start_ns)
    waiting, seen = [(top, top.end_ns)], set()
    while waiting:
        node, until = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        at = until
        for child in sorted(node.children, key=lambda child: child.end_ns, reverse=True):
            end = min(child.end_ns, until)
            if end > at or child.start_ns >= end:
                continue  # it ran beside one that took longer, or took no time
            if at > end:
                node.critical.append((end, at))
            waiting.append((child, end))
            at = max(child.start_ns, node.start_ns)
        if at > node.start_ns:
            node.critical.append((node.start_ns, at))
