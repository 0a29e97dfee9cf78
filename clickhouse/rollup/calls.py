"""Which spans are one call. An SDK, a framework and a gateway may all report the same one; it is counted once."""

from collections.abc import Iterable
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from clickhouse.rollup.facts import BLOCKING_KINDS, Fact
from clickhouse.rollup.tree import nearest

T = TypeVar("T")

MAX_PAIRS = 2_000_000
"""Calls of one trace that are weighed against each other: a second of work. Real traces have a handful."""


class TooLarge(Exception):
    """This trace would cost more than its share; it is set aside and named."""


class Merged(NamedTuple):
    """One call: the spans that report it, the outermost first. The first gives times and session, gaps are filled."""

    members: tuple[Fact, ...]

    @property
    def outermost(self) -> Fact:
        return self.members[0]

    @property
    def response_id(self) -> str:
        return next((span.response_id for span in self.members if span.response_id), "")

    @property
    def failed(self) -> bool:
        return any(span.failed for span in self.members)


class Calls(NamedTuple):
    merged: list[Merged]
    wrappers: list[Fact]  # of the kind asked for, but around calls with answers of their own


def calls_of_kind(kind: str, spans: dict[str, Fact], up: dict[str, str]) -> Calls:
    """The distinct calls of one kind (llm, embedding) in a trace: the three rules of SEMANTICS, in their order."""
    members = [span for span in spans.values() if span.call_kind == kind]
    clients = [span for span in members if span.kind != "server"]
    members = clients or members  # a gateway's own span counts only where nobody else reports
    if len(members) <= 1:
        return Calls([Merged((span,)) for span in members], [])
    nested, wrappers = _merge_nested(members, spans, up)
    return Calls(_merge_siblings(_merge_answers([_merged(group) for group in nested])), wrappers)


def tool_calls(spans: dict[str, Fact], up: dict[str, str]) -> list[Merged]:
    """A tool call inside one of the same name is a part of it, not another."""
    tools = [span for span in spans.values() if span.call_kind == "tool"]
    above = nearest(tools, spans, up, lambda span: span.call_kind == "tool")
    climbed = 0
    calls: list[Merged] = []
    for tool in tools:
        outer = above.get(tool.span_id)
        while outer is not None and outer.tool_name != tool.tool_name:
            outer = above.get(outer.span_id)
            climbed += 1
        if outer is None or tool.tool_name == "":
            calls.append(Merged((tool,)))
        if climbed > MAX_PAIRS:
            raise TooLarge("tools nested in tools beyond any depth that is one call")
    return calls


def _merged(group: Iterable[Fact]) -> Merged:
    return Merged(tuple(sorted(group, key=lambda span: (span.start_ns, span.start_ns - span.end_ns, span.span_id))))


def _merge_nested(
    members: list[Fact], spans: dict[str, Fact], up: dict[str, str]
) -> tuple[list[list[Fact]], list[Fact]]:
    """(a) A call inside another is the same one, unless their answers have different ids: then the outer wraps."""
    counted = {span.span_id for span in members}
    above = nearest(members, spans, up, lambda span: span.span_id in counted or (span.call_kind in BLOCKING_KINDS))
    inner: dict[str, list[Fact]] = {}
    for span in members:
        outer = above.get(span.span_id)
        if outer is not None and outer.span_id in counted:
            inner.setdefault(outer.span_id, []).append(span)
    if len(inner) == 0:  # of most traces
        return [[span] for span in members], []
    wrappers: list[Fact] = []
    groups: dict[str, list[_Group]] = {}
    for span in _innermost_first(members, inner):
        within = _joined([groups.pop(part.span_id) for part in inner.get(span.span_id, ())])
        answers = {span.response_id, *(group.answer for group in within)} - {""}
        if len(answers) > 1:
            wrappers.append(span)
            groups[span.span_id] = within
        else:
            spans_within = _joined([group.members for group in within])
            spans_within.append(span)
            groups[span.span_id] = [_Group(spans_within, next(iter(answers), ""))]
    return [group.members for top in groups.values() for group in top], wrappers


class _Group(NamedTuple):
    members: list[Fact]
    answer: str  # the one response id among them, or empty


