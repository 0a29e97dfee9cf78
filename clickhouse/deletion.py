"""Deleting a session, a user, a project: a tombstone first, then every span of theirs, then what it adds up to."""

from collections.abc import Iterable
from itertools import islice

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.rollup.graves import Tombstone, digest
from clickhouse.rollup.removal import DELETE_SETTINGS, Removed, bury, remove_dead
from clickhouse.rollup.statements import single_row, statement
from clickhouse.rollup.traces import Key, read_slice

TRACES_AT_ONCE = 1_000


def delete_session(client: Client, everywhere: str, project_id: str, session_id: str) -> Removed:
    removed = _delete(client, everywhere, project_id, session_id, "session")
    whose = {"project": project_id, "subject": session_id}
    client.command(statement("remove_scores_of_session"), parameters=whose, settings=DELETE_SETTINGS)
    client.insert("session_changes", [(project_id, session_id)], ["project_id", "session_id"], database=everywhere)
    return removed


def delete_user(client: Client, everywhere: str, project_id: str, user_id: str) -> Removed:
    return _delete(client, everywhere, project_id, user_id, "user")


def delete_project(client: Client, everywhere: str, project_id: str) -> Removed:
    deleted_ns = _now_ns(client)
    bury(client, everywhere, [Tombstone(project_id, "project", digest(""), deleted_ns)])
    parameters = {"project": project_id, "deleted_ns": deleted_ns, "everywhere": everywhere}
    removed = Removed(*single_row(client, "count_project", parameters))
    for name in ("remove_project_spans", "remove_project_span_facts", "remove_project_log_calls"):
        client.command(statement(name), parameters=parameters, settings=DELETE_SETTINGS)
    client.command(statement("remove_project_scores"), parameters=parameters, settings=DELETE_SETTINGS)
    client.command(statement("queue_project"), parameters=parameters)
    return removed


def _delete(client: Client, everywhere: str, project_id: str, subject: str, kind: str) -> Removed:
    """Removes what is here. What comes later, or is being stored now, meets the tombstone when it is recomputed."""
    tombstone = Tombstone(project_id, kind, digest(subject), _now_ns(client))
    bury(client, everywhere, [tombstone])
    whose = {"project": project_id, "subject": subject, "everywhere": everywhere}
    rows = client.query(statement(f"traces_of_{kind}"), parameters=whose).result_rows
    keys = [(project_id, row[0]) for row in rows]
    if keys:
        # From here on it happens, whatever becomes of us.
        client.insert("trace_changes", keys, ["project_id", "trace_id"], database=everywhere)
    removed = [_delete_slice(client, everywhere, some) for some in _chunks(keys, TRACES_AT_ONCE)]
    return Removed(sum(each.spans for each in removed), sum(each.traces for each in removed))


def _delete_slice(client: Client, everywhere: str, keys: list[Key]) -> Removed:
    """On one server at once; of several shards, each removes its own when it recomputes. All are queued, also those of
    which nothing is left: another deletion may have died before it said so."""
    try:
        dead = list(read_slice(client, everywhere, keys, home=everywhere).dead())
    except ClickHouseError:
        if len(keys) == 1:
            raise
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        removed = [_delete_slice(client, everywhere, half) for half in halves]
        return Removed(sum(each.spans for each in removed), sum(each.traces for each in removed))
    if everywhere == client.database:
        remove_dead(client, everywhere, dead)
    else:
        bury(client, everywhere, (tombstone for each in dead for tombstone in each.tombstones))
    client.insert("trace_changes", keys, ["project_id", "trace_id"], database=everywhere)
    return Removed(sum(each.spans for each in dead), len(dead))


def _now_ns(client: Client) -> int:
    now: int = single_row(client, "now")[0]
    return now


def _chunks(values: list[Key], size: int) -> Iterable[list[Key]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
