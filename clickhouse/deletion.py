"""Deleting a session, a user, a project: a tombstone first, then every span of theirs, then what it adds up to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.errors import DatabaseError
from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.graves import Tombstone, digest
from clickhouse.rollup.removal import DELETE_SETTINGS, Dead, Removed, bury, remove_dead
from clickhouse.rollup.statements import single_row, statement
from clickhouse.rollup.traces import Key, dead_of_large, halves, is_of_the_slice, read_slice, reason_to_quarantine

TRACES_AT_ONCE = 1_000
NAMED_AT_ONCE = 10


class Undeleted(DatabaseError):
    """Everything else is gone, and stays gone; it may be asked for again."""

    def __init__(self, outcome: "_Outcome") -> None:
        named = [f"trace {trace_id} ({reason})" for trace_id, reason in islice(outcome.left.items(), NAMED_AT_ONCE)]
        if len(outcome.left) > NAMED_AT_ONCE:
            named.append(f"{len(outcome.left) - NAMED_AT_ONCE} more")
        super().__init__(f"All is deleted except what is in {', '.join(named)}.")


def delete_session(client: Client, everywhere: str, project_id: str, session_id: str) -> Removed:
    outcome = _delete(client, everywhere, project_id, session_id, "session")
    whose = {"project": project_id, "subject": session_id}
    client.command(statement("remove_scores_of_session"), parameters=whose, settings=DELETE_SETTINGS)
    client.insert("session_changes", [(project_id, session_id)], ["project_id", "session_id"], database=everywhere)
    return outcome.removed()


def delete_user(client: Client, everywhere: str, project_id: str, user_id: str) -> Removed:
    return _delete(client, everywhere, project_id, user_id, "user").removed()


_OF_PROJECT = (
    "remove_project_spans",
    "remove_project_span_facts",
    "remove_project_log_calls",
    "remove_project_spans",  # what came before its facts went has none, and nobody would find it any more
)


def delete_project(client: Client, everywhere: str, project_id: str) -> Removed:
    deleted_ns = _now_ns(client)
    bury(client, everywhere, [Tombstone(project_id, "project", digest(""), deleted_ns)])
    parameters = {"project": project_id, "deleted_ns": deleted_ns, "everywhere": everywhere}
    removed = Removed(*single_row(client, "count_project", parameters))
    for name in _OF_PROJECT:
        client.command(statement(name), parameters=parameters, settings=DELETE_SETTINGS)
    client.command(statement("remove_project_scores"), parameters=parameters, settings=DELETE_SETTINGS)
    client.command(statement("queue_project"), parameters=parameters)
    return removed


def _delete(client: Client, everywhere: str, project_id: str, subject: str, kind: str) -> "_Outcome":
    """Removes what is here. What comes later, or is being stored now, meets the tombstone when it is recomputed."""
    tombstone = Tombstone(project_id, kind, digest(subject), _now_ns(client))
    bury(client, everywhere, [tombstone])
    whose = {"project": project_id, "subject": subject, "everywhere": everywhere}
    rows = client.query(statement(f"traces_of_{kind}"), parameters=whose).result_rows
    keys = [(project_id, row[0]) for row in rows]
    if keys:
        # From here on it happens, whatever becomes of us.
        client.insert("trace_changes", keys, ["project_id", "trace_id"], database=everywhere)
    outcome = _Outcome()
    for some in _chunks(keys, TRACES_AT_ONCE):
        _delete_slice(client, everywhere, some, outcome)
    return outcome


def _delete_slice(client: Client, everywhere: str, keys: Sequence[Key], outcome: "_Outcome") -> None:
    """A slice that fails is halved until the trace is found that makes it fail; it is left, and named in the end."""
    try:
        removed = _remove(client, everywhere, _dead(client, everywhere, keys))
    except (TooLarge, ClickHouseError) as error:
        if not is_of_the_slice(error):
            raise
        if len(keys) == 1:
            outcome.left[keys[0][1]] = reason_to_quarantine(error)
            return
        for half in halves(keys):
            _delete_slice(client, everywhere, half, outcome)
        return
    # All are queued, also those of which nothing is left: another deletion may have died before it said so.
    client.insert("trace_changes", keys, ["project_id", "trace_id"], database=everywhere)
    outcome.spans += removed.spans
    outcome.traces += removed.traces


def _dead(client: Client, everywhere: str, keys: Sequence[Key]) -> Iterable[Sequence[Dead]]:
    """In pieces that can be held."""
    if len(keys) == 1:
        return ([each] for each in dead_of_large(client, everywhere, keys[0], home=everywhere))
    return [list(read_slice(client, everywhere, keys, home=everywhere).dead())]


def _remove(client: Client, everywhere: str, pieces: Iterable[Sequence[Dead]]) -> Removed:
    """On one server at once; of several shards, each removes its own when it recomputes."""
    if everywhere == client.database:
        return remove_dead(client, everywhere, pieces)
    spans, traces = 0, set[str]()
    for each in chain.from_iterable(pieces):
        bury(client, everywhere, each.tombstones)
        spans += each.spans
        traces.add(each.facts[0].trace_id)
    return Removed(spans, len(traces))


@dataclass
class _Outcome:
    """What went, and of the traces that did not why."""

    spans: int = 0
    traces: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def removed(self) -> Removed:
        if self.left:
            raise Undeleted(self)
        return Removed(self.spans, self.traces)


def _now_ns(client: Client) -> int:
    now: int = single_row(client, "now")[0]
    return now


def _chunks(values: list[Key], size: int) -> Iterable[list[Key]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
