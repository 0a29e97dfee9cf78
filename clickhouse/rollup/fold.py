"""One trace, folded into the rows of `session_traces`: what it adds up to in each session it belongs to.

Pure: the rows of a trace in, rows out. Every rule is SEMANTICS'; `tests/oracle.py` says them a second time, by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from clickhouse.rollup.accounts import joined
from clickhouse.rollup.belonging import Belonging, belonging, within_limit
from clickhouse.rollup.calls import Merged, calls_of_kind, tool_calls
from clickhouse.rollup.facts import Fact, distinct, fingerprint
from clickhouse.rollup.graves import NO_GRAVES, Graves, Tombstone
from clickhouse.rollup.row import CallRow, SessionTrace, call_row, trace_row, zero_row
from clickhouse.rollup.tree import nearest, parents

_WRAPPING_KINDS = frozenset({"agent", ""})


class Scored(NamedTuple):
    """A score as it was received, of a span or (empty span id) of the trace."""

    span_id: str
    name: str
    value: float | None
    label: str


class Folded(NamedTuple):
    rows: list[SessionTrace]
    dead: list[Fact]  # spans and log records that a deletion forbids; they are to be removed
    tombstones: list[Tombstone]  # that keep the rest of this trace away


def fold(
    rows: list[Fact],
    ever_sessions: Iterable[str] = (),
    scores: Iterable[Scored] = (),
    graves: Graves = NO_GRAVES,
    records: Sequence[Fact] = (),
) -> Folded:
    """The rows of one trace. Each id in `ever_sessions` gets a row too, of zeros where nothing belongs to it. `records`
    are what logs say of its calls."""
    received, copies = distinct(rows)
    spans, hosts = joined(received, records)
    alive, belongs, tombstones = _undeleted(spans, graves)
    counted = belongs._replace(sessions=within_limit(belongs.sessions, alive))
    parts = _parts(alive, counted, copies, tuple(scores))
    own_row = parts.pop("", None) or zero_row("")
    own_row = own_row._replace(fingerprint=fingerprint(rows) ^ fingerprint(records))
    gone = [zero_row(session_id) for session_id in sorted(set(ever_sessions) - parts.keys() - {""})]
    dead = _dead(rows, records, alive, hosts) if len(alive) < len(spans) else []
    return Folded([own_row, *parts.values(), *gone], dead, tombstones)


def forbidden(rows: list[Fact], graves: Graves, records: Sequence[Fact] = ()) -> tuple[list[Fact], list[Tombstone]]:
    """What a deletion forbids, and no more: also of a trace that is too large to be added up."""
    received, _ = distinct(rows)
    spans, hosts = joined(received, records)
    alive, _, tombstones = _undeleted(spans, graves)
    return (_dead(rows, records, alive, hosts) if len(alive) < len(spans) else []), tombstones


def forbidden_in_part(rows: list[Fact], graves: Graves, binding: dict[str, Fact]) -> tuple[list[Fact], list[Tombstone]]:
    """Likewise, of a part of a trace; `binding` are the spans that bind all of it. It has no log records."""
    spans, _ = distinct(rows)
    belongs = belonging({**binding, **spans})
    dead = graves.dead(spans, belongs)
    return [row for row in rows if row.span_id in dead], graves.of_trace(rows[0], belongs) if dead else []


def _dead(
    rows: Iterable[Fact], records: Iterable[Fact], alive: Collection[str], hosts: Mapping[str, str]
) -> list[Fact]:
    """A log record goes with the span that it was joined to."""
    gone = [row for row in rows if row.span_id not in alive]
    return gone + [record for record in records if hosts[record.span_id] not in alive]


def _undeleted(spans: dict[str, Fact], graves: Graves) -> tuple[dict[str, Fact], Belonging, list[Tombstone]]:
    """What is deleted binds until it is taken away; what is left is then bound anew, which may bury more of it."""
    tombstones: list[Tombstone] = []
    while True:
        belongs = belonging(spans)
        dead = graves.dead(spans, belongs)
        if len(dead) == 0:
            return spans, belongs, tombstones
        tombstones += graves.of_trace(next(iter(spans.values())), belongs)
        spans = {span_id: span for span_id, span in spans.items() if span_id not in dead}


def _parts(
    spans: dict[str, Fact], belongs: Belonging, copies: dict[str, int], scores: tuple[Scored, ...]
) -> dict[str, SessionTrace]:
    """The row of each session that has spans here; under "" the trace itself, where it belongs to none."""
    if len(spans) == 0:
        return {}
    up = parents(spans)
    members = _by_session(spans, belongs)
    calls, wrappers = _calls_by_session(spans, up, belongs)
    root = min(spans.values(), key=lambda span: (span.parent_span_id != "", span.start_ns, span.span_id))
    result: dict[str, SessionTrace] = {}
    for session_id, own in members.items():
        wrapping = _counted_wrappers(own, wrappers, calls.get(session_id, []), up, spans)
        result[session_id] = trace_row(
            session_id=session_id,
            name=root.name,
            spans=own,
            outermost=_without_ancestor(own, {span.span_id for span in own}, up, spans),
            calls=_call_rows(calls.get(session_id, []), own, wrapping, belongs),
            turns=[call for kind, call in calls.get(session_id, []) if kind == "llm"],
            unpriced_usage=any(span.response_model == "" and span.request_model == "" for span in wrapping),
            users=belongs.users,
            inherited=sum(span.session_id != session_id for span in own) if session_id else 0,
            duplicates=sum(copies.get(span.span_id, 0) for span in own) if copies else 0,
            scores=_scores_of(scores, own, bound=session_id == belongs.bound_session) if scores else [],
        )
    return result


def _by_session(spans: dict[str, Fact], belongs: Belonging) -> dict[str, list[Fact]]:
    """Spans in the order of their start. A trace in which nobody named a session is all under ""; spans beyond the
    limit of sessions are nowhere."""
    members: dict[str, list[Fact]] = {}
    for span in sorted(spans.values(), key=lambda span: (span.start_ns, span.span_id)):
        session_id = belongs.sessions.get(span.span_id)
        if session_id is not None:
            members.setdefault(session_id, []).append(span)
        elif belongs.bound_session == "":
            members.setdefault("", []).append(span)
    return members


KindedCall = tuple[str, Merged]


def _calls_by_session(
    spans: dict[str, Fact], up: dict[str, str], belongs: Belonging
) -> tuple[dict[str, list[KindedCall]], set[str]]:
    """The distinct LLM, embedding and tool calls by the session of their outermost span; and who wraps LLM calls."""
    kinds = {span.call_kind for span in spans.values()}
    found: list[KindedCall] = []
    wrappers: set[str] = set()
    for kind in ("llm", "embedding"):
        if kind in kinds:
            calls = calls_of_kind(kind, spans, up)
            found.extend((kind, call) for call in calls.merged)
            wrappers.update(span.span_id for span in calls.wrappers if kind == "llm")
    if "tool" in kinds:
        found.extend(("tool", call) for call in tool_calls(spans, up))
    by_session: dict[str, list[KindedCall]] = {}
    for kind, call in found:
        session_id = belongs.sessions.get(call.outermost.span_id, "")
        by_session.setdefault(session_id, []).append((kind, call))
    return by_session, wrappers


def _counted_wrappers(
    own: list[Fact], wrappers: set[str], calls: list[KindedCall], up: dict[str, str], spans: dict[str, Fact]
) -> list[Fact]:
    """Where no LLM call says what it used, the outermost wrapper that does is believed."""
    if any(span.has_usage for kind, call in calls if kind == "llm" for span in call.members):
        return []
    carrying = {
        span.span_id: span
        for span in own
        if span.has_usage and (span.call_kind in _WRAPPING_KINDS or span.span_id in wrappers)
    }
    return _without_ancestor(list(carrying.values()), carrying.keys(), up, spans)


def _without_ancestor(
    some: list[Fact], among: Collection[str], up: dict[str, str], spans: dict[str, Fact]
) -> list[Fact]:
    if len(among) == len(spans):
        return [span for span in some if span.span_id not in up]
    above = nearest(some, spans, up, lambda span: span.span_id in among)
    return [span for span in some if span.span_id not in above]


def _call_rows(calls: list[KindedCall], own: list[Fact], wrapping: list[Fact], belongs: Belonging) -> list[CallRow]:
    counted = {span.span_id for span in wrapping}
    rows = [call_row(kind, call, belongs.users, counts=kind in ("llm", "embedding")) for kind, call in calls]
    for span in own:
        counts = span.span_id in counted
        if span.call_kind in ("agent", "retrieval"):
            rows.append(call_row(span.call_kind, Merged((span,)), belongs.users, counts=counts))
        elif counts:
            rows.append(call_row("wrapper", Merged((span,)), belongs.users, counts=True))
    return sorted(rows, key=lambda row: (row.start_ns, row.span_id))


def _scores_of(scores: tuple[Scored, ...], own: list[Fact], *, bound: bool) -> list[tuple[str, float | None, str]]:
    """A score goes where its span goes, and with it; one of the trace to the session that the trace is bound to."""
    ids = {span.span_id for span in own}
    here = [score for score in scores if (score.span_id in ids if score.span_id else bound)]
    return sorted(
        ((score.name, score.value, score.label) for score in here),
        key=lambda score: (score[0], score[1] is None, score[1] or 0.0, score[2]),
    )
