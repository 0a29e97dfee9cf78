"""What the database costs at size: `python -m bench.database --spans 10000000`.

Loads GenAI spans into an embedded engine, rolls them up, and times what the product asks, every figure as minimum,
median and maximum of one run. On a shared machine compare figures of one run with each other.
"""

import argparse
import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backports import zstd
from clickhouse_connect.driver import Client

from clickhouse.connect import connect
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


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--spans", type=int, default=1_000_000)
    flags.add_argument("--traces-per-session", type=int, default=5)
    flags.add_argument("--data-dir", type=Path)
    flags.add_argument("--times", type=int, default=30)
    wanted = flags.parse_args()
    with contextlib.ExitStack() as stack:
        folder = wanted.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engine = stack.enter_context(Engine(EngineSettings(folder)))
        client = connect(engine.database())
        migrate(client, Topology(engine.database().name))
        if client.query("SELECT count() FROM spans").result_rows[0][0] == 0:
            load(client, wanted.spans, wanted.traces_per_session)
        measure(client, wanted.times)


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
    fill_rollups(client)
    roll_up(client, min(20_000, spans // 8))


def make_corpus(client: Client) -> None:
    """A text as long as a library shelf: a few words often, most words rarely."""
    chance = random.Random(7)
    words = ["".join(chance.choices("aeioubcdfghlmnprst", k=chance.randint(3, 9))) for _ in range(VOCABULARY)]
    text = " ".join(chance.choices(words, weights=[1 / (rank + 1) for rank in range(VOCABULARY)], k=CORPUS_WORDS))
    client.command("CREATE TABLE IF NOT EXISTS corpus (text String) ENGINE = MergeTree ORDER BY tuple()")
    client.insert("corpus", [[text]], ["text"])


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


def measure(client: Client, times: int) -> None:
    print(f"{'':44}{'min':>8}{'median':>8}{'max':>8}  ms")
    for name, ask in questions(client):
        took = [timed(ask) for _ in range(times)]
        print(f"{name:44}{min(took):8.1f}{statistics.median(took):8.1f}{max(took):8.1f}")
    client.command("OPTIMIZE TABLE spans FINAL", settings={"max_execution_time": 1200, "receive_timeout": 1200})
    print(f"the messages compress {payload_ratio(client):.2f}x with zstd 3")
    print("on disk, merged; the indexes of spans are nearly all the one over words:")
    for table, rows, data, indexes, raw in client.query((SQL / "disk.sql").read_text()).result_rows:
        print(
            f"{table:20}{rows:>12,} rows {data / rows:8.1f} B/row + {indexes / rows:6.1f} of indexes, "
            f"{raw / data:5.1f}x"
        )


def payload_ratio(client: Client) -> float:
    """How far zstd at level 3 brings the messages of calls down, 1 MB at a time: what their prose is worth."""
    rows = client.query("SELECT concat(input_messages, output_messages) FROM spans WHERE call_kind = 'llm' LIMIT 700")
    text = "\n".join(row[0] for row in rows.result_rows).encode()
    return len(text) / len(zstd.compress(text, level=3))


def timed(ask: Callable[[], object]) -> float:
    since = time.perf_counter()
    ask()
    return (time.perf_counter() - since) * 1e3


def questions(client: Client) -> Iterator[tuple[str, Callable[[], object]]]:
    def asking(name: str, **parameters: object) -> Callable[[], object]:
        text = (SQL / f"{name}.sql").read_text()
        return lambda: client.query(text, parameters=parameters).result_rows

    month, day = time.time_ns() - 40 * 86_400 * 10**9, time.time_ns() - 86_400 * 10**9
    every = {"model": "", "user": "", "failed": 0, "min_cost": 0, "from_ns": month, "sort": "last_active_at"}
    for sort in ("last_active_at", "cost", "tokens", "turns", "duration", "errors"):
        yield f"sessions by {sort}", asking("list_sessions", **{**every, "sort": sort})
    for name, chosen in {
        "of a model": {"model": "gpt-4o"},
        "of a user": {"user": "user-17"},
        "that failed": {"failed": 1},
        "that cost over 0.50": {"min_cost": "0.5"},
        "of the last day": {"from_ns": day},
    }.items():
        yield f"sessions {name}, by cost", asking("list_sessions", **{**every, "sort": "cost", **chosen})
    longest = client.query("SELECT session_id FROM sessions FINAL ORDER BY traces DESC LIMIT 1").result_rows[0][0]
    yield "a session of 200 traces", asking("session_detail", session=longest)
    some = client.query((SQL / "some_traces.sql").read_text(), parameters={"most": 5_000}).result_rows
    traces = [row[0] for row in some]

    def any_trace() -> None:
        asking("trace_by_id", trace=random.choice(traces))()

    yield "a trace by id", any_trace
    worker = Worker(client, client.database or "")

    def queue_and_recompute(number: int) -> Callable[[], object]:
        def ask() -> None:
            client.insert(
                "trace_changes", [["bench", t] for t in random.sample(traces, number)], ["project_id", "trace_id"]
            )
            worker.round()

        return ask

    yield "recompute of 1,000 traces and their sessions", queue_and_recompute(1_000)


if __name__ == "__main__":
    main()
