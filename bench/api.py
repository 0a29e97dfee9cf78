"""What the query service answers at size: `python -m bench.api --data-dir DIR`, on this machine, questions included.

DIR is a folder that `python -m bench.database --data-dir DIR --spans 10000000` has filled; without one a small one is
made. Starts the engine and `genai-sessions api`, and asks over HTTP as a page or a script would. With `--ingest` the
whole product runs beside it and takes in that many spans a second. `--only WORD` asks only what has it in its name.
Times are of the clock, and mean little beside other work; what a question costs the processors does not depend on that.
"""

import argparse
import asyncio
import contextlib
import hashlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, get_args

import aiohttp
import psutil

from bench.ingest import GRPC, Load, bodies, send, service
from bench.loading import SQL, fill, folder_of
from clickhouse.connect import Database, connect
from clickhouse.embedded import Engine, EngineSettings, running_engine
from query_api.queries import SessionSort

KEY = "bench"
PROJECTS = f"""
[[projects]]
id = "bench"
[[keys]]
name = "bench"
sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}"
projects = ["bench"]
scopes = ["content"]
"""
READERS, READ_SECONDS = 50, 20
SPANS_PER_REQUEST, MADE_REQUESTS = 500, 300
Ask = Callable[[str], Awaitable[int]]


class Question(NamedTuple):
    group: str
    name: str
    paths: Sequence[str]  # one request, or several at once


class Processes(NamedTuple):
    """Those that answer."""

    api: psutil.Process
    engine: psutil.Process

    def spent_ms(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self) * 1e3

    def resident_mb(self) -> int:
        size: int = self.api.memory_info().rss >> 20
        return size


class Known(NamedTuple):
    """What of the data questions name."""

    sessions: list[str]
    traces: list[str]
    words: list[str]
    longest: str


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--data-dir", type=Path)
    flags.add_argument("--spans", type=int, default=400_000, help="of a folder that is made")
    flags.add_argument("--times", type=int, default=20)
    flags.add_argument("--only", default="")
    flags.add_argument("--ingest", type=int, default=0, metavar="SPANS_PER_SECOND")
    wanted = flags.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(folder_of(wanted.data_dir))
        database = stack.enter_context(engine_on(folder, ingesting=wanted.ingest > 0))
        fill(database, wanted.spans)
        known = know(database)
        api, url = stack.enter_context(api_on(folder))
        asyncio.run(measure(url, Processes(api, engine_of(database)), known, wanted))


@contextlib.contextmanager
def engine_on(folder: Path, *, ingesting: bool) -> Iterator[Database]:
    if ingesting:
        with service(folder, 1) as (database, _):
            yield database
        return
    running = running_engine(folder)
    if running is not None:
        yield running
        return
    with Engine(EngineSettings(folder)) as engine:
        yield engine.database()


