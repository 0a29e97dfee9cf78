"""Whom the spans of a trace belong to: the session and the user in effect for each."""

from collections.abc import Callable
from typing import NamedTuple

from clickhouse.rollup.facts import Fact

MAX_SESSIONS_PER_TRACE = 1_000
"""A trace with more is an error of the sender; its first sessions count, the rest stays findable by trace."""


class Belonging(NamedTuple):
    sessions: dict[str, str]  # span id -> session id; absent where there is none
    users: dict[str, str]  # span id -> user id; absent where there is none
    bound_session: str  # of spans without an id of their own; empty where there is none
    bound_user: str


_SESSION_KINDS: tuple[Callable[[Fact], str], ...] = (
    lambda span: span.session_id,
    lambda span: span.conversation_id,
    lambda span: span.resource_session_id,
    lambda span: span.default_session_id,
)
_USER_KINDS: tuple[Callable[[Fact], str], ...] = (
    lambda span: span.user_id,
    lambda span: span.resource_user_id,
    lambda span: span.default_user_id,
)
"""The stronger first."""


def belonging(spans: dict[str, Fact]) -> Belonging:
    rooted_first = _rooted_first(spans)
    bound_session = _first(rooted_first, *_SESSION_KINDS)
    bound_user = _first(rooted_first, *_USER_KINDS)
    sessions = {
        span.span_id: span.session_id or bound_session for span in rooted_first if span.session_id or bound_session
    }
    users = {span.span_id: span.user_id or bound_user for span in rooted_first if span.user_id or bound_user}
    return Belonging(sessions, users, bound_session, bound_user)


def binding_spans(spans: dict[str, Fact]) -> dict[str, Fact]:
    """Those few that bind the others: of each kind of id the first that has it."""
    rooted_first = _rooted_first(spans)
    found = (next(filter(kind, rooted_first), None) for kind in (*_SESSION_KINDS, *_USER_KINDS))
    return {span.span_id: span for span in found if span is not None}


def _rooted_first(spans: dict[str, Fact]) -> list[Fact]:
    return sorted(spans.values(), key=lambda span: (span.parent_span_id != "", span.start_ns, span.span_id))


def _first(spans: list[Fact], *kinds: Callable[[Fact], str]) -> str:
    """A weaker kind of id binds only where no span has a stronger one. Ids are never empty, so empty is absent."""
    for kind in kinds:
        for span in spans:
            if found := kind(span):
                return found
    return ""


def within_limit(sessions: dict[str, str], spans: dict[str, Fact]) -> dict[str, str]:
    """Of these spans, those that belong to the earliest sessions."""
    sessions = {span_id: sessions[span_id] for span_id in spans if span_id in sessions}
    if len(set(sessions.values())) <= MAX_SESSIONS_PER_TRACE:
        return sessions
    since: dict[str, int] = {}
    for span_id, session_id in sessions.items():
        start_ns = spans[span_id].start_ns
        since[session_id] = min(start_ns, since.get(session_id, start_ns))
    kept = set(sorted(since, key=lambda session_id: (since[session_id], session_id))[:MAX_SESSIONS_PER_TRACE])
    return {span_id: session_id for span_id, session_id in sessions.items() if session_id in kept}
