"""What goes wrong in production: kills, clocks, giants. Afterwards everything equals a clean recompute."""

import contextlib
import itertools
import os
import platform
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.deletion import delete_session
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from clickhouse.rollup import calls, traces, worker
from clickhouse.rollup.maintenance import _make_anew, heal, lag
from clickhouse.rollup.worker import Worker
from tests.clickhouse.engines import SOURCE, UNAVAILABLE, answers, within
from tests.clickhouse.stored import settle, store, stored_sessions, stored_traces
from tests.clickhouse.test_rollup_oracle import check
from tests.histories import History

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
NOW_NS = time.time_ns()
Row = dict[str, Any]


def trace_of(number: int, project: str = "p", size: int = 12) -> list[Row]:
    """A root that names the session and comes last, calls under it, spread over two days' partitions."""
    start = NOW_NS - (number % 2) * DAY_NS - 60 * SECOND_NS
    rows: list[Row] = [
        {
            "project_id": project,
            "trace_id": f"{number:032x}",
            "span_id": f"{span:016x}",
            "parent_span_id": "" if span == 0 else f"{0:016x}",
            "started_at": start + span * 1000,
            "ended_at": start + span * 1000 + SECOND_NS,
            "received_at": NOW_NS // 1000,
            "call_kind": "tool" if span % 3 else "llm",
            "tool_name": f"tool {span % 5}",
            "input_tokens": span,
            "session_id": f"s{number % 7}" if span == 0 else "",
        }
        for span in range(size)
    ]
    return rows[::-1]


def history(rows: list[Row]) -> History:
    return History(rows=rows, tombstones=[], scores=[])


def recomputed_cleanly(client: Client, database: Database) -> tuple[Any, Any]:
    """What a database says that got these spans at once and was never disturbed."""
    clean = database.within(f"{database.name}_clean")
    with connected(database.within("default")) as other:
        migrate(other, Topology(clean.name))
        other.command(f"INSERT INTO {clean.name}.spans SELECT * FROM {database.name}.spans")
        other.command(
            f"INSERT INTO {clean.name}.trace_changes SELECT DISTINCT project_id, trace_id FROM {clean.name}.spans"
        )
    with connected(clean) as other:
        settle(other)
        projects = [row[0] for row in other.query("SELECT DISTINCT project_id FROM spans").result_rows]
        told = stored_traces(other, projects), stored_sessions(other, projects)
        other.command(f"DROP DATABASE {clean.name} SYNC")
    return told


def assert_equals_clean_recompute(database: Database) -> None:
    with connected(database) as client:
        heal(client, everything=True, grace_seconds=0)
        settle(client)
        projects = [row[0] for row in client.query("SELECT DISTINCT project_id FROM spans").result_rows]
        assert recomputed_cleanly(client, database) == (
            stored_traces(client, projects),
            stored_sessions(client, projects),
        )
        assert lag(client)[:2] == (0, 0)


