"""Whom a span belongs to: the three kinds of session id apart, and the user. One normaliser, shared with the API."""

from typing import NamedTuple

from clickhouse.ids import normal_id
from otel_receiver.call import Ids
from otel_receiver.mapping.hits import Hits, collect
from otel_receiver.mapping.table import Table
from otel_receiver.span import Resource, Scope, Span

_NOBODY = Ids()


class ResourceFacts(NamedTuple):
    """What a resource says for all its spans."""

    session_id: str | None
    session_key: str
    user_id: str | None
    user_key: str
    environment: str
    release: str


def read_ids(hits: Hits, resource: ResourceFacts) -> Ids:
    best = hits.best
    if "session" not in best and "conversation" not in best and "user" not in best and not hits.documents:
        if resource.session_id is None and resource.user_id is None:
            return _NOBODY
        session = conversation = user = None
        session_key = conversation_key = user_key = ""
    else:
        session, session_key = hits.first("session", normal_id)
        conversation, conversation_key = hits.first("conversation", normal_id)
        user, user_key = hits.first("user", normal_id)
    return Ids(
        session_id=session,
        conversation_id=conversation,
        resource_session_id=resource.session_id,
        session_key=session_key or conversation_key or resource.session_key,
        user_id=user,
        resource_user_id=resource.user_id,
        user_key=user_key or resource.user_key,
    )


class Resources:
    """The facts of the resource seen last, by identity: spans come grouped by the very same object, and to hold more of
    them would keep the largest that clients ever sent."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._latest: tuple[Resource, ResourceFacts] | None = None

    def facts(self, resource: Resource) -> ResourceFacts:
        latest = self._latest
        if latest is not None and latest[0] is resource:
            return latest[1]
        facts = _read(self._table, resource)
        self._latest = (resource, facts)
        return facts


def _read(table: Table, resource: Resource) -> ResourceFacts:
    """A resource speaks the same words as a span."""
    attributes = resource.attributes
    hits = collect(table, Span("", "", "", "", "", 0, 0, "", "", attributes, (), (), resource, Scope()))
    session, session_key = hits.first("session", normal_id)
    user, user_key = hits.first("user", normal_id)
    return ResourceFacts(
        session_id=session,
        session_key=f"resource.{session_key}" if session_key else "",
        user_id=user,
        user_key=f"resource.{user_key}" if user_key else "",
        environment=hits.text("environment"),
        release=hits.text("release"),
    )