@contextlib.contextmanager
def api_on(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    with tempfile.TemporaryDirectory() as own, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        projects = Path(own) / "projects.toml"
        projects.write_text(PROJECTS)
        flags = ["--data-dir", str(folder), "--projects", str(projects), "--api-port", str(port)]
        with subprocess.Popen([sys.executable, "-m", "genai_sessions", "api", *flags]) as started:
            try:
                yield psutil.Process(started.pid), f"http://127.0.0.1:{port}"
            finally:
                started.terminate()


def engine_of(database: Database) -> psutil.Process:
    [listening] = [
        each.pid
        for each in psutil.net_connections("tcp")
        if each.status == "LISTEN" and each.laddr.port == database.port
    ]
    return psutil.Process(listening)


def know(database: Database) -> Known:
    with contextlib.closing(connect(database)) as client:

        def column(name: str) -> list[str]:
            return [row[0] for row in client.query((SQL / f"{name}.sql").read_text()).result_rows]

        [longest] = column("session_of_most_traces")
        return Known(column("some_sessions"), column("traces_of_some_sessions"), column("some_words"), longest)


def questions(known: Known) -> Iterator[Question]:
    """Of each kind as many as there are ways to ask; ids are others each time."""
    for sort in get_args(SessionSort):
        yield Question("list", f"by {sort}", [f"/api/sessions?sort={sort}"])
    for name in FILTERS:
        yield Question("list", name, [f"/api/sessions?sort=cost_usd&{name}"])
    yield Question("detail", "session", ["/api/sessions/{session}"])
    yield Question("detail", "session of 200 traces", [f"/api/sessions/{known.longest}"])
    yield Question("detail", "calls", ["/api/sessions/{session}/calls"])
    yield Question("detail", "messages", ["/api/sessions/{session}/messages"])
    yield Question("detail", "trace", ["/api/traces/{trace}"])
    for group in ("", "hour", "model", "model,status", "user", "service,environment", "tag", "metadata.plan"):
        yield Question("one day", f"by {group or 'nothing'}", [f"/api/aggregates?from=24h&group_by={group}"])
    for group in ("", "day", "day,model", "user", "metadata.plan"):
        yield Question("everything", f"by {group or 'nothing'}", [f"/api/aggregates?group_by={group}"])
    for name, filtered in {"of a day": "from=24h", "that failed, of a day": "from=24h&status=error"}.items():
        at_once = [f"/api/sessions?{filtered}", f"/api/aggregates?group_by=hour&{filtered}"]
        yield Question("first page", f"list, totals and series {name}", at_once)
    yield Question("other", "word", ["/api/sessions?text={word}"])
    yield Question("other", "two words", ["/api/sessions?q={word}+{word}"])
    yield Question("other", "users by cost", ["/api/users?sort=cost_usd"])
    yield Question("other", "traces by cost", ["/api/traces?sort=cost_usd"])
    yield Question("other", "outliers", ["/api/outliers?measure=cost"])
    yield Question("other", "facets", ["/api/facets"])


FILTERS = (
    "from=24h", "status=error", "model=gpt-4o", "user_id=user-17", "service=chatbot-1", "environment=prod", "tag=vip",
    "metadata.plan=pro", "tool=get_weather", "release=1.4.2", "min_cost=0.5", "min_tokens=20000", "min_turns=5",
    "max_duration=5m", "session_id_prefix=conv-12", "q=cost:>0.5+-tag:vip+model:gpt-4o", "q=status:error+since:7d",
)  # fmt: skip


def filled(path: str, known: Known) -> str:
    for name, values in {"{session}": known.sessions, "{trace}": known.traces, "{word}": known.words}.items():
        while name in path:
            path = path.replace(name, random.choice(values), 1)
    return path


async def measure(url: str, processes: Processes, known: Known, wanted: argparse.Namespace) -> None:
    async with asking(url) as ask, beside(wanted.ingest):
        print(f"{'':12}{'':44}{'p50':>8}{'p99':>8}{'max':>8}{'CPU':>8}  ms")
        groups: dict[str, list[float]] = {}
        for question in questions(known):
            if wanted.only in f"{question.group} {question.name}":
                await timed(ask, question, known)
                before = processes.spent_ms()
                took = [await timed(ask, question, known) for _ in range(wanted.times)]
                groups.setdefault(question.group, []).extend(took)
                cpu = (processes.spent_ms() - before) / wanted.times
                print(f"{line(question.group, question.name, took)}{cpu:8.1f}", flush=True)
        for group, took in groups.items():
            print(line(group, "all of it", took))
        if wanted.only in "50 readers":
            print(await readers(ask, known))
        if wanted.only in "export":
            print(await export(url, processes))
        print(f"the service: {processes.resident_mb()} MB resident")


def line(group: str, name: str, took: list[float]) -> str:
    ordered = sorted(took)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{group:12}{name:44}{statistics.median(took):8.1f}{p99:8.1f}{ordered[-1]:8.1f}"


async def timed(ask: Ask, question: Question, known: Known) -> float:
    paths = [filled(path, known) for path in question.paths]
    since = time.perf_counter()
    answers = await asyncio.gather(*map(ask, paths))
    if any(status != 200 for status in answers):
        raise SystemExit(f"{paths} were answered with {answers}")
    return (time.perf_counter() - since) * 1e3


@contextlib.asynccontextmanager
async def asking(url: str) -> AsyncIterator[Ask]:
    headers = {"authorization": f"Bearer {KEY}", "accept-encoding": "gzip"}
    limits = aiohttp.TCPConnector(limit=READERS)
    async with aiohttp.ClientSession(url, headers=headers, connector=limits, auto_decompress=False) as session:

        async def ask(path: str) -> int:
            async with session.get(path) as response:
                await response.read()
                return response.status

        await ready(ask)
        yield ask


async def ready(ask: Ask) -> None:
    for _ in range(300):
        with contextlib.suppress(aiohttp.ClientError):
            if await ask("/readyz") == 200:
                return
        await asyncio.sleep(0.1)
    raise SystemExit("the service never got ready")


async def readers(ask: Ask, known: Known) -> str:
    """Each with a page of its own: the list by anything, then a session of it."""
    some = [question for question in questions(known) if question.group in ("list", "detail", "one day")]
    took: list[float] = []
    until = time.perf_counter() + READ_SECONDS

    async def reader() -> None:
        while time.perf_counter() < until:
            took.append(await timed(ask, random.choice(some), known))

    await asyncio.gather(*(reader() for _ in range(READERS)))
    rate = len(took) / READ_SECONDS
    return f"{READERS} readers, {rate:.0f} answers/s, no error\n" + line("readers", "all of it", took)


async def export(url: str, processes: Processes) -> str:
    """All sessions as Parquet, and the memory that it takes the service."""
    peak, size = processes.resident_mb(), 0
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        async with session.get("/api/sessions?limit=1") as response:
            rows = (await response.json())["total"]
        since = time.perf_counter()
        async with session.get("/api/export/sessions?format=parquet") as response:
            async for chunk in response.content.iter_chunked(1 << 20):
                size += len(chunk)
                peak = max(peak, processes.resident_mb())
    took = time.perf_counter() - since
    return (
        f"export of {rows:,} sessions to Parquet: {rows / took:,.0f} rows/s, {size >> 20} MB; "
        f"the service at most {peak} MB resident"
    )


@contextlib.asynccontextmanager
async def beside(spans_per_second: int) -> AsyncIterator[None]:
    """While spans come in, each request at its time."""
    if spans_per_second == 0:
        yield
        return
    requests = bodies(Load(MADE_REQUESTS, SPANS_PER_REQUEST, 8), 1)
    acks: list[float] = []
    since = time.perf_counter()
    sending = asyncio.create_task(keep_sending(requests, spans_per_second / SPANS_PER_REQUEST, acks))
    try:
        await asyncio.sleep(5)
        yield
    finally:
        sending.cancel()
        came = len(acks) * SPANS_PER_REQUEST / (time.perf_counter() - since)
        print(f"{came:,.0f} spans/s came in meanwhile; {spans_per_second:,} were sent if that was possible")


async def keep_sending(requests: Sequence[bytes], per_second: float, acks: list[float]) -> None:
    """Round by round the same: what a span costs does not depend on whether it was there before."""
    while True:
        await send(GRPC, requests, 8, per_second, acks)


if __name__ == "__main__":
    main()