def _innermost_first(members: list[Fact], inner: dict[str, list[Fact]]) -> list[Fact]:
    parts = {part.span_id for within in inner.values() for part in within}
    outward = [span for span in members if span.span_id not in parts]
    for span in outward:  # grows while it is read: breadth first, outermost first
        outward.extend(inner.get(span.span_id, ()))
    return outward[::-1]


def _joined(lists: list[list[T]]) -> list[T]:
    """One list of all, grown from the longest: each level of a deep nest must not copy what lies below it."""
    longest = max(lists, key=len, default=[])
    for each in lists:
        if each is not longest:
            longest.extend(each)
    return longest


def _merge_answers(calls: list[Merged]) -> list[Merged]:
    """(b) The same answer's id at the same time is the same call; one after the other, a server that counts from 0."""
    by_answer: dict[str, list[Merged]] = {}
    for call in calls:
        by_answer.setdefault(call.response_id, []).append(call)
    alone = by_answer.pop("", [])
    for same in by_answer.values():
        alone.extend(_merge_overlapping(same))
    return alone


def _merge_overlapping(calls: list[Merged]) -> list[Merged]:
    """Calls that overlap or lie within each other, directly or through others, become one."""
    if len(calls) == 1:
        return calls
    clusters: list[list[Merged]] = []
    until = point = -1  # the end of the last cluster, and where in it a call without length lies
    for call in sorted(calls, key=lambda call: (call.outermost.start_ns, call.outermost.end_ns)):
        start, end = call.outermost.start_ns, call.outermost.end_ns
        if clusters and (start < until or (start == until and start in (end, point))):
            clusters[-1].append(call)
            until = max(until, end)
        else:
            clusters.append([call])
            until = end
        point = start if start == end else point
    return [_merged(chain.from_iterable(call.members for call in cluster)) for cluster in clusters]


def _merge_siblings(calls: list[Merged]) -> list[Merged]:
    """(c) Two instrumentations side by side: no answer's id in one of them, the same parent, at the same time."""
    by_parent: dict[str, list[Merged]] = {}
    for call in calls:
        by_parent.setdefault(call.outermost.parent_span_id, []).append(call)
    result: list[Merged] = []
    for siblings in by_parent.values():
        result.extend(_paired(siblings) if _reported_twice(siblings) else siblings)
    return result


def _reported_twice(siblings: list[Merged]) -> bool:
    scopes = {call.outermost.scope_name for call in siblings}
    return len(scopes) > 1 and any(call.response_id == "" for call in siblings)


def _paired(siblings: list[Merged]) -> list[Merged]:
    """The nearest by start first; each joins at most one other."""
    partner: dict[int, int] = {}
    for _, _, _, one, other in sorted(_pairs(siblings)):
        if one not in partner and other not in partner:
            partner[one], partner[other] = other, one
    return [
        call if index not in partner else _merged(call.members + siblings[partner[index]].members)
        for index, call in enumerate(siblings)
        if index not in partner or index < partner[index]
    ]


def _pairs(siblings: list[Merged]) -> list[tuple[int, str, str, int, int]]:
    ordered = sorted(range(len(siblings)), key=lambda index: siblings[index].outermost.start_ns)
    pairs: list[tuple[int, str, str, int, int]] = []
    weighed = 0
    for position, one in enumerate(ordered):
        first = siblings[one].outermost
        for other in islice(ordered, position + 1, None):
            second = siblings[other].outermost
            if second.start_ns > first.end_ns:
                break
            weighed += 1
            if _may_pair(siblings[one], siblings[other]):
                low, high = sorted((first.span_id, second.span_id))
                pairs.append((second.start_ns - first.start_ns, low, high, one, other))
        if weighed > MAX_PAIRS:
            raise TooLarge(f"more than {MAX_PAIRS} overlapping calls under one parent, some without a response id")
    return pairs


def _may_pair(one: Merged, other: Merged) -> bool:
    a, b = one.outermost, other.outermost
    if (one.response_id and other.response_id) or a.scope_name == b.scope_name:
        return False
    overlaps = a.start_ns < b.end_ns and b.start_ns < a.end_ns
    return overlaps or _within(a, b) or _within(b, a)


def _within(inner: Fact, outer: Fact) -> bool:
    return outer.start_ns <= inner.start_ns and inner.end_ns <= outer.end_ns
