"""Rows into a real database and rollups out of it, in the shape the oracle speaks."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.rollup.graves import Tombstone as Grave
from clickhouse.rollup.graves import digest
from clickhouse.rollup.worker import Worker
from tests.oracle import Tombstone

Row = Mapping[str, Any]

_LISTS = {"finish_reasons", "tags"}
_NULLABLE = {
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "first_token_ns",
}
_NUMBERS = {"started_at", "ended_at", "received_at", "content_until", "retention_days"}
_TIMES = {"started_at", "ended_at", "user_since", "last_active_at"}


def default(column: str) -> Any:
    if column in _LISTS:
        return []
    if column in _NULLABLE:
        return None
    if column in _NUMBERS:
        return 0
    return {"metadata": {}, "failed": False}.get(column, "")


def store(client: Client, rows: Sequence[Row]) -> None:
    """As the receiver does: the spans, and when they are answered, what they change."""
    columns = sorted({column for row in rows for column in row})
    client.insert("spans", [[row.get(column, default(column)) for column in columns] for row in rows], columns)
    traces = sorted({(row["project_id"], row["trace_id"]) for row in rows})
    client.insert("trace_changes", traces, ["project_id", "trace_id"])


def store_scores(client: Client, scores: Sequence[Row]) -> None:
    columns = ["project_id", "trace_id", "span_id", "session_id", "score_id", "name", "value", "label", "received_at"]
    rows = [
        [
            {"value": None, "received_at": 0}.get(column, "") if score.get(column) is None else score[column]
            for column in columns
        ]
        for score in scores
    ]
    if rows:
        client.insert("scores", rows, columns)


def bury(client: Client, tombstones: Iterable[Tombstone]) -> None:
    rows = [
        Grave(grave.project_id, grave.kind, digest("" if grave.kind == "project" else grave.subject), grave.deleted_at)
        for grave in tombstones
    ]
    if rows:
        client.insert("tombstones", rows, ["project_id", "kind", "subject", "deleted_at"])


def settle(client: Client) -> None:
    """Rounds until nothing is left to do."""
    worker = Worker(client, client.database or "", clock=_impatient())
    while worker.round().anything:
        pass


def _impatient() -> Any:
    """A clock by which every rest is over at once."""
    ticks = iter(range(0, 10**9, 10))
    return lambda: next(ticks)


_SESSION_TRACES = """
SELECT * EXCEPT (version, recomputed_at, fingerprint, part)
       REPLACE (toUnixTimestamp64Nano(started_at) AS started_at, toUnixTimestamp64Nano(ended_at) AS ended_at,
                toUnixTimestamp64Nano(user_since) AS user_since,
                arrayMap(at -> toUnixTimestamp64Nano(at), `calls.started_at`) AS `calls.started_at`)
FROM session_traces FINAL
WHERE session_traces.spans > 0 AND project_id IN {projects:Array(String)}
"""
_SESSIONS = """
SELECT * EXCEPT (version, recomputed_at)
       REPLACE (toUnixTimestamp64Nano(started_at) AS started_at,
                toUnixTimestamp64Nano(last_active_at) AS last_active_at)
FROM sessions FINAL
WHERE sessions.spans > 0 AND project_id IN {projects:Array(String)}
"""
_KEPT_BY_HALF_HOUR = """
SELECT name FROM system.columns
WHERE database = currentDatabase() AND table = 'half_hours' AND name NOT IN ('since', 'recomputed_at')
"""
_TOLD_BY_ONE = """
SELECT said
FROM
(
    SELECT 'sessions' AS table, (sums.since, {names}) AS said FROM sessions FINAL ARRAY JOIN sums
    UNION ALL
    SELECT 'half_hours', (since, {names}) FROM half_hours FINAL ARRAY JOIN sums
)
WHERE said.2 IN {{projects:Array(String)}}
GROUP BY said
HAVING countIf(table = 'sessions') != countIf(table = 'half_hours')
"""


def stored_traces(client: Client, projects: Iterable[str]) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = {}
    for row in client.query(_SESSION_TRACES, parameters={"projects": list(projects)}).named_results():
        calls = {name.removeprefix("calls."): row[name] for name in row if name.startswith("calls.")}
        plain = {name: value for name, value in row.items() if not name.startswith("calls.")}
        plain["calls"] = [dict(zip(calls, values, strict=True)) for values in zip(*calls.values(), strict=True)]
        found[row["project_id"], row["session_id"], row["trace_id"]] = comparable(_unnamed(plain))
    return found


def stored_sessions(client: Client, projects: Iterable[str]) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    whose = {"projects": list(projects)}
    assert_half_hours_agree(client, whose)
    for row in client.query(_SESSIONS, parameters=whose).named_results():
        plain = {name: value for name, value in row.items() if not name.startswith("sums.")}
        sums_add_up(plain, {name.removeprefix("sums."): row[name] for name in row if name not in plain})
        found[row["project_id"], row["session_id"]] = comparable(_unnamed(plain))
    return found


def assert_half_hours_agree(client: Client, whose: dict[str, list[str]]) -> None:
    """What lies there by time is what sessions have, and nothing else."""
    names = ", ".join(name for (name,) in client.query(_KEPT_BY_HALF_HOUR).result_rows)
    assert client.query(_TOLD_BY_ONE.format(names=names), parameters=whose).result_rows == []


_ADDED = ("turns", "errors", "unpriced_turns", "input_tokens", "output_tokens", "cache_read_tokens",
          "cache_write_tokens", "reasoning_tokens")  # fmt: skip


def sums_add_up(session: Mapping[str, Any], sums: Mapping[str, Any]) -> None:
    """What a session knows by half hour is all of what it knows."""
    for name in _ADDED:
        assert sum(sums[name]) == session[name], name
    costs = [cost for cost in sums["cost_usd"] if cost is not None]
    assert (sum(costs) if costs else None) == session["cost_usd"]
    counted = sum(count for count, trace_id in zip(sums["traces"], sums["trace_id"], strict=True) if trace_id == "")
    assert counted + len(set(sums["trace_id"]) - {""}) == session["traces"]


def _unnamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Named tuples come as dicts; the oracle speaks of plain ones."""
    return {
        name: [tuple(each.values()) for each in value] if name in ("metadata", "scores") else value
        for name, value in row.items()
    }


def comparable(value: Any) -> Any:
    """The same plain values on both sides: tuples as lists; the oracle's exact fractions as close as floats come."""
    if isinstance(value, Mapping):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(each) for each in value]
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, Fraction):
        return pytest.approx(float(value), rel=1e-12)
    return value
