"""The rollup against the oracle: whatever comes, in whatever order, every field of every row is equal."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clickhouse.rollup.facts import Fact
from clickhouse.rollup.fold import fold
from clickhouse.rollup.graves import Graves, digest
from clickhouse.rollup.row import SessionTrace
from tests.clickhouse.stored import (
    bury,
    comparable,
    default,
    settle,
    store,
    store_scores,
    stored_sessions,
    stored_traces,
)
from tests.histories import History, batches, histories
from tests.oracle import expected_sessions, expected_traces

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
UNSHRUNK = [Phase.explicit, Phase.reuse, Phase.generate]  # against a database, a smaller failure costs minutes
_numbers = itertools.count(1)


def as_fact(row: dict[str, Any]) -> Fact:
    names = {"start_ns": "started_at", "end_ns": "ended_at", "received_us": "received_at"}
    values = {field: row.get(names.get(field, field), default(names.get(field, field))) for field in Fact._fields}
    cost = row.get("cost_usd")
    return Fact(**{**values, "cost_pico": None if cost is None else int(cost.scaleb(12)), "row_hash": 0, "mark": 0})


def as_the_database_keeps(rows: Iterable[dict[str, Any]]) -> list[Fact]:
    """One row per span and start, as ReplacingMergeTree with FINAL gives them."""
    kept: dict[tuple[str, int], Fact] = {}
    for fact in sorted(map(as_fact, rows), key=lambda fact: (fact.received_us, fact.end_ns)):
        kept[fact.span_id, fact.start_ns] = fact
    return list(kept.values())


def folded(history: History) -> dict[tuple[str, str, str], Any]:
    found = {}
    for project, trace in sorted({(row["project_id"], row["trace_id"]) for row in history.rows}):
        facts = as_the_database_keeps(
            row for row in history.rows if (row["project_id"], row["trace_id"]) == (project, trace)
        )
        graves = {
            (grave.kind, digest("" if grave.kind == "project" else grave.subject)): grave.deleted_at
            for grave in sorted(history.tombstones, key=lambda grave: grave.deleted_at)
            if grave.project_id == project
        }
        for row in fold(facts, (), (), Graves(graves)).rows:
            if row.spans > 0:
                found[project, row.session_id, trace] = row
    return found


def plain(row: SessionTrace) -> dict[str, Any]:
    names = {"start_ns": "started_at", "end_ns": "ended_at", "user_since_ns": "user_since", "cost_pico": "cost_usd"}

    def named(values: dict[str, Any]) -> dict[str, Any]:
        return {names.get(name, name): value for name, value in values.items()}

    return named({**row._asdict(), "calls": [named(call._asdict()) for call in row.calls]})


def in_pico(row: dict[str, Any]) -> dict[str, Any]:
    def pico(cost: Any) -> Any:
        return None if cost is None else int(cost.scaleb(12))

    calls = [{**call, "cost_usd": pico(call["cost_usd"])} for call in row["calls"]]
    return {**row, "cost_usd": pico(row["cost_usd"]), "calls": calls}


@given(histories(deletions=True))
@settings(max_examples=100, deadline=None, suppress_health_check=QUIET)
def test_a_fold_equals_the_oracle(history: History) -> None:
    """Every field of every (session, trace) row, for anything that may be received or deleted."""
    check_fold(history)


@pytest.mark.slow
@given(histories(deletions=True))
@settings(max_examples=3_000, deadline=None, suppress_health_check=QUIET)
def test_a_fold_equals_the_oracle_at_length(history: History) -> None:
    """The same, thousands of times."""
    check_fold(history)


def check_fold(history: History) -> None:
    expected = {key: in_pico(row) for key, row in expected_traces(history.rows, history.tombstones).items()}
    found = {key: plain(row) for key, row in folded(history).items()}
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        mine = {name: value for name, value in found[key].items() if name not in ("fingerprint", "scores")}
        theirs = {name: row[name] for name in mine}
        assert comparable(mine) == comparable(theirs)


def in_own_projects(history: History) -> History:
    """The same history where nobody else is."""
    number = next(_numbers)

    def moved(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "project_id": f"rolled-up-{number}-{row['project_id']}"}

    return replace(
        history,
        rows=[moved(row) for row in history.rows],
        scores=[moved(score) for score in history.scores],
        tombstones=[
            grave._replace(project_id=f"rolled-up-{number}-{grave.project_id}") for grave in history.tombstones
        ],
    )


def check(client: Client, history: History) -> None:
    projects = {row["project_id"] for row in history.rows}
    expected = expected_traces(history.rows, history.tombstones, history.scores)
    found = stored_traces(client, projects)
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        assert found[key] == comparable(row)
    sessions = expected_sessions(history.rows, history.tombstones, history.scores)
    held = stored_sessions(client, projects)
    assert held.keys() == sessions.keys()
    for session, row in sessions.items():
        assert held[session] == comparable(row)


def play(client: Client, data: st.DataObject, history: History) -> None:
    """Deliver in some order, with rollups anywhere in between."""
    bury(client, history.tombstones)
    store_scores(client, history.scores)
    for batch in data.draw(batches(history)):
        store(client, batch)
        if data.draw(st.booleans()):
            settle(client)
    settle(client)


@given(st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=QUIET, phases=UNSHRUNK)
def test_the_database_equals_the_oracle(shared_client: Client, data: st.DataObject) -> None:
    """Duplicated, shuffled and split deliveries with recomputes in between end at the oracle's rows and sessions."""
    history = in_own_projects(data.draw(histories(scored=True)))
    play(shared_client, data, history)
    check(shared_client, history)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=500, deadline=None, suppress_health_check=QUIET, phases=UNSHRUNK)
def test_the_database_equals_the_oracle_at_length(shared_client: Client, data: st.DataObject) -> None:
    """The same, a thousand times and more."""
    history = in_own_projects(data.draw(histories(scored=True)))
    play(shared_client, data, history)
    check(shared_client, history)
