"""What taking over a history of the Collector's exporter costs: `python -m bench.history --spans 300000 --hours 720`.

Fills an `otel_traces` on an engine of its own and runs `genai-sessions import` into another. CPU is in microseconds per
span: of the source, of the engine that is filled, and of the command.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from bench.loading import SQL, make_corpus
from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings
from tests.end_to_end.exporter import export

POLL_SECONDS = 0.05


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--spans", type=int, default=300_000)
    flags.add_argument("--hours", type=int, default=720, help="that they lie in")
    wanted = flags.parse_args()
    with contextlib.ExitStack() as stack:
        there, here = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        source, target = (stack.enter_context(Engine(EngineSettings(folder))) for folder in (there, here))
        old = make_history(source.database(), wanted.spans, wanted.hours)
        engines = {"source": psutil.Process(source.pid), "engine": psutil.Process(target.pid)}
        before = {name: cpu(each) for name, each in engines.items()}
        since = time.monotonic()
        spent, memory = import_it(old, here)
        took = time.monotonic() - since
        costs = {name: cpu(each) - before[name] for name, each in engines.items()} | {"import": spent}
        print(f"{wanted.spans:,} spans of {wanted.hours:,} hours in {took:.0f} s: {wanted.spans / took:,.0f} a second")
        each = ", ".join(f"{name} {seconds / wanted.spans * 1e6:.0f} us" for name, seconds in costs.items())
        print(f"CPU per span: {each}")
        print(f"the command took at most {memory >> 20} MB")


def make_history(server: Database, spans: int, hours: int) -> Database:
    database = replace(server, name="otel")
    export(database, [])
    with connected(database) as client:
        make_corpus(client)
        parameters = {"spans": spans, "hours": hours, "until_ns": time.time_ns()}
        client.command((SQL / "export_history.sql").read_text(), parameters=parameters)
    return database


def import_it(source: Database, data_dir: Path) -> tuple[float, int]:
    """CPU seconds of the command, and its greatest size."""
    command = [sys.executable, "-m", "genai_sessions", "import", "--from", source.url, "--data-dir", str(data_dir)]
    seconds, memory = 0.0, 0
    with subprocess.Popen(command) as started:
        process = psutil.Process(started.pid)
        while started.poll() is None:
            with contextlib.suppress(psutil.Error):
                seconds, memory = cpu(process), max(memory, process.memory_info().rss)
            time.sleep(POLL_SECONDS)
    if started.returncode != 0:
        raise SystemExit(started.returncode)
    return seconds, memory


def cpu(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


if __name__ == "__main__":
    main()
