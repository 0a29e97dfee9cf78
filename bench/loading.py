"""Spans for the measurements, as many as are wanted: loaded and rolled up by the database itself."""

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from clickhouse.rollup.statements import statement
from clickhouse.rollup.worker import Worker

SQL = Path(__file__).parent / "sql"
BLOCK = 500_000
VOCABULARY = 20_000
CORPUS_WORDS = 600_000
SLICES = 16
LOADING = {"max_threads": 2, "max_insert_threads": 1, "max_memory_usage": 6 << 30}


@contextlib.contextmanager
def engine_with_spans(data_dir: Path | None, spans: int, traces_per_session: int = 5) -> Iterator[Engine]:
    with folder_of(data_dir) as folder, Engine(EngineSettings(folder)) as engine:
        fill(engine.database(), spans, traces_per_session)
        yield engine


@contextlib.contextmanager
def folder_of(data_dir: Path | None) -> Iterator[Path]:
    """What was named is kept; else there is one for as long as it is needed."""
    if data_dir is not None:
        yield data_dir
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def fill(database: Database, spans: int, traces_per_session: int = 5) -> None:
    """Where there is nothing yet."""
    with connected(database.within("default")) as client:
        migrate(client, Topology(database.name))
    with connected(database) as client:
        if client.query("SELECT count() FROM spans").result_rows[0][0] == 0:
            load(client, spans, traces_per_session)


def load(client: Client, spans: int, traces_per_session: int) -> None:
    common = {"traces_per_session": traces_per_session, "users": max(1, spans // 100), "until_ns": time.time_ns()}
    statement = (SQL / "load_spans.sql").read_text()
    make_corpus(client)
    since = time.monotonic()
    for first in range(0, spans, BLOCK):
        count = min(BLOCK, spans - first)
        client.command(statement, parameters={**common, "first": first, "count": count}, settings=LOADING)
        print(f"\r{first + count:,} spans", end="", flush=True)
    long_session(client, common)
    took = time.monotonic() - since
    print(f"\rloaded {spans:,} spans in {took:.0f} s, {took / spans * 1e6:.1f} us each, their making included")
    index_words(client)
    fill_rollups(client)
    roll_up(client, min(20_000, spans // 8))


def make_corpus(client: Client) -> None:
    """A text as long as a library shelf: a few words often, most words rarely."""
    chance = random.Random(7)
    words = ["".join(chance.choices("aeioubcdfghlmnprst", k=chance.randint(3, 9))) for _ in range(VOCABULARY)]
    text = " ".join(chance.choices(words, weights=[1 / (rank + 1) for rank in range(VOCABULARY)], k=CORPUS_WORDS))
    client.command("CREATE TABLE IF NOT EXISTS corpus (text String) ENGINE = MergeTree ORDER BY tuple()")
    client.insert("corpus", [[text]], ["text"])


def index_words(client: Client) -> None:
    """What the worker does once spans are at rest."""
    client.command("ALTER TABLE spans MATERIALIZE INDEX by_words", settings={"mutations_sync": 1})


def fill_rollups(client: Client) -> None:
    """Hash slice by hash slice, as fast as the database can."""
    since = time.monotonic()
    version = time.time_ns() // 1000
    for part in range(SLICES):
        parameters = {"version": version, "slices": SLICES, "part": part}
        client.command((SQL / "fill_session_traces.sql").read_text(), parameters=parameters, settings=LOADING)
        print(f"\r{part + 1} of {SLICES} slices of rollups", end="", flush=True)
    for part in range(SLICES):
        parameters = {"version": version, "everywhere": client.database, "slices": SLICES, "part": part}
        client.command(_of_a_slice(statement("recompute_sessions")), parameters=parameters, settings=LOADING)
        print(f"\r{part + 1} of {SLICES} slices of sessions", end="", flush=True)
    print(f"\rrollups filled in {time.monotonic() - since:.0f} s                        ")


def _of_a_slice(recompute: str) -> str:
    """The worker's own statement; whose keys are not looked up, but all that a hash says."""
    asked = "(project_id, session_id) IN (SELECT project_id, session_id FROM slice)"
    mine = "session_id != '' AND cityHash64(session_id) % {slices:UInt32} = {part:UInt32}"
    return recompute.replace(asked, mine).replace("FROM slice)", "FROM sessions WHERE 0)")


def roll_up(client: Client, traces: int) -> None:
    """What one worker does, on traces at random."""
    rows = client.query((SQL / "some_traces.sql").read_text(), parameters={"most": traces}).result_rows
    client.insert("trace_changes", [["bench", row[0]] for row in rows], ["project_id", "trace_id"])
    since = time.monotonic()
    worker = Worker(client, client.database or "")
    done = 0
    while (last := worker.round()).anything:
        done += last.traces
    took = time.monotonic() - since
    print(f"one worker recomputed {done:,} traces at random and their sessions: {done / took:,.0f} traces a second")


def long_session(client: Client, common: dict[str, int]) -> None:
    """One session of 200 traces, somewhere after all others."""
    parameters = {**common, "traces_per_session": 200, "first": 200 * 4 * 10**9, "count": 800}
    client.command((SQL / "load_spans.sql").read_text(), parameters=parameters)
