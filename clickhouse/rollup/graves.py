"""What a deletion forbids: spans that started before it and belong to whom it was of. Known by hash alone."""

import hashlib
from typing import NamedTuple

from clickhouse.rollup.belonging import Belonging
from clickhouse.rollup.facts import Fact


def digest(subject: str) -> bytes:
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).digest()


class Tombstone(NamedTuple):
    project_id: str
    kind: str  # session, user, trace, trace_user, project
    subject: bytes  # the digest of the id
    deleted_ns: int


class Graves(NamedTuple):
    """Of one project: (kind, digest) -> the nanosecond before which everything is gone."""

    deleted_ns: dict[tuple[str, bytes], int]

    def dead(self, spans: dict[str, Fact], belongs: Belonging) -> set[str]:
        if len(self.deleted_ns) == 0:
            return set()
        everything = self._until("project", "")
        return {
            span.span_id
            for span in spans.values()
            if span.start_ns < max(everything, self._of_session(span, belongs), self._of_user(span, belongs))
        }

    def of_trace(self, member: Fact, belongs: Belonging) -> list[Tombstone]:
        """What a trace is bound to is known only while the span that says so is here: note it before that one goes."""
        bound = (("session", belongs.bound_session, "trace"), ("user", belongs.bound_user, "trace_user"))
        return [
            Tombstone(member.project_id, kind, digest(member.trace_id), self._until(owner, subject))
            for owner, subject, kind in bound
            if subject and self._until(owner, subject) > 0
        ]

    def _of_session(self, span: Fact, belongs: Belonging) -> int:
        """Through its session; or, when it names none, through what its trace was bound to when that was deleted."""
        session_id = belongs.sessions.get(span.span_id)
        by_session = self._until("session", session_id) if session_id is not None else 0
        return by_session if span.session_id else max(by_session, self._until("trace", span.trace_id))

    def _of_user(self, span: Fact, belongs: Belonging) -> int:
        user_id = belongs.users.get(span.span_id)
        by_user = self._until("user", user_id) if user_id is not None else 0
        return by_user if span.user_id else max(by_user, self._until("trace_user", span.trace_id))

    def _until(self, kind: str, subject: str) -> int:
        return self.deleted_ns.get((kind, digest(subject)), 0)


NO_GRAVES = Graves({})