@pytest.fixture
def own_engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that a test may kill, with the schema."""
    with Engine(EngineSettings(tmp_path / "own", memory_bytes=2 << 30)) as engine:
        with connected(engine.database()) as client:
            migrate(client, Topology(engine.database().name))
        yield engine


class Rollup:
    """`genai-sessions rollup` as a process of its own."""

    def __init__(self, database: Database, data_dir: Path) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self._environment = {**os.environ, "CLICKHOUSE_URL": database.url, "PYTHONPATH": path}
        self._command = [sys.executable, "-m", "genai_sessions", "rollup", "--data-dir", str(data_dir)]
        self.start()

    def start(self) -> None:
        self.child = subprocess.Popen(self._command, cwd=SOURCE, env=self._environment, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()


def sent(database: Database, batches: list[list[Row]], *, retried: bool) -> int:
    """By a receiver that keeps what was not answered and sends it again, or by one that dies of it."""
    lost = 0
    for batch in batches:
        while True:
            try:
                with connected(database) as client:
                    store(client, batch)
                break
            except UNAVAILABLE:
                time.sleep(0.05 if retried else 0.5)
                if not retried:
                    lost += 1
                    break
    return lost


def disturbed(engine: Engine, rollup: Rollup, rows: list[Row], *, retried: bool, kills: int, seed: int) -> int:
    """Four writers, and at random moments kill -9 of the engine and of the rollup; how many batches were given up."""
    rng = random.Random(seed)
    batches = [rows[start : start + 240] for start in range(0, len(rows), 240)]
    with ThreadPoolExecutor(4) as pool:
        parts = [batches[number::4] for number in range(4)]
        writing = [pool.submit(sent, engine.database(), part, retried=retried) for part in parts]
        for _ in range(kills):
            time.sleep(rng.uniform(0.1, 0.7))
            restarts = engine.restarts
            os.kill(engine.pid, signal.SIGKILL)
            time.sleep(rng.uniform(0.0, 0.4))
            rollup.kill()
            rollup.start()
            assert within(30, lambda: engine.restarts > restarts and answers(engine.database()))  # noqa: B023 - at once
        return sum(future.result() for future in writing)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kill_9_of_engine_and_rollup_loses_and_doubles_nothing(own_engine: Engine, tmp_path: Path, seed: int) -> None:
    """In the middle of inserts and recomputes, again and again: what was sent until answered is there once."""
    rows = [row for number in range(600) for row in trace_of(number)]
    random.Random(seed).shuffle(rows)
    with rolled_up(own_engine.database(), tmp_path) as rollup:
        assert disturbed(own_engine, rollup, rows, retried=True, kills=4, seed=seed) == 0
    assert_equals_clean_recompute(own_engine.database())
    with connected(own_engine.database()) as client:
        check(client, history(rows))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_nobody_sends_again_counts_wholly_or_not_at_all(own_engine: Engine, tmp_path: Path, seed: int) -> None:
    """Receivers that die with the engine: rows may have been stored, or not; what they add up to agrees with them."""
    rows = [row for number in range(600) for row in trace_of(number)]
    random.Random(seed).shuffle(rows)
    with rolled_up(own_engine.database(), tmp_path) as rollup:
        lost = disturbed(own_engine, rollup, rows, retried=False, kills=3, seed=seed)
    assert lost > 0
    assert_equals_clean_recompute(own_engine.database())


def test_one_kill_9_of_both_loses_and_doubles_nothing(own_engine: Engine, tmp_path: Path) -> None:
    """The same once, for every day."""
    rows = [row for number in range(200) for row in trace_of(number)]
    with rolled_up(own_engine.database(), tmp_path) as rollup:
        assert disturbed(own_engine, rollup, rows, retried=True, kills=1, seed=0) == 0
    with connected(own_engine.database()) as client:
        heal(client, everything=True, grace_seconds=0)
        settle(client)
        check(client, history(rows))


# An insert is one part per table, one after the other: these are the states that a kill between two of them leaves.
HALF_DONE = {
    "spans alone": ("span_facts", "trace_index", "trace_sessions"),
    "no index": ("trace_index",),
    "no session ids": ("trace_sessions",),
    "no facts": ("span_facts",),
    "only not queued": (),
}


@pytest.mark.parametrize("missing", HALF_DONE.values(), ids=HALF_DONE)
def test_an_insert_that_died_half_way_is_finished(client: Client, database: Database, missing: tuple[str, ...]) -> None:
    """By whoever starts next."""
    store(client, trace_of(1))
    settle(client)
    late = trace_of(2)
    for table in missing:
        client.command(f"DETACH TABLE {table}_mv")
    client.insert("spans", [list(row.values()) for row in late], list(late[0]))
    for table in missing:
        client.command(f"ATTACH TABLE {table}_mv")
    heal(client, everything=True, grace_seconds=0)
    settle(client)
    check(client, history(trace_of(1) + late))
    assert_equals_clean_recompute(database)


def test_who_finishes_an_insert_may_die_between_two_days(client: Client, database: Database) -> None:
    """Of one week, which the insert wrote at once: the next start finds the day that is left."""
    today = NOW_NS // DAY_NS
    monday = today - (today + 3) % 7 - 7
    rows = [row for number in (1, 2) for row in moved(trace_of(number), monday + number)]
    client.command("DETACH TABLE span_facts_mv")
    client.insert("spans", [list(row.values()) for row in rows], list(rows[0]))
    client.command("ATTACH TABLE span_facts_mv")
    _make_anew(client, date.fromordinal(date(1970, 1, 1).toordinal() + monday + 1), since_us=0)
    heal(client, everything=True, grace_seconds=0)
    settle(client)
    check(client, history(rows))


def moved(rows: list[Row], day: int) -> list[Row]:
    """To noon of it."""
    by = day * DAY_NS + DAY_NS // 2 - rows[0]["started_at"]
    return [row | {"started_at": row["started_at"] + by, "ended_at": row["ended_at"] + by} for row in rows]


def test_a_removal_that_died_half_way_is_finished(client: Client, database: Database) -> None:
    """Its rows were deleted, but nobody was told."""
    store(client, trace_of(1) + trace_of(2))
    settle(client)
    listed = "INSERT INTO dead_spans (removal, project_id, trace_id, span_id, hour) "
    trace = f"trace_id = '{1:032x}'"
    client.command(
        f"{listed} SELECT generateUUIDv4(), project_id, trace_id, span_id, toStartOfHour(started_at) "
        f"FROM spans WHERE {trace}"
    )
    for table in ("spans", "span_facts"):
        client.command(f"DELETE FROM {table} WHERE {trace}", settings={"lightweight_deletes_sync": 2})
    heal(client, everything=True, grace_seconds=0)
    settle(client)
    check(client, history(trace_of(2)))
    assert_equals_clean_recompute(database)


SHIFTED_CLOCK = Path(__file__).parent / "shifted_clock"


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="the clock is shifted by machine code for x86-64"
)
def test_a_clock_that_jumps_an_hour_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward and back under two writers and two rollups, and healing in between."""
    clock = tmp_path / "clock"
    clock.write_bytes(bytes(8))
    monkeypatch.setenv("SHIFTED_CLOCK_FILE", str(clock))
    monkeypatch.setattr(sys, "path", [str(SHIFTED_CLOCK), *sys.path])
    with Engine(EngineSettings(tmp_path / "own")) as engine, connected(engine.database()) as client:
        monkeypatch.delenv("SHIFTED_CLOCK_FILE")
        migrate(client, Topology(engine.database().name))
        rows: list[Row] = []
        for number, hours in enumerate((0, 1, -1, 2, -2, 0)):
            with clock.open("r+b") as seconds:  # never shorter: the engine has it mapped
                seconds.write(struct.pack("<q", hours * 3_600))
            [(shift,)] = client.query("SELECT toUnixTimestamp(now())").result_rows
            assert shift - time.time() == pytest.approx(hours * 3_600, abs=5)
            rows += delivered(engine.database(), client, number)
        heal(client)
        settle(client)
        check(client, history(rows))
        assert lag(client)[:2] == (0, 0)


