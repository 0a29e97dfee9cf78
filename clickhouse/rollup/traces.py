"""The first stage: queued traces -> `session_traces`, and what that changes -> the session queue."""

import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
from urllib3.exceptions import HTTPError

from clickhouse.connect import error_code
from clickhouse.errors import DatabaseAway
from clickhouse.rollup.belonging import binding_spans
from clickhouse.rollup.calls import TooLarge
from clickhouse.rollup.facts import Fact, distinct, unpacked
from clickhouse.rollup.fold import Folded, Scored, fold, forbidden, forbidden_in_part
from clickhouse.rollup.graves import NO_GRAVES, Graves
from clickhouse.rollup.part import packed, usd
from clickhouse.rollup.removal import Dead
from clickhouse.rollup.row import CallRow, SessionTrace
from clickhouse.rollup.statements import KEYS_FIRST, external, statement
from clickhouse.rollup.sums import half_hours

log = logging.getLogger(__name__)

Key = tuple[str, str]  # project id, trace id
V = TypeVar("V")

LARGE_TRACE = 2_000
"""Spans and session ids of a trace that takes a slice of its own, so that others do not wait for it."""
MAX_ROWS_PER_SLICE = 200_000
"""Facts held at once: about 400 MB. A slice with more is halved; a single trace with more is quarantined."""
MAX_BYTES_PER_SLICE = 512 << 20
"""Likewise: a fact may carry a hundred kilobytes of metadata, and they are three times as much in Python."""
_LIMITS = {
    "max_result_rows": MAX_ROWS_PER_SLICE,
    "max_result_bytes": MAX_BYTES_PER_SLICE,
    "max_execution_time": 60,
    "max_threads": 2,  # a fifth less time than one, for a third more CPU; whoever sends comes first all the same
    "max_memory_usage": 4 << 30,
    "distributed_product_mode": "local",  # what is known of a trace lies on one shard
    **KEYS_FIRST,
}


