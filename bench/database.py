"""What the database costs at size: `python -m bench.database --spans 10000000`.

Loads GenAI spans into an embedded engine, rolls them up, and times what the product asks, every figure as minimum,
median and maximum of one run. On a shared machine compare figures of one run with each other.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from backports import zstd
from clickhouse_connect.driver import Client

from bench.loading import SQL, engine_with_spans, index_words
from clickhouse.connect import connected
from clickhouse.rollup.worker import Worker


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--spans", type=int, default=1_000_000)
    flags.add_argument("--traces-per-session", type=int, default=5)
    flags.add_argument("--data-dir", type=Path)
    flags.add_argument("--times", type=int, default=30)
    wanted = flags.parse_args()
    with (
        engine_with_spans(wanted.data_dir, wanted.spans, wanted.traces_per_session) as engine,
        connected(engine.database()) as client,
    ):
        measure(client, wanted.times)


def measure(client: Client, times: int) -> None:
    print(f"{'':44}{'min':>8}{'median':>8}{'max':>8}  ms")
    for name, ask in questions(client):
        took = [timed(ask) for _ in range(times)]
        print(f"{name:44}{min(took):8.1f}{statistics.median(took):8.1f}{max(took):8.1f}")
    client.command("OPTIMIZE TABLE spans FINAL", settings={"max_execution_time": 1200, "receive_timeout": 1200})
    index_words(client)
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