def delivered(database: Database, client: Client, number: int) -> list[Row]:
    """Children of new traces and roots of earlier ones, by two writers beside two workers."""
    new = [trace_of(number * 10 + one) for one in range(10)]
    earlier = [trace_of((number - 1) * 10 + one)[-1] for one in range(10)] if number else []
    batches = [[row for trace in new[:5] for row in trace[:-1]], [row for trace in new[5:] for row in trace]]
    batches += [earlier] if earlier else []
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(sent, database, batches[part : part + 2], retried=True) for part in (0, 2)]
        working = [pool.submit(settled, database) for _ in range(2)]
        assert [future.result() for future in writing] == [0, 0]
        for future in working:
            future.result()
    heal(client)
    return [row for batch in batches for row in batch]


def settled(database: Database) -> None:
    with connected(database) as client:
        settle(client)


class Probe:
    """How long a small trace of somebody else takes from its insert to its session."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._number = itertools.count(1)

    def seconds(self) -> float:
        project = f"other-{next(self._number)}"
        sessions = f"SELECT spans FROM sessions FINAL WHERE project_id = '{project}'"
        before = time.monotonic()
        with connected(self._database) as client:
            store(client, trace_of(1, project, size=5))
            assert within(30, lambda: client.query(sessions).result_rows == [(5,)])
        return time.monotonic() - before


def giant_with_many_spans(part: int) -> list[Row]:
    """A twentieth of 20,000 spans of one trace."""
    rows = trace_of(0, "giant", 20_000)
    return rows[part::20]


def giant_with_many_sessions(part: int) -> list[Row]:
    """Likewise, each with a session id of its own."""
    return [{**row, "session_id": f"s{row['span_id']}"} for row in giant_with_many_spans(part)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("giant", "added_up"), [(giant_with_many_spans, (1, 20_000)), (giant_with_many_sessions, (1_000, 1_000))]
)
def test_a_giant_trace_delays_nobody_else(
    own_engine: Engine, tmp_path: Path, giant: Callable[[int], list[Row]], added_up: tuple[int, int]
) -> None:
    """While it grows, other projects' sessions are right less than 2 s later than without it; then it is right, too."""
    database = own_engine.database()
    with rolled_up(database, tmp_path):
        probe = Probe(database)
        undisturbed = sorted(probe.seconds() for _ in range(5))[2]
        delays = []
        for part in range(20):
            with connected(database) as client:
                store(client, giant(part))
            delays.append(probe.seconds() - undisturbed)
    assert max(delays) < 2.0 * busyness()
    with connected(database) as client:
        settle(client)
        sums = "SELECT count(), sum(spans) FROM sessions FINAL WHERE project_id = 'giant' AND sessions.spans > 0"
        assert client.query(sums).result_rows == [added_up]
        assert lag(client).quarantined_traces == 0