_UNLIMITED = {name: limit for name, limit in _LIMITS.items() if not name.startswith("max_result")}
"""Of tombstones a project has as many as it has: none may be missed, and no slice is smaller without them."""
SPANS_PER_PART = 100_000
_WHOLE = {**_LIMITS, "max_result_rows": 500_000, "max_result_bytes": 1 << 30, "max_execution_time": 600}
"""Of a trace that is to be deleted, though it is too large to be added up: about 1 GB."""
_TOO_MANY_ROWS = 396  # TOO_MANY_ROWS_OR_BYTES
_PASSING = (241, 159)  # MEMORY_LIMIT_EXCEEDED, TIMEOUT_EXCEEDED
_OF_THE_SLICE = (_TOO_MANY_ROWS, *_PASSING)
"""Not of the database: it is too large for its limits."""


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

    A trace of which this is not noted as finished, as its sessions may not be queued, can be healed.
    """
    read = read_slice(client, everywhere, keys)
    left = read.large(keys) if len(keys) > 1 else set[Key]()
    with _blaming_a_trace():
        folded = {key: read.fold(key) for key in keys if key not in left}
        rows = written([Row(key, row) for key, result in folded.items() for row in result.rows], version)
    if too_late():
        raise TooLate
    _note_sessions(client, read, folded)
    _note_half_hours(client, everywhere, folded)
    with _blaming_a_trace():
        write(client, rows)
    changed = {(key[0], row.session_id) for key, result in folded.items() for row in result.rows if row.session_id}
    if changed:
        client.insert("session_changes", sorted(changed), ["project_id", "session_id"], database=everywhere)
    if folded:
        client.insert("finished_traces", [(*key, version) for key in folded], ["project_id", "trace_id", "version"])
    dead = [Dead(key[0], result.dead, result.tombstones) for key, result in folded.items() if result.dead]
    return Recomputed(dead, left)


@contextlib.contextmanager
def _blaming_a_trace() -> Iterator[None]:
    """Whatever somebody's trace does to us, all others are recomputed: what is not the database's fault is its own."""
    try:
        yield
    except (TooLarge, ClickHouseError, DatabaseAway, HTTPError, OSError):
        raise
    except Exception as error:
        log.exception("A trace cannot be recomputed.")
        raise TooLarge(f"it cannot be recomputed: {type(error).__name__}: {error}") from error


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


def _note_half_hours(client: Client, everywhere: str, folded: Mapping[Key, Folded]) -> None:
    """Before anybody can read of them what is added up by half hours: who leaves one finds it noted."""
    noted = {
        (key[0], row.session_id, since)
        for key, result in folded.items()
        for row in result.rows
        if row.session_id and row.spans > 0
        for since in half_hours(row)
    }
    if noted:
        columns = ["project_id", "session_id", "since"]
        client.insert("session_half_hours", sorted(noted), columns, database=everywhere)


def read_slice(client: Client, everywhere: str, keys: Iterable[Key], *, home: str | None = None) -> Slice:
    """From this shard, unless another home is named."""
    asked = _Asked(client, everywhere, list(keys), home)
    scores: dict[Key, list[Scored]] = defaultdict(list)
    for project_id, trace_id, *score in asked.rows("read_scores"):
        scores[project_id, trace_id].append(Scored(*score))
    graves = asked.graves()
    return Slice(
        _by_trace(map(unpacked, asked.rows("read_facts"))),
        _by_trace(asked.records()),
        {(project_id, trace_id): set(ids) for project_id, trace_id, ids in asked.rows("read_trace_sessions")},
        scores,
        graves,
    )


def dead_of_large(client: Client, everywhere: str, key: Key, *, home: str | None = None) -> Iterator[Dead]:
    """What a deletion forbids of one trace, however many spans it has: part by part. Of what is left when these are
    gone, spans without an id may be bound anew; that is found when it is asked again.

    A trace is held whole where log records tell of it: whose they are shows only beside all of its spans.
    """
    asked = _Asked(client, everywhere, [key], home)
    graves = asked.graves().get(key[0])
    if graves is None:
        return
    records = asked.records(_WHOLE)
    parts = 1 if records else 1 + asked.rows("count_facts", _WHOLE)[0][0] // SPANS_PER_PART
    binding: dict[str, Fact] = {}
    for part in range(parts if parts > 1 else 0):
        binding = binding_spans({**binding, **distinct(asked.facts_in(part, parts))[0]})
    for part in range(parts):
        facts = asked.facts_in(part, parts)
        found = forbidden(facts, graves, records) if parts == 1 else forbidden_in_part(facts, graves, binding)
        dead = Dead(key[0], *found)
        if dead.facts:
            yield dead


class _Asked(NamedTuple):
    """The statements about a slice of traces, where it lies."""

    client: Client
    everywhere: str
    keys: list[Key]
    home: str | None

    def rows(self, name: str, limits: Mapping[str, Any] = _LIMITS, **parameters: int) -> Sequence[Sequence[Any]]:
        home = self.client.database if self.home is None else self.home
        return self.client.query(
            statement(name),
            parameters={"everywhere": self.everywhere, "home": home, **parameters},
            external_data=external("slice", ("project_id", "trace_id"), self.keys),
            settings=dict(limits),
        ).result_rows

    def records(self, limits: Mapping[str, Any] = _LIMITS) -> list[Fact]:
        """Most projects have none, and pay for one look at an empty table."""
        return list(map(Fact._make, self.rows("read_log_calls", limits) if len(self.rows("tell_logs")) > 0 else ()))

    def facts_in(self, part: int, parts: int) -> list[Fact]:
        rows = self.rows("read_facts_in_part", _WHOLE, part=part, parts=parts)
        return list(map(unpacked, rows))

    def graves(self) -> dict[str, Graves]:
        deleted: dict[str, dict[tuple[str, bytes], int]] = defaultdict(dict)
        for project_id, kind, subject, deleted_ns in self.rows("read_tombstones", _UNLIMITED):
            deleted[project_id][kind, bytes(subject)] = deleted_ns
        return {project_id: Graves(graves) for project_id, graves in deleted.items()}


def _by_trace(facts: Iterable[Fact]) -> dict[Key, list[Fact]]:
    found: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.project_id, fact.trace_id].append(fact)
    return found


def halves(slice_: Sequence[V]) -> tuple[Sequence[V], Sequence[V]]:
    half = len(slice_) // 2
    return slice_[:half], slice_[half:]


def is_of_the_slice(error: Exception) -> bool:
    """Whether less of it at once may go well."""
    return isinstance(error, TooLarge | DataError) or error_code(error) in _OF_THE_SLICE


def is_of_the_trace(error: Exception) -> bool:
    """Of a slice that is one trace: whether it is too large for good, whatever else is going on."""
    return is_of_the_slice(error) and error_code(error) not in _PASSING


def reason_to_quarantine(error: Exception) -> str:
    return str(error) if isinstance(error, TooLarge) else str(error).splitlines()[0][:500]


class Row(NamedTuple):
    key: Key
    row: SessionTrace


class Rows(NamedTuple):
    """Of `session_traces`, column by column. Defaults are zero."""

    names: list[str]
    columns: list[Sequence[Any]]


def written(rows: Sequence[Row], version: int) -> list[Rows]:
    """Most rows are zero: each trace has its own, which says nothing else where it has a session."""
    whole, zeros = [row for row in rows if row.row.spans > 0], [row for row in rows if row.row.spans == 0]
    return [make(some, version) for make, some in ((_whole, whole), (_zero, zeros)) if some]


def write(client: Client, rows: Iterable[Rows]) -> None:
    for each in rows:
        client.insert("session_traces", each.columns, each.names, column_oriented=True)


def _zero(keyed: Sequence[Row], version: int) -> Rows:
    columns = zip(*((*key, row.session_id, row.fingerprint, version) for key, row in keyed), strict=True)
    return Rows(["project_id", "trace_id", "session_id", "fingerprint", "version"], list(columns))


def _whole(keyed: Sequence[Row], version: int) -> Rows:
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
    sessions = Counter(key for key, row in keyed if row.session_id != "")
    columns["part"] = [packed(row, key[1], alone=sessions[key] == 1) if row.session_id else "" for key, row in keyed]
    return Rows(list(columns), list(columns.values()))


_NO_CALLS: tuple[tuple[Any, ...], ...] = ((),) * len(CallRow._fields)


def _turned(calls: list[CallRow]) -> tuple[tuple[Any, ...], ...]:
    """From one tuple per call to one per field."""
    return tuple(zip(*calls, strict=True)) if calls else _NO_CALLS


_COLUMN = {"start_ns": "started_at", "end_ns": "ended_at", "user_since_ns": "user_since", "cost_pico": "cost_usd"}


def _values(field: str, values: Sequence[Any]) -> Sequence[Any]:
    return [None if value is None else usd(value) for value in values] if field == "cost_pico" else values
