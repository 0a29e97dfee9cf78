"""What has to be done now and then: heal, expire, forget. Each is safe to do twice, at once, or not to the end."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.removal import DELETE_SETTINGS, remove_listed
from clickhouse.rollup.statements import external, single_row, statement

GRACE_SECONDS = 60
"""Whoever stores spans queues their traces within a second; after this he is taken for dead."""
HEAL_WINDOW_SECONDS = 3_600
UNFINISHED_SECONDS = 600
"""What died with the database was stored this close to the last rows there are: no insert takes longer."""
FORGET_AFTER_SECONDS = 3_600
SETTLED_SECONDS = 1_800  # no slice lives longer than 5 minutes, so nothing younger than this is older than its zero row
_EVER = (0, 2**63 - 1)
_EPOCH = date(1970, 1, 1)
_DAY_NS = 86_400 * 10**9
_HEAL_LIMITS = {"max_threads": 1, "max_memory_usage": 4 << 30}
MOST_SESSIONS = 100_000
"""Found out of step at once: hardly ever any; the rest is found the next time."""
MOST_TRACES = 100_000  # per removal: one statement's worth; the rest is next


def heal(client: Client, *, everything: bool = False, grace_seconds: int = GRACE_SECONDS) -> None:
    """Queue what a crash between storing and queueing left behind. At start everything is searched, day by day, and
    inserts that died on their way from table to table are finished."""
    if everything:
        _finish_inserts(client)
    since_us = 0 if everything else _now_us(client) - HEAL_WINDOW_SECONDS * 1_000_000
    for from_ns, to_ns in _days(client) if everything else [_EVER]:
        window = {"since_us": since_us, "grace_seconds": grace_seconds, "from_ns": from_ns, "to_ns": to_ns}
        client.command(statement("heal"), parameters=window, settings=_HEAL_LIMITS)


def heal_half_hours(client: Client, *, settled_seconds: int = SETTLED_SECONDS) -> None:
    """What is out of step is noted, so that it is left by the recompute that follows; and what was left for good is
    noted no longer."""
    settled = {"settled_us": _now_us(client) - settled_seconds * 1_000_000}
    _forget(client, ("forget_left_half_hours",), settled)
    most = {"most": MOST_SESSIONS}
    rows = client.query(statement("out_of_step"), parameters=most, settings=_HEAL_LIMITS).result_rows
    if rows:
        sessions = [(project_id, session_id) for project_id, session_id in rows]
        columns = ("project_id", "session_id")
        slice_ = external("slice", columns, sessions)
        client.command(statement("note_half_hours"), external_data=slice_, settings=_HEAL_LIMITS)
        client.insert("session_changes", sessions, columns)


def _days(client: Client) -> list[tuple[int, int]]:
    """At least one: what was removed has no day."""
    starts = [(day - _EPOCH).days * _DAY_NS for day in _days_of_rows(client)]
    return [(start, start + _DAY_NS) for start in starts] or [_EVER]


def _finish_inserts(client: Client) -> None:
    since_us = single_row(client, "last_stored")[0] - UNFINISHED_SECONDS * 1_000_000
    for (day,) in client.query(statement("unfinished_days"), parameters={"since_us": since_us}).result_rows:
        _make_anew(client, day, since_us)


def expire(client: Client, retention_days: Mapping[str, int]) -> int:
    """Remove traces past their project's retention, whole; how many spans."""
    removal = uuid.uuid4()
    client.command(
        statement("list_expired"),
        parameters={
            "removal": str(removal),
            "projects": list(retention_days),
            "days": list(retention_days.values()),
            "most": MOST_TRACES,
        },
    )
    return remove_listed(client, removal).spans


def expire_content(client: Client) -> int:
    """Blank what was said where it may no longer be kept, by spans or log records; by how many. The previews go first,
    with a recompute that hides them."""
    parameters = {"until": datetime.fromtimestamp(_now_us(client) // 1_000_000, UTC)}
    expired: int = single_row(client, "expired_content", parameters)[0]
    if expired > 0:
        client.command(statement("queue_expired_content"), parameters=parameters)
        for name in ("blank_scores", "blank_spans", "blank_span_facts", "blank_log_calls"):
            client.command(statement(name), parameters=parameters, settings=DELETE_SETTINGS)
    return expired


def forget(
    client: Client, *, after_seconds: int = FORGET_AFTER_SECONDS, settled_seconds: int = SETTLED_SECONDS
) -> None:
    """Take away what is left of sessions and traces that have nothing: all versions of a key, what they had first."""
    ages = {"after_seconds": after_seconds, "settled_seconds": settled_seconds}
    now_us = _now_us(client)
    # Of the same sessions all along: of one that came of age between two steps a part would be left, for good.
    over = {"over_us": now_us - after_seconds * 1_000_000, "settled_us": now_us - settled_seconds * 1_000_000}
    _forget_what_they_had_first(client, "forget_half_hours", over)
    _forget(client, ("forget_session_half_hours",), over)
    _forget_what_they_had_first(client, "forget_sessions", over)
    _forget(client, ("forget_trace_queue", "forget_session_queue"), ages)
    removal = {"removal": str(uuid.uuid4()), "most": MOST_TRACES, **ages}
    client.command(statement("list_forgotten_traces"), parameters=removal)
    if single_row(client, "count_dead", removal)[1] > 0:
        _forget_what_they_had_first(client, "forget_session_traces", removal)
        _forget(client, _FORGOTTEN, removal)


def _forget_what_they_had_first(client: Client, name: str, parameters: Mapping[str, Any]) -> None:
    """While a zero row still says that it is over; and then the zero rows."""
    for had in (True, False):
        _forget(client, (name,), {**parameters, "had": had})


def _forget(client: Client, names: Iterable[str], parameters: Mapping[str, Any]) -> None:
    for name in names:
        client.command(statement(name), parameters=dict(parameters), settings=DELETE_SETTINGS)


_FORGOTTEN = ("forget_finished_traces", "forget_trace_sessions", "forget_trace_index")
_REBUILT = ("span_facts", "trace_index", "trace_sessions", "log_trace_index", "log_trace_sessions")


def rebuild(client: Client, report: Callable[[str], None]) -> None:
    """Make everything anew from spans and log records: facts and indexes here, the rest by queueing every trace."""
    for day in _days_of_rows(client):
        _make_anew(client, day, since_us=0)
        report(f"{day}: facts made anew")
    queue_everything(client)


def _days_of_rows(client: Client) -> list[date]:
    return [day for (day,) in client.query(statement("rebuild_days")).result_rows]


def queue_everything(client: Client) -> None:
    """Every trace there is is recomputed."""
    client.command(statement("queue_everything"))


def queue_project(client: Client, everywhere: str, project_id: str) -> None:
    """Likewise of one project."""
    client.command(statement("queue_project"), parameters={"everywhere": everywhere, "project": project_id})


def _make_anew(client: Client, day: date, since_us: int) -> None:
    for name in _REBUILT:
        client.command(statement(f"rebuild_{name}"), parameters={"day": day, "since_us": since_us})


class Lag(NamedTuple):
    queued_trace_changes: int
    queued_session_changes: int
    lag_seconds: float
    quarantined_traces: int


def lag(client: Client) -> Lag:
    return Lag(*single_row(client, "lag"))


def _now_us(client: Client) -> int:
    now_ns: int = single_row(client, "now")[0]
    return now_ns // 1_000
