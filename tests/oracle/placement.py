"""Traces of distinct, undeleted spans, each with its effective session, its effective user and its parent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.oracle.spans import Span, distinct_span, root_order, time_order

MAX_SESSIONS_PER_TRACE = 1000

# The kinds of id, the strongest first. Only the first of each is a span's own; the others speak for the whole trace.
SESSION_COLUMNS = ("session_id", "conversation_id", "resource_session_id", "default_session_id")
USER_COLUMNS = ("user_id", "resource_user_id", "default_user_id")


class Tombstone(NamedTuple):
    """A deletion. The subject is the id itself (of a session, user, trace or project), not its hash."""

    project_id: str
    kind: str  # session, user, trace, trace_user, project
    subject: str
    deleted_at: int  # ns


@dataclass(frozen=True)
class Trace:
    """Whatever maps by span id holds every span of `spans`."""

    project_id: str
    trace_id: str
    spans: Sequence[Span]  # distinct and undeleted, by (start, span id)
    bound_session: str  # "" where no span of the trace names a session
    session_of: Mapping[str, str | None]  # None: beyond the sessions a trace may have
    user_of: Mapping[str, str]
    starts_of: Mapping[str, int]  # distinct starts among the received copies
    parent_of: Mapping[str, Span | None]

    def sessions(self) -> list[str]:
        return sorted({session for session in self.session_of.values() if session is not None})

    def spans_in(self, session: str) -> list[Span]:
        return [span for span in self.spans if self.session_of[span.span_id] == session]

    def ancestors(self, span: Span) -> list[Span]:
        """From the parent to the top."""
        found = []
        parent = self.parent_of[span.span_id]
        while parent is not None:
            found.append(parent)
            parent = self.parent_of[parent.span_id]
        return found


def placed_traces(received: Iterable[Span], tombstones: Sequence[Tombstone]) -> list[Trace]:
    copies_by_trace: dict[tuple[str, str], list[Span]] = {}
    for copy in received:
        copies_by_trace.setdefault((copy.project_id, copy.trace_id), []).append(copy)
    return [placed_trace(copies, tombstones) for _, copies in sorted(copies_by_trace.items())]


def placed_trace(copies: Sequence[Span], tombstones: Sequence[Tombstone]) -> Trace:
    span_ids = {copy.span_id for copy in copies}
    copies_of = {span_id: [copy for copy in copies if copy.span_id == span_id] for span_id in span_ids}
    distinct = [distinct_span(copies_of[span_id]) for span_id in span_ids]

    alive = sorted(undeleted(distinct, tombstones), key=time_order)
    bound_session = bound_id(alive, SESSION_COLUMNS)
    bound_user = bound_id(alive, USER_COLUMNS)
    session_of = {span.span_id: span.session_id or bound_session for span in alive}
    user_of = {span.span_id: span.user_id or bound_user for span in alive}
    kept = kept_sessions(alive, session_of)
    return Trace(
        project_id=copies[0].project_id,
        trace_id=copies[0].trace_id,
        spans=alive,
        bound_session=bound_session,
        session_of={
            span.span_id: session_of[span.span_id] if session_of[span.span_id] in kept else None for span in alive
        },
        user_of={span.span_id: user_of[span.span_id] for span in alive},
        starts_of={span.span_id: len({copy.started_at for copy in copies_of[span.span_id]}) for span in alive},
        parent_of=parents(alive),
    )


def undeleted(spans: Sequence[Span], tombstones: Sequence[Tombstone]) -> Sequence[Span]:
    """What is deleted binds until it is taken away; what is left is then bound anew, which may bury more of it."""
    session, user = bound_id(spans, SESSION_COLUMNS), bound_id(spans, USER_COLUMNS)
    left = [
        span
        for span in spans
        if not any(buries(grave, span, span.session_id or session, span.user_id or user) for grave in tombstones)
    ]
    return left if len(left) == len(spans) else undeleted(left, tombstones)


def bound_id(spans: Iterable[Span], columns: Sequence[str]) -> str:
    """The first id of the strongest kind that any span carries: root's before others, then earliest start."""
    ranked = sorted(spans, key=root_order)
    for column in columns:
        for span in ranked:
            named: str = getattr(span, column)
            if named != "":
                return named
    return ""


def kept_sessions(spans: Iterable[Span], session_of: Mapping[str, str]) -> set[str]:
    """The first sessions of a trace, by the earliest start in each, then by id."""
    first_start: dict[str, int] = {}
    for span in spans:
        session = session_of[span.span_id]
        first_start[session] = min(span.started_at, first_start.get(session, span.started_at))
    ranked = sorted(first_start, key=lambda session: (first_start[session], session))
    return set(ranked[:MAX_SESSIONS_PER_TRACE])


def buries(grave: Tombstone, span: Span, session: str, user: str) -> bool:
    """Whether a deletion covers a span of that effective session and user."""
    if span.project_id != grave.project_id or span.started_at >= grave.deleted_at:
        return False
    match grave.kind:
        case "session":
            return session == grave.subject
        case "trace":
            return span.trace_id == grave.subject and span.session_id == ""
        case "user":
            return user == grave.subject
        case "trace_user":
            return span.trace_id == grave.subject and span.user_id == ""
        case "project":
            return span.project_id == grave.subject
        case _:
            raise ValueError(f"No tombstone is of kind {grave.kind}.")


def parents(spans: Sequence[Span]) -> dict[str, Span | None]:
    """The parent of each span, where it is there. A cycle is cut at its first span, which becomes parentless."""
    by_id = {span.span_id: span for span in spans}
    named = {span.span_id: by_id.get(span.parent_span_id) for span in spans}
    return {span.span_id: None if is_first_of_a_cycle(span, named) else named[span.span_id] for span in spans}


def is_first_of_a_cycle(span: Span, named: Mapping[str, Span | None]) -> bool:
    walked = []
    above = named[span.span_id]
    while above is not None and above not in walked:
        walked.append(above)
        above = named[above.span_id]
    return span in walked and min(walked, key=time_order) == span