def busyness() -> float:
    """How many share a core: 1 where this test is alone."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


QUARANTINE = "SELECT trace_id, reason FROM quarantined_traces FINAL WHERE reason != ''"


def test_a_trace_over_its_limits_is_set_aside_and_comes_back(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named with the reason; all others go on; it is right as soon as it can be recomputed."""
    rows = [row for number in range(1, 41) for row in trace_of(number)]
    large = trace_of(99, size=200)
    with monkeypatch.context() as small:
        small.setitem(traces._LIMITS, "max_result_rows", 100)
        store(client, [*rows[:240], *large, *rows[240:]])
        settle(client)
        [(trace, reason)] = client.query(QUARANTINE).result_rows
        assert trace == f"{99:032x}"
        assert "Limit for result exceeded" in reason
        assert lag(client) == (0, 0, 0.0, 1)
        check(client, history(rows))
        heal(client, everything=True, grace_seconds=0)
        assert lag(client).queued_trace_changes == 0
    store(client, large[:1])
    settle(client)
    assert client.query(QUARANTINE).result_rows == []
    check(client, history(rows + large))


def test_a_trace_that_would_take_too_long_is_set_aside(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of calls under one parent that may each be the other. It can still be deleted."""
    monkeypatch.setattr(calls, "MAX_PAIRS", 1_000)
    large = trace_of(9, size=100)
    siblings = [
        {**row, "call_kind": "llm" if row["parent_span_id"] else "agent", "scope_name": f"scope {number % 2}"}
        for number, row in enumerate(large)
    ]
    store(client, [*siblings, *trace_of(1)])
    settle(client)
    [(trace, reason)] = client.query(QUARANTINE).result_rows
    assert trace == f"{9:032x}"
    assert "more than 1000 overlapping calls" in reason
    check(client, history(trace_of(1)))
    assert delete_session(client, client.database or "", "p", "s2") == (100, 1)
    settle(client)
    assert client.query("SELECT uniqExact(trace_id) FROM spans").result_rows == [(1,)]
    assert client.query(QUARANTINE).result_rows == []
    check(client, history(trace_of(1)))


def test_a_session_over_its_limits_stops_no_other(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays queued, and is right as soon as it can be recomputed."""
    rows = [row for number in range(1, 8) for row in trace_of(number)]
    wide = [{**row, "session_id": "wide"} for number in range(50, 53) for row in trace_of(number, size=400)]
    store(client, rows + wide)
    with monkeypatch.context() as small:
        small.setitem(worker._SESSION_LIMITS, "max_rows_to_read", 9)
        small.setattr(traces, "_OF_THE_SLICE", (*traces._OF_THE_SLICE, 158))
        impatient = Worker(client, client.database or "")
        for _ in range(3):
            impatient.round()
    held = {session for _, session in stored_sessions(client, ["p"])}
    assert "wide" not in held
    settle(client)
    check(client, history(rows + wide))


def test_a_slice_that_grew_old_is_not_written(client: Client) -> None:
    """What was read long ago could bring back what has been forgotten since; it stays queued."""
    store(client, trace_of(1))
    ticks = iter(range(0, 10**6, 1_000))
    late = Worker(client, client.database or "", clock=lambda: next(ticks))
    assert not late.round().anything
    assert stored_sessions(client, ["p"]) == {}
    settle(client)
    check(client, history(trace_of(1)))


@contextlib.contextmanager
def rolled_up(database: Database, data_dir: Path) -> Iterator[Rollup]:
    rollup = Rollup(database, data_dir)
    try:
        yield rollup
    finally:
        rollup.kill()
