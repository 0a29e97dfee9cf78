"""What log records say of a trace's calls, joined to its spans before anything is counted.

A record comes as a fact: its own id for the span's, the span it names for the parent, and for the kind what it says: a
`call`, a `part` of one, or a call that the named span is `around`. Numbers stand in spans and in logs alike, so what is
said fills gaps, and is never added.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from clickhouse.rollup.calls import MAX_PAIRS, TooLarge
from clickhouse.rollup.facts import Fact, distinct
from clickhouse.rollup.tree import parents

_GAPS = (
    *("session_id", "conversation_id", "resource_session_id", "default_session_id", "session_key"),
    *("user_id", "resource_user_id", "default_user_id", "environment", "release", "provider", "request_model"),
    *("response_model", "response_id", "finish_reasons", "tool_name", "agent_name", "prompt_name", "tags", "metadata"),
    *("input_preview", "output_preview"),
)
_USAGE = Fact._fields[26:31]
_TURN = {"call": 0, "around": 1, "part": 2}
"""Whole accounts first: they take the id of the span they name."""


_STANDING = "log"
"""The kind of a span that stands for one that never came. Two accounts of it are two calls, not one in the other."""


class Joined(NamedTuple):
    spans: dict[str, Fact]  # filled; and with them those that stand for calls without a span
    hosts: dict[str, str]  # record id -> the span it filled, or that stands for it


class _Account(NamedTuple):
    said: Fact
    records: list[str]

    @property
    def named(self) -> str:
        return self.said.parent_span_id


def joined(spans: dict[str, Fact], records: Sequence[Fact]) -> Joined:
    """The spans of a trace, and what its log records add to them."""
    if len(records) == 0:
        return Joined(spans, {})
    result = Joined(dict(spans), {})
    around = []
    for account in _accounts(distinct(records)[0].values()):
        span = spans.get(account.named)
        if span is not None and account.said.kind != "around" and _may_be_one(span, account.said):
            _fill(result, account.named, account)
        else:
            around.append(account)
    alone = _join_within(result, around)
    for account in sorted(alone, key=lambda account: _TURN[account.said.kind]):
        _stand(result, account)
    return result


def _accounts(records: Iterable[Fact]) -> list[_Account]:
    """Of one span and kind, parts go to the first whole, else together; wholes are one unless their answers differ.
    Records of one time come in the order of their log."""
    groups: dict[tuple[str, ...], list[Fact]] = {}
    first: dict[tuple[str, str], tuple[str, ...]] = {}
    for record in sorted(records, key=lambda each: (each.kind == "part", each.call_kind == "", each.start_ns)):
        named, kind = record.parent_span_id, record.call_kind
        if record.kind == "around" or (record.kind == "call" and named == ""):
            groups[(record.span_id,)] = [record]
            continue
        key: tuple[str, ...] = (named, kind, record.response_id, record.tool_name)
        if record.kind == "part":
            key = first.get((named, kind), key)
        first.setdefault((named, kind), key)
        first.setdefault((named, ""), key)
        groups.setdefault(key, []).append(record)
    return [_united(group) for group in groups.values()]


def _united(group: list[Fact]) -> _Account:
    first = group[0]
    parts = [record.input_preview for record in group if record.kind == "part" and record.input_preview != ""]
    asked = first.input_preview if first.kind != "part" else ""
    said = reduce(_filled, group)._replace(
        start_ns=min(record.start_ns for record in group),
        end_ns=max(record.end_ns for record in group),
        failed=any(record.failed for record in group),
        error_type=next((record.error_type for record in group if record.error_type != ""), ""),
        input_preview=asked if asked != "" or len(parts) == 0 else parts[-1],  # the user's last words
    )
    return _Account(said, [record.span_id for record in group])


def _may_be_one(span: Fact, said: Fact) -> bool:
    """Whether they may speak of the same call: nothing that both of them know tells them apart."""
    return (
        (said.call_kind in ("", span.call_kind))
        and _agree(span.response_id, said.response_id)
        and _agree(span.tool_name, said.tool_name)
    )


def _agree(one: str, other: str) -> bool:
    return one == other or "" in (one, other)


def _filled(span: Fact, said: Fact) -> Fact:
    """Its gaps, and only those; a reported cost goes before a computed one."""
    gaps = {name: getattr(said, name) for name in _GAPS if getattr(span, name) in ("", [], {})}
    if span.first_token_ns is None:
        gaps["first_token_ns"] = said.first_token_ns
    if span.failed and span.error_type == "":
        gaps["error_type"] = said.error_type
    if not span.has_usage and said.has_usage:
        gaps.update(zip(_USAGE, said.usage, strict=True))
    believed = said.cost_source == "reported" or span.cost_pico is None
    if said.cost_pico is not None and span.cost_source != "reported" and believed:
        gaps["cost_pico"], gaps["cost_source"] = said.cost_pico, said.cost_source
    return span._replace(**gaps)


def _fill(result: Joined, span_id: str, account: _Account) -> None:
    result.spans[span_id] = _filled(result.spans[span_id], account.said)
    result.hosts.update(dict.fromkeys(account.records, span_id))


def _stand(result: Joined, account: _Account) -> None:
    """As the span it names, where that never came; else below it. A part of no call adds its words only."""
    said, named = account.said, account.named
    if said.kind == "part" and named in result.spans:
        words = said._replace(request_model="", response_model="", response_id="", provider="")
        _fill(result, named, account._replace(said=words))
        return
    is_named = named != "" and named not in result.spans and said.kind != "around"
    span_id = named if is_named else account.records[0]
    above = result.spans.get(named)
    is_beside = above is not None and above.kind == _STANDING and above.call_kind == said.call_kind
    # Its own parent: nobody knows whose child it is, but that it is no root is known.
    parent = span_id if is_named or named == "" or is_beside else named
    result.spans[span_id] = said._replace(span_id=span_id, parent_span_id=parent, kind=_STANDING)
    result.hosts.update(dict.fromkeys(account.records, span_id))


def _join_within(result: Joined, accounts: list[_Account]) -> list[_Account]:
    """Each to the call within the span it names that has its response id, else to the one that overlaps it longest; by
    time, a call takes one account. Returns those that found none."""
    kinds = {account.said.call_kind for account in accounts} - {""}
    calls = [span for span in result.spans.values() if span.call_kind in kinds]
    if len(calls) == 0:
        return accounts
    scopes = _scopes(calls, result.spans, {account.named for account in accounts} - {""})
    by_answer: dict[tuple[str, str], list[Fact]] = {}
    for call in calls:
        by_answer.setdefault((call.call_kind, call.response_id), []).append(call)
    left = []
    for account in accounts:
        said = account.said
        same = by_answer.get((said.call_kind, said.response_id), []) if said.response_id != "" else []
        within = [call for call in same if account.named in ("", scopes[call.span_id])]
        if within:
            nearest = min(within, key=lambda call: (abs(call.end_ns - said.end_ns), call.order))
            _fill(result, nearest.span_id, account)
        else:
            left.append(account)
    return _join_by_time(result, left, calls, scopes)


def _scopes(calls: list[Fact], spans: dict[str, Fact], named: set[str]) -> dict[str, str]:
    """For each call the nearest span at or above it that an account names, be it here or not; or empty."""
    up = parents(spans)
    found: dict[str, str] = {}
    for call in calls:
        path: list[str] = []
        at = call.span_id
        while at not in found and at not in named and at in up:
            path.append(at)
            at = up[at]
        top = spans[at].parent_span_id if at in spans and at not in found and at not in named else at
        scope = found.get(at, top if top in named else "")
        found.update(dict.fromkeys((*path, call.span_id), scope))
    return found


class _Pair(NamedTuple):
    rank: tuple[int, int, tuple[int, str]]  # the longest overlap first, then the nearest start
    call: str
    account: int


def _join_by_time(
    result: Joined, accounts: list[_Account], calls: list[Fact], scopes: dict[str, str]
) -> list[_Account]:
    taken: set[str] = set()
    done: set[int] = set()
    for pair in sorted(_overlapping(accounts, calls, scopes)):
        if pair.call not in taken and pair.account not in done:
            taken.add(pair.call)
            done.add(pair.account)
            _fill(result, pair.call, accounts[pair.account])
    return [account for index, account in enumerate(accounts) if index not in done]


def _overlapping(accounts: list[_Account], calls: list[Fact], scopes: dict[str, str]) -> Iterator[_Pair]:
    """All pairs that share a time, found by going through time once."""
    starts = [(call.start_ns, call.end_ns, 0, index) for index, call in enumerate(calls)]
    starts += [(each.said.start_ns, each.said.end_ns, 1, index) for index, each in enumerate(accounts)]
    active: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])
    weighed = 0
    for start_ns, end_ns, which, index in sorted(starts):
        others = active[1 - which]
        while others and others[0][0] < start_ns:
            heapq.heappop(others)
        for _, other in others:
            call, account = (index, other) if which == 0 else (other, index)
            weighed += 1
            yield from _pair(calls[call], account, accounts[account], scopes)
        if weighed > MAX_PAIRS:
            raise TooLarge(f"more than {MAX_PAIRS} calls and log records that overlap in time")
        heapq.heappush(active[which], (end_ns, index))


def _pair(call: Fact, index: int, account: _Account, scopes: dict[str, str]) -> Iterator[_Pair]:
    said = account.said
    overlap = min(call.end_ns, said.end_ns) - max(call.start_ns, said.start_ns)
    is_long = call.end_ns > call.start_ns and said.end_ns > said.start_ns
    is_here = account.named in ("", scopes[call.span_id])
    if is_here and said.call_kind != "" and _may_be_one(call, said) and not (is_long and overlap == 0):
        yield _Pair((-overlap, abs(call.start_ns - said.start_ns), call.order), call.span_id, index)
