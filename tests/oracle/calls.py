"""Which spans of a trace are one call: the lines (a), (b) and (c) of SEMANTICS, pair by pair."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain, combinations
from typing import Any, Literal, NamedTuple, TypeAlias

from tests.oracle.placement import Trace
from tests.oracle.spans import USAGE, Span, outermost_order

MergedKind: TypeAlias = Literal["llm", "embedding"]

BETWEEN = ("tool", "agent", "retrieval")
"""A span of these kinds between two LLM spans makes them two calls."""

FILLED = (
    "provider",
    "request_model",
    "response_model",
    "response_id",
    *USAGE,
    "first_token_ns",
    "finish_reasons",
    "error_type",
    "tool_name",
    "input_preview",
    "output_preview",
)
"""Where the outermost span of a call has a gap here, the next one that knows fills it."""


@dataclass(frozen=True)
class Call:
    """One call, from one span or several."""

    kind: str
    spans: Sequence[Span]  # the outermost first

    @property
    def outermost(self) -> Span:
        return self.spans[0]

    @property
    def response_id(self) -> str:
        """At most one is ever met: different ids never merge."""
        return next((span.response_id for span in self.spans if span.response_id != ""), "")

    @property
    def merged(self) -> Span:
        """The outermost span, its gaps filled from the others."""
        known = {name: first_known([getattr(span, name) for span in self.spans]) for name in FILLED}
        cost_usd, cost_source = self.cost
        failed = any(span.failed for span in self.spans)
        filled = {name: value for name, value in known.items() if value is not None}
        return replace(self.outermost, **filled, cost_usd=cost_usd, cost_source=cost_source, failed=failed)

    @property
    def cost(self) -> tuple[Decimal | None, str]:
        """A reported cost before a computed one, an outer before an inner one."""
        priced = [span for span in self.spans if span.cost_usd is not None]
        reported = [span for span in priced if span.cost_source == "reported"]
        for span in [*reported, *priced]:
            return span.cost_usd, span.cost_source
        return None, self.outermost.cost_source


class Merged(NamedTuple):
    calls: list[Call]
    wrappers: list[Span]
    """Spans around calls of different response ids: themselves no calls."""


def first_known(values: Iterable[Any]) -> Any:
    """The first that is no gap. 0 is no gap."""
    for value in values:
        if value is not None and value not in ("", ()):
            return value
    return None


def one_call(calls: Iterable[Call]) -> Call:
    parts = list(calls)
    spans = sorted(chain.from_iterable(call.spans for call in parts), key=outermost_order)
    return Call(parts[0].kind, spans)


def merged_calls(trace: Trace, kind: MergedKind) -> Merged:
    nested = merge_nested(trace, kind, counted_spans(trace, kind))
    answered = merge_same_response(nested.calls)
    return Merged(merge_doubly_instrumented(answered), nested.wrappers)


def counted_spans(trace: Trace, kind: MergedKind) -> list[Span]:
    """The spans of a kind; SERVER ones only in a trace without others."""
    all_of_kind = [span for span in trace.spans if span.call_kind == kind]
    without_servers = [span for span in all_of_kind if span.kind != "server"]
    return without_servers or all_of_kind


def merge_nested(trace: Trace, kind: MergedKind, spans: Iterable[Span]) -> Merged:
    """(a) The nearest ancestor of the same kind is the same call, unless different response ids meet.

    The deepest first: a call is known by its top, the highest span so far. A span takes in every call below it that
    it can reach. What stands between a top and a span higher up was seen before that span: had it been a call, it
    would be the top now. So only tools, agents and retrievals can part them.
    """
    calls_by_top: dict[str, Call] = {}
    tops: dict[str, Span] = {}
    wrappers: list[Span] = []
    for span in sorted(spans, key=lambda span: len(trace.ancestors(span)), reverse=True):
        below = [top for top in tops.values() if reaches(trace, top, span)]
        calls = [Call(kind, [span]), *(calls_by_top[top.span_id] for top in below)]
        if len(response_ids(calls)) > 1:
            wrappers.append(span)
            continue
        for top in below:
            del tops[top.span_id], calls_by_top[top.span_id]
        tops[span.span_id] = span
        calls_by_top[span.span_id] = one_call(calls)
    return Merged(list(calls_by_top.values()), wrappers)


def reaches(trace: Trace, lower: Span, upper: Span) -> bool:
    """Whether `upper` is an ancestor of `lower` with no tool, agent or retrieval between."""
    for ancestor in trace.ancestors(lower):
        if ancestor == upper:
            return True
        if ancestor.call_kind in BETWEEN:
            return False
    return False


def response_ids(calls: Iterable[Call]) -> set[str]:
    return {span.response_id for call in calls for span in call.spans} - {""}


def merge_same_response(calls: Sequence[Call]) -> list[Call]:
    """(b) The same response id, at the same time. One after the other it is another call."""

    def same(one: Call, other: Call) -> bool:
        same_id = one.response_id != "" and one.response_id == other.response_id
        return same_id and meet(one.outermost, other.outermost)

    return [one_call(group) for group in connected(calls, same)]


def merge_doubly_instrumented(calls: Sequence[Call]) -> list[Call]:
    """(c) Two libraries that saw one call, of which at least one has no response id. The nearest by start pair up."""
    pairs = [pair for pair in combinations(calls, 2) if twice_instrumented(*pair)]
    paired: list[tuple[Call, Call]] = []
    for one, other in sorted(pairs, key=pair_order):
        if not any(call in pair for call in (one, other) for pair in paired):
            paired.append((one, other))
    alone = [call for call in calls if not any(call in pair for pair in paired)]
    return [*(one_call(pair) for pair in paired), *alone]


def twice_instrumented(one: Call, other: Call) -> bool:
    a, b = one.outermost, other.outermost
    return (
        (one.response_id == "" or other.response_id == "")
        and a.parent_span_id == b.parent_span_id
        and a.scope_name != b.scope_name
        and meet(a, b)
    )


def pair_order(pair: tuple[Call, Call]) -> tuple[int, str, str]:
    one, other = (call.outermost for call in pair)
    smaller, larger = sorted([one.span_id, other.span_id])
    return (abs(one.started_at - other.started_at), smaller, larger)


def meet(one: Span, other: Span) -> bool:
    """Whether they overlap for a while, or one lies within the other (for no time at all, perhaps)."""
    overlap = one.started_at < other.ended_at and other.started_at < one.ended_at
    return overlap or within(one, other) or within(other, one)


def within(inner: Span, outer: Span) -> bool:
    return outer.started_at <= inner.started_at and inner.ended_at <= outer.ended_at


def connected(calls: Iterable[Call], same: Callable[[Call, Call], bool]) -> list[list[Call]]:
    """Groups in which each call is the same as some other one of its group."""
    groups: list[list[Call]] = []
    for call in calls:
        near = [group for group in groups if any(same(call, other) for other in group)]
        far = [group for group in groups if group not in near]
        groups = [*far, [call, *chain.from_iterable(near)]]
    return groups


def tool_calls(trace: Trace) -> list[Call]:
    """Tool spans, except those somewhere inside a tool span of the same name: they are part of that one."""
    tools = [span for span in trace.spans if span.call_kind == "tool"]
    return [Call("tool", [span]) for span in tools if not any(same_tool(span, up) for up in trace.ancestors(span))]


def same_tool(span: Span, ancestor: Span) -> bool:
    return ancestor.call_kind == "tool" and span.tool_name != "" and ancestor.tool_name == span.tool_name


def calls_of_kind(trace: Trace, kind: str) -> list[Call]:
    """Agents and retrievals: every span is a call."""
    return [Call(kind, [span]) for span in trace.spans if span.call_kind == kind]
