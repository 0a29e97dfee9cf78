"""Who keeps `session_traces` and `sessions` right: reads what is queued, recomputes it, marks it done.

Any number of workers may do so at once, be slow, die or be repeated at any point. Each writes whole rows at the version
of what it had read before, so an older state never replaces a newer one; and marks done only what it has written.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.queue import (
    MOST_OF_A_PROJECT,
    MOST_OF_NEWEST,
    MOST_PENDING,
    SESSIONS,
    TRACES,
    Change,
    QueueNames,
    as_slice,
    mark_done,
    read_pending,
    slices,
)
from clickhouse.rollup.removal import Dead, Removed, remove_dead
from clickhouse.rollup.statements import KEYS_FIRST, external, statement
from clickhouse.rollup.traces import (
    Key,
    TooLate,
    dead_of_large,
    halves,
    is_of_the_slice,
    is_of_the_trace,
    reason_to_quarantine,
    recompute,
)

log = logging.getLogger(__name__)

TRACES_PER_SLICE = 2_500
"""Measured at the peak of ingest: a trace costs the engine 96 us to read in slices of 1,000, 62 in slices of 4,000."""
SESSIONS_PER_SLICE = 2_500
"""As many as traces: where each has one of its own, 500 more than a slice are a statement more, which costs 35 ms."""
SESSIONS_SECONDS = 1.0
LARGE_SESSION_TRACES = 1_000
REST_SECONDS = 2.0
"""What costs much is recomputed at most this often, however often it changes; the rest does not wait for it."""
COSTLY_SECONDS = 0.1
MAX_RESTING = 100_000
MAX_SLICE_SECONDS = 300.0
"""What was read longer ago is not written: zero rows are kept for much longer than that, and then forgotten."""
FAILED_REST_SECONDS = 60.0
_SESSION_LIMITS = {"max_execution_time": 60, "max_memory_usage": 4 << 30, "max_threads": 2, **KEYS_FIRST}


class Reading(NamedTuple):
    """What was pending, to be written at this version, until it is too late."""

    changes: list[Change]
    version: int
    too_late: Callable[[], bool]


@dataclass
class Done:
    """What one round did."""

    traces: int = 0
    sessions: int = 0
    quarantined: int = 0
    more: bool = False  # is pending beyond what one reading takes

    @property
    def anything(self) -> bool:
        return self.traces + self.sessions + self.quarantined > 0


def _elapsed() -> float:
    """Seconds that also pass while the machine is suspended, where it can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Worker:
    def __init__(self, client: Client, everywhere: str, clock: Callable[[], float] = _elapsed) -> None:
        self._client = client
        self._everywhere = everywhere
        self._clock = clock
        self._resting: dict[Key, float] = {}
        self._large: set[Key] = set()

    def round(self) -> Done:
        """What is pending now, traces first: their sessions are queued by then. Of the large traces one, at the end."""
        done = Done()
        reading = self._reading(TRACES, MOST_PENDING)
        done.more = len(reading.changes) >= MOST_PENDING
        if done.more:
            self._small_traces(self._reading(TRACES, MOST_OF_NEWEST, newest=True), done)
            self._sessions(done)
        self._small_traces(reading, done)
        self._sessions(done)
        for change in [change for change in reading.changes if change.key in self._large][:1]:
            self._trace_slice([change], reading, done)
        return done

    def _small_traces(self, reading: Reading, done: Done) -> None:
        small = [change for change in reading.changes if change.key not in self._large]
        for part in slices(small, TRACES_PER_SLICE):
            self._trace_slice(part, reading, done)

    def _reading(self, names: QueueNames, most: int, *, newest: bool = False) -> Reading:
        since = self._clock()
        pending = read_pending(self._client, names, most, newest=newest)
        return Reading(
            self._rested(pending.changes), pending.version, lambda: self._clock() - since > MAX_SLICE_SECONDS
        )

    def _trace_slice(self, changes: Sequence[Change], reading: Reading, done: Done) -> None:
        """A slice that fails is halved until the trace is found that makes it fail; that one is named and left."""
        since, version, keys = self._clock(), reading.version, [change.key for change in changes]
        try:
            dead, left = recompute(self._client, self._everywhere, keys, version, too_late=reading.too_late)
        except TooLate:
            return  # it is still queued
        except (TooLarge, ClickHouseError) as error:
            if not is_of_the_slice(error):
                raise
            if len(changes) > 1:
                for half in halves(changes):
                    self._trace_slice(half, reading, done)
                return
            if not self._set_aside(changes[0], version, error):
                return
            done.quarantined += 1
        else:
            self._large |= left
            changes = [change for change in changes if change.key not in left]
            if len(changes) == 0:
                return
            done.traces += len(changes)
            self._release(changes, version)
            self._suppress(dead)
        if len(keys) == 1:
            self._rest(keys[0], self._clock() - since)
        mark_done(self._client, TRACES, changes)

    def _sessions(self, done: Done) -> None:
        """Reading by reading, so that projects take turns, until none is left or traces have waited long enough."""
        until = self._clock() + SESSIONS_SECONDS
        while True:
            reading = self._reading(SESSIONS, MOST_PENDING)
            for part in slices(reading.changes, SESSIONS_PER_SLICE):
                self._session_slice(part, reading, done)
            more = len(reading.changes) >= MOST_OF_A_PROJECT
            if not more or self._clock() >= until:
                done.more = done.more or more
                return

    def _session_slice(self, changes: Sequence[Change], reading: Reading, done: Done) -> None:
        """Likewise; a session that fails stays queued, and is tried again after a while."""
        if reading.too_late():
            return
        try:
            for name in ("recompute_sessions", "leave_half_hours"):
                self._client.command(
                    statement(name),
                    parameters={"version": reading.version, "everywhere": self._everywhere},
                    external_data=as_slice(changes, "session_id"),
                    settings=_SESSION_LIMITS,
                )
        except ClickHouseError as error:
            if not is_of_the_slice(error):
                raise
            if len(changes) > 1:
                for half in halves(changes):
                    self._session_slice(half, reading, done)
                return
            self._leave("Session", changes[0], error)
            return
        self._rest_large(changes)
        mark_done(self._client, SESSIONS, changes)
        done.sessions += len(changes)

    def _leave(self, what: str, change: Change, error: Exception) -> None:
        """Memory and time may be short for everybody, and pass: it stays queued, and is tried again after a while."""
        reason = reason_to_quarantine(error)
        log.warning("%s %s of project %s waits to be recomputed: %s", what, change.member, change.project_id, reason)
        self._resting[change.key] = self._clock() + FAILED_REST_SECONDS

    def _rest_large(self, changes: Sequence[Change]) -> None:
        large = self._client.query(
            statement("large_sessions"),
            parameters={"traces": LARGE_SESSION_TRACES},
            external_data=as_slice(changes, "session_id"),
        ).result_rows
        for project_id, session_id in large:
            self._resting[project_id, session_id] = self._clock() + REST_SECONDS

    def _rested(self, changes: list[Change]) -> list[Change]:
        now = self._clock()
        if len(self._resting) + len(self._large) > MAX_RESTING:
            self._resting.clear()
            self._large.clear()
        return [change for change in changes if self._resting.get(change.key, now) <= now]

    def _rest(self, key: Key, seconds: float) -> None:
        """A trace that took a slice of time of its own waits before it may take another."""
        if seconds > COSTLY_SECONDS:
            self._resting[key] = max(self._resting.get(key, 0.0), self._clock() + REST_SECONDS)

    def _set_aside(self, change: Change, version: int, error: Exception) -> bool:
        """Whether nothing is left to do until it changes."""
        if not is_of_the_trace(error):
            self._leave("Trace", change, error)
            return False
        self._quarantine(change, version, error)
        return self._suppress_large(change)

    def _suppress_large(self, change: Change) -> bool:
        """Also from what cannot be added up. In vain it is read whole once in a while only, however often it grows."""
        try:
            dead = dead_of_large(self._client, self._everywhere, change.key)
            removed = remove_dead(self._client, self._everywhere, ([each] for each in dead))
        except (TooLarge, ClickHouseError) as error:
            if not is_of_the_slice(error):
                raise
            if not is_of_the_trace(error):
                self._leave("Trace", change, error)
                return False
            log.warning("Whether any of trace %s is deleted cannot be told: %s", change.member, error)
            removed = Removed(0, 0)
        self._count_suppressed({change.project_id: removed.spans})
        if removed.traces == 0:
            self._resting[change.key] = self._clock() + FAILED_REST_SECONDS
        return True

    def _suppress(self, dead: list[Dead]) -> None:
        """What came after it was deleted goes again, and is counted."""
        removed = remove_dead(self._client, self._everywhere, [dead])
        counts = Counter[str]()
        for each in dead:
            counts[each.project_id] += each.spans
        if removed.spans > 0:
            self._count_suppressed(counts)

    def _count_suppressed(self, counts: Mapping[str, int]) -> None:
        rows = [(project_id, self._today(), spans) for project_id, spans in counts.items() if spans > 0]
        if rows:
            self._client.insert("suppressed_spans", rows, ["project_id", "day", "spans"])

    def _today(self) -> date:
        return datetime.now(UTC).date()

    def _quarantine(self, change: Change, version: int, error: Exception) -> None:
        reason = reason_to_quarantine(error)
        log.warning("Trace %s of project %s cannot be recomputed: %s", change.member, change.project_id, reason)
        self._insert_quarantine([(change.project_id, change.member, version, reason)])

    def _release(self, changes: Sequence[Change], version: int) -> None:
        """What was quarantined and has been recomputed is so no longer."""
        known = self._client.query(
            statement("quarantined"),
            external_data=external("slice", ("project_id", "trace_id"), (c.key for c in changes)),
        ).result_rows
        self._insert_quarantine([(project_id, trace_id, version, "") for project_id, trace_id in known])

    def _insert_quarantine(self, rows: list[tuple[str, str, int, str]]) -> None:
        if rows:
            self._client.insert("quarantined_traces", rows, ["project_id", "trace_id", "version", "reason"])
