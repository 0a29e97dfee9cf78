"""The first stage: queued traces -> `session_traces`, and what that changes -> the session queue."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.facts import Fact, unpacked
from clickhouse.rollup.fold import Folded, Scored, fold, forbidden
from clickhouse.rollup.graves import NO_GRAVES, Graves
from clickhouse.rollup.part import packed, usd
from clickhouse.rollup.removal import Dead
from clickhouse.rollup.row import CallRow, SessionTrace
from clickhouse.rollup.statements import external, statement

Key = tuple[str, str]  # project id, trace id

_ALL_BITS = (1 << 64) - 1

LARGE_TRACE = 2_000
"""Spans and session ids of a trace that takes a slice of its own, so that others do not wait for it."""
MAX_ROWS_PER_SLICE = 200_000
"""Facts held at once: about 400 MB. A slice with more is halved; a single trace with more is quarantined."""
_LIMITS = {
    "max_result_rows": MAX_ROWS_PER_SLICE,
    "max_execution_time": 60,
    "max_threads": 2,  # a fifth less time than one, for a third more CPU; whoever sends comes first all the same
    "max_memory_usage": 4 << 30,
    "distributed_product_mode": "local",  # what is known of a trace lies on one shard
}


_UNLIMITED = {name: limit for name, limit in _LIMITS.items() if name != "max_result_rows"}
"""Of tombstones a project has as many as it has: none may be missed, and no slice is smaller without them."""


class Slice(NamedTuple):
    """All that is known of a slice of traces, read after their changes were."""

    facts: dict[Key, list[Fact]]
    records: dict[Key, list[Fact]]  # what logs say
    sessions: dict[Key, set[str]]
    scores: dict[Key, list[Scored]]
    graves: dict[str, Graves]

    def large(self, keys: Iterable[Key]) -> set[Key]:
        return {key for key in keys if len(self.facts.get(key, ())) + len(self.sessions.get(key, ())) > LARGE_TRACE}

    def dead(self) -> Iterator[Dead]:
        """Of all of them, what a deletion forbids."""
        for key in self.facts.keys() | self.records.keys():
            graves = self.graves.get(key[0], NO_GRAVES)
            facts, tombstones = forbidden(self.facts.get(key, []), graves, self.records.get(key, ()))
            if facts:
                yield Dead(key[0], facts, tombstones)

    def fold(self, key: Key) -> Folded:
        graves = self.graves.get(key[0], NO_GRAVES)
        facts, records = self.facts.get(key, []), self.records.get(key, ())
        return fold(facts, self.sessions.get(key, ()), self.scores.get(key, ()), graves, records)


class TooLate(Exception):
    """What was read is so old that it must not be written any more."""


class Recomputed(NamedTuple):
    dead: list[Dead]
    left: set[Key]  # too large to be done beside others; nothing of theirs was written


def recompute(
    client: Client, everywhere: str, keys: Sequence[Key], version: int, *, too_late: Callable[[], bool] = lambda: False
) -> Recomputed:
    """Write the rows of these traces at this version, then queue their sessions. Raises when any of them cannot be.

    Until its sessions are queued, a trace's own row bears a mark that is not that of its facts, and can be healed.
    """
    read = read_slice(client, everywhere, keys)
    left = read.large(keys) if len(keys) > 1 else set[Key]()
    folded = {key: read.fold(key) for key in keys if key not in left}
    if too_late():
        raise TooLate
    _note_sessions(client, read, folded)
    write(client, (Row(key, row) for key, result in folded.items() for row in _unfinished(result.rows)), version)
    changed = {(key[0], row.session_id) for key, result in folded.items() for row in result.rows if row.session_id}
    if changed:
        client.insert("session_changes", sorted(changed), ["project_id", "session_id"], database=everywhere)
        own = (Row(key, result.rows[0]) for key, result in folded.items() if len(result.rows) > 1)
        write(client, own, version)
    dead = [Dead(key[0], result.dead, result.tombstones) for key, result in folded.items() if result.dead]
    return Recomputed(dead, left)


def _unfinished(rows: list[SessionTrace]) -> list[SessionTrace]:
    own, *of_sessions = rows
    return [own._replace(fingerprint=own.fingerprint ^ _ALL_BITS), *of_sessions] if of_sessions else rows


def _note_sessions(client: Client, read: Slice, folded: Mapping[Key, Folded]) -> None:
    """An insert that died may have left facts without their session ids. No row is written for an id that is not kept,
    and who wrote for this trace without knowing of it is followed by one who does."""
    unknown = [
        (*key, row.session_id)
        for key, result in folded.items()
        for row in result.rows
        if row.session_id and row.session_id not in read.sessions.get(key, ())
    ]
    if unknown:
        client.insert("trace_sessions", unknown, ["project_id", "trace_id", "session_id"])
        traces = sorted({(project_id, trace_id) for project_id, trace_id, _ in unknown})
        client.insert("trace_changes", traces, ["project_id", "trace_id"])


def read_slice(client: Client, everywhere: str, keys: Iterable[Key], *, home: str | None = None) -> Slice:
    """From this shard, unless another home is named."""
    keys = list(keys)
    databases = {"everywhere": everywhere, "home": client.database if home is None else home}

    def rows(name: str, limits: Mapping[str, Any] = _LIMITS) -> Sequence[Sequence[Any]]:
        wanted = external("slice", ("project_id", "trace_id"), keys)
        return client.query(
            statement(name), parameters=databases, external_data=wanted, settings=dict(limits)
        ).result_rows

    scores: dict[Key, list[Scored]] = defaultdict(list)
    for project_id, trace_id, *score in rows("read_scores"):
        scores[project_id, trace_id].append(Scored(*score))
    deleted: dict[str, dict[tuple[str, bytes], int]] = defaultdict(dict)
    for project_id, kind, subject, deleted_ns in rows("read_tombstones", _UNLIMITED):
        deleted[project_id][kind, bytes(subject)] = deleted_ns
    return Slice(
        _by_trace(map(unpacked, rows("read_facts"))),
        _by_trace(map(Fact._make, rows("read_log_calls") if len(rows("tell_logs")) > 0 else ())),
        {(project_id, trace_id): set(ids) for project_id, trace_id, ids in rows("read_trace_sessions")},
        scores,
        {project_id: Graves(graves) for project_id, graves in deleted.items()},
    )


def _by_trace(facts: Iterable[Fact]) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.project_id, fact.trace_id].append(fact)
    return found


def reason_to_quarantine(error: Exception) -> str:
    return str(error) if isinstance(error, TooLarge) else str(error).splitlines()[0][:500]


class Row(NamedTuple):
    key: Key
    row: SessionTrace


def write(client: Client, rows: Iterable[Row], version: int) -> None:
    rows = list(rows)
    _write_whole(client, [row for row in rows if row.row.spans > 0 or row.row.session_id == ""], version)
    zeros = [(*key, row.session_id, version) for key, row in rows if row.spans == 0 and row.session_id]
    if zeros:  # may be thousands, and defaults are zero
        client.insert("session_traces", zeros, ["project_id", "trace_id", "session_id", "version"])


def _write_whole(client: Client, keyed: list[Row], version: int) -> None:
    folded = [row for _, row in keyed]
    by_field = dict(zip(SessionTrace._fields, zip(*folded, strict=True), strict=True))
    columns: dict[str, Sequence[Any]] = {
        "project_id": [key[0] for key, _ in keyed],
        "trace_id": [key[1] for key, _ in keyed],
        "version": [version] * len(keyed),
        **{_COLUMN.get(field, field): _values(field, values) for field, values in by_field.items() if field != "calls"},
    }
    calls_by_field = zip(*(_turned(row.calls) for row in folded), strict=True)
    for field, values in zip(CallRow._fields, calls_by_field, strict=True):
        columns[f"calls.{_COLUMN.get(field, field)}"] = [_values(field, of_row) for of_row in values]
    columns["part"] = list(map(packed, folded))
    client.insert("session_traces", list(columns.values()), list(columns), column_oriented=True)


_NO_CALLS: tuple[tuple[Any, ...], ...] = ((),) * len(CallRow._fields)


def _turned(calls: list[CallRow]) -> tuple[tuple[Any, ...], ...]:
    """From one tuple per call to one per field."""
    return tuple(zip(*calls, strict=True)) if calls else _NO_CALLS


_COLUMN = {"start_ns": "started_at", "end_ns": "ended_at", "user_since_ns": "user_since", "cost_pico": "cost_usd"}


def _values(field: str, values: Sequence[Any]) -> Sequence[Any]:
    return [None if value is None else usd(value) for value in values] if field == "cost_pico" else values
