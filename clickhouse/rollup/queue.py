"""The two queues: changes by id, done by the same id. No clock decides what is pending."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.external import ExternalData

from clickhouse.rollup.statements import external, statement

MOST_PENDING = 10_000
"""Read at once: a few seconds of work. What is over waits for the next reading, oldest first."""
MOST_OF_NEWEST = 2_000
"""Where more is pending than that, after a rebuild or an outage, who is talking now does not wait for all of it."""
MOST_OF_A_PROJECT = 2_500
"""Sessions of one project read at once: a trace may touch thousands, and other projects' come between."""


STAMP_STEP_US = 1_000
"""At least this far are stamps from those that were visible before (migration 0003)."""


class QueueNames(NamedTuple):
    table: str
    member: str  # the column that names what changed
    pending: str  # the statement that reads it
    stamps: str  # its name in queue_stamps


TRACES = QueueNames("trace_queue", "trace_id", "pending_traces", "trace")
SESSIONS = QueueNames("session_queue", "session_id", "pending_sessions", "session")


class Change(NamedTuple):
    """All that is queued of one trace or session."""

    project_id: str
    member: str
    stamps: Sequence[int]
    ids: Sequence[str]

    @property
    def key(self) -> tuple[str, str]:
        return (self.project_id, self.member)


class Pending(NamedTuple):
    changes: list[Change]
    version: int  # microseconds; the greatest stamp read, and less than a step


def read_pending(client: Client, names: QueueNames, most: int = MOST_PENDING, *, newest: bool = False) -> Pending:
    """Two that read the same stamps write at different versions, below every later stamp: else one could be taken for
    the other where the two write the same keys in turn."""
    parameters = {"most": most, "each": MOST_OF_A_PROJECT, "newest": newest}
    changes = [Change(*row) for row in client.query(statement(names.pending), parameters=parameters).result_rows]
    greatest = max((max(change.stamps) for change in changes), default=0)
    return Pending(changes, greatest + secrets.randbelow(STAMP_STEP_US))


def mark_done(client: Client, names: QueueNames, changes: Iterable[Change]) -> None:
    """Write each row again with the other sign. Before that keep the greatest stamp: merges may now take the rows."""
    rows = [
        (stamp, id_, change.project_id, change.member, -1)
        for change in changes
        for stamp, id_ in zip(change.stamps, change.ids, strict=True)
    ]
    if len(rows) == 0:
        return
    client.insert("queue_stamps", [[names.stamps, max(row[0] for row in rows)]], ["queue", "stamp"])
    client.insert(names.table, rows, ["stamp", "id", "project_id", names.member, "sign"])


def slices(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    """Neighbours together: they lie in the same granules, which are so read once, not by each slice again."""
    ordered = sorted(changes, key=lambda change: change.member)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def as_slice(changes: Iterable[Change], member: str) -> ExternalData:
    """The keys as a temporary table named `slice`, for the statements that read a slice."""
    return external("slice", ("project_id", member), (change.key for change in changes))
