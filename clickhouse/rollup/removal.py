"""Taking spans away for good: listed, deleted, queued, in this order, so that a removal that dies is done again."""

import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.facts import SAID, Fact
from clickhouse.rollup.graves import Tombstone
from clickhouse.rollup.statements import single_row, statement

_HOUR_NS = 3_600_000_000_000
# A deletion is answered when it is visible on every replica.
DELETE_SETTINGS = {
    "lightweight_deletes_sync": 2,
    "mutations_sync": 2,
    # Replicated tables refuse a list or a clock in a mutation unless the first replica reads them for all.
    "allow_nondeterministic_mutations": 1,
    "mutations_execute_subqueries_on_initiator": 1,
    "mutations_execute_nondeterministic_on_initiator": 1,
}


class Dead(NamedTuple):
    """What there is of one trace that a tombstone forbids, and the tombstones that keep the rest of it away."""

    project_id: str
    facts: list[Fact]
    tombstones: list[Tombstone]

    @property
    def spans(self) -> int:
        """How many; log records are none."""
        return len({fact.span_id for fact in self.facts if fact.kind not in SAID})


class Removed(NamedTuple):
    spans: int
    traces: int


def remove_dead(client: Client, everywhere: str, pieces: Iterable[Sequence[Dead]]) -> Removed:
    """All of it at once; a piece that is listed is held no longer."""
    removal = uuid.uuid4()
    found = False
    for some in pieces:
        bury(client, everywhere, [tombstone for each in some for tombstone in each.tombstones])
        rows = [
            (removal, each.project_id, fact.trace_id, fact.span_id, fact.start_ns // _HOUR_NS * 3600)
            for each in some
            for fact in each.facts
        ]
        if rows:
            client.insert("dead_spans", rows, ["removal", "project_id", "trace_id", "span_id", "hour"])
            found = True
    return remove_listed(client, removal) if found else Removed(0, 0)


def remove_listed(client: Client, removal: uuid.UUID) -> Removed:
    """Everything that `dead_spans` lists under this removal; then its traces are recomputed."""
    parameters = {"removal": str(removal)}
    removed = Removed(*single_row(client, "count_dead", parameters))
    if removed.traces > 0:
        for name in ("remove_spans", "remove_span_facts", "remove_log_calls", "remove_scores"):
            client.command(statement(name), parameters=parameters, settings=DELETE_SETTINGS)
        # What was written again before its facts went has none, and nobody would find it any more.
        if single_row(client, "count_left", parameters)[0] > 0:
            client.command(statement("remove_spans"), parameters=parameters, settings=DELETE_SETTINGS)
        client.command(statement("queue_removed"), parameters=parameters)
    return removed


def bury(client: Client, everywhere: str, tombstones: Iterable[Tombstone]) -> None:
    """Tombstones go first: from here on nothing of it comes back, whoever recomputes."""
    rows = sorted(set(tombstones))
    if rows:
        client.insert("tombstones", rows, ["project_id", "kind", "subject", "deleted_at"], database=everywhere)


def remove_scores_of_deleted(client: Client, everywhere: str) -> None:
    """Those that lie here, of sessions and projects themselves: no trace takes them with it."""
    parameters = {"everywhere": everywhere}
    sessions = client.query(statement("sessions_of_dead_scores"), parameters=parameters).result_rows
    if sessions:
        client.command(statement("remove_scores_of_deleted"), parameters=parameters, settings=DELETE_SETTINGS)
        client.insert("session_changes", sessions, ["project_id", "session_id"], database=everywhere)
