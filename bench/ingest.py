"""What the whole receiver takes in: `python -m bench.ingest`, everything on this machine, load included.

Starts `genai-sessions up`, sends distinct GenAI spans of 1.5 kB over gRPC and counts until all of them can be queried.
With `--peer PATH` (the `rotel-agent` of the package `rotel`) the same requests go through that collector into its own
`otel_traces` table on the same engine, in turn with ours; its figure is until all rows are there, too.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import grpc
import psutil
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from clickhouse.connect import Database, connect
from clickhouse.embedded import running_engine

SQL = Path(__file__).parent / "sql"
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
GRPC, HTTP, API, PEER = 34317, 34318, 38080, 35317
WORDS = ["".join(random.Random(n).choices("aeioubcdfghlmnprst", k=3 + n % 7)) for n in range(5_000)]


class Load(NamedTuple):
    requests: int
    spans: int  # of a request
    clients: int


PEAK = Load(200, 500, 16)
SMALL = Load(4_000, 10, 64)


class Answer(NamedTuple):
    seconds: float
    acks: list[float]  # seconds, each


def bodies(load: Load, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    return [_request(chance, load.spans) for _ in range(load.requests)]


def _request(chance: random.Random, spans: int) -> bytes:
    """Traces of five spans: a request and four calls, all of one session."""
    data, now = TracesData(), time.time_ns()
    resource = data.resource_spans.add()
    resource.resource.attributes.append(_attribute("service.name", "chatbot"))
    scoped = resource.scope_spans.add()
    for number in range(spans):
        if number % 5 == 0:
            trace, session, root = chance.randbytes(16), f"conv-{chance.randrange(10**9)}", chance.randbytes(8)
        span = Span(
            trace_id=trace, span_id=root if number % 5 == 0 else chance.randbytes(8), kind=Span.SPAN_KIND_CLIENT
        )
        span.parent_span_id = b"" if number % 5 == 0 else root
        span.name = "handle_message" if number % 5 == 0 else "chat gpt-4o"
        span.start_time_unix_nano, span.end_time_unix_nano = now - 2 * 10**9 + number, now
        span.attributes.extend(_attribute(key, value) for key, value in _attributes(chance, session).items())
        scoped.spans.append(span)
    return data.SerializeToString()


def _attributes(chance: random.Random, session: str) -> dict[str, str | int]:
    said = [
        f'[{{"role":"{role}","parts":[{{"type":"text","content":"{_prose(chance, words)}"}}]}}]'
        for role, words in (("user", 75), ("assistant", 55))
    ]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "session.id": session,
        "user.id": f"user-{chance.randrange(1000)}",
        "gen_ai.response.id": f"chatcmpl-{chance.randrange(10**15)}",
        "gen_ai.input.messages": said[0],
        "gen_ai.output.messages": said[1],
        "gen_ai.usage.input_tokens": chance.randrange(5_000),
        "gen_ai.usage.output_tokens": chance.randrange(500),
        "gen_ai.request.max_tokens": 1_024,
        "server.address": "api.openai.com",
        "server.port": 443,
    }


def _prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words))


def _attribute(key: str, value: str | int) -> KeyValue:
    held = AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value)
    return KeyValue(key=key, value=held)


async def send(
    port: int, requests: Sequence[bytes], clients: int, per_second: float = 0.0, acks: list[float] | None = None
) -> Answer:
    """As fast as they are answered; or, with a rate, each at its time, whatever became of the ones before. Who is not
    going to wait for the end may give a list for the answers."""
    acks = [] if acks is None else acks
    waiting = iter(enumerate(requests))
    since = time.perf_counter()

    async def client() -> None:
        async with grpc.aio.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            export = channel.unary_unary(METHOD)
            for number, request in waiting:
                if per_second > 0:
                    await asyncio.sleep(max(0.0, since + number / per_second - time.perf_counter()))
                started = time.perf_counter()
                await export(request)
                acks.append(time.perf_counter() - started)

    await asyncio.gather(*(client() for _ in range(clients)))
    return Answer(time.perf_counter() - since, acks)


def count(database: Database, table: str) -> int:
    with contextlib.closing(connect(database, connections=1)) as client:
        rows: int = client.query(f"SELECT count() FROM {table}").result_rows[0][0]
    return rows


def until_there(database: Database, table: str, rows: int, since: float) -> float:
    while count(database, table) < rows:
        if time.perf_counter() - since > 120:
            raise TimeoutError(f"{table} never had {rows} rows")
        time.sleep(0.02)
    return time.perf_counter() - since


def round_trip(port: int, database: Database, table: str, load: Load, seed: int) -> tuple[float, Answer]:
    """Spans per second until all can be queried, and what the clients saw."""
    requests = bodies(load, seed)
    expected = count(database, table) + load.requests * load.spans
    since = time.perf_counter()
    answer = asyncio.run(send(port, requests, load.clients))
    return load.requests * load.spans / until_there(database, table, expected, since), answer


@contextlib.contextmanager
def service(folder: Path, workers: int) -> Iterator[tuple[Database, psutil.Process]]:
    ports = [
        "--otlp-grpc-port",
        str(GRPC),
        "--otlp-http-port",
        str(HTTP),
        "--api-port",
        str(API),
        "--workers",
        str(workers),
    ]
    command = [sys.executable, "-m", "genai_sessions", "up", "--data-dir", str(folder), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        try:
            print((up.stdout.readline() if up.stdout else "").strip())
            database = running_engine(folder)
            if database is None:
                raise SystemExit("the engine did not start")
            yield database, psutil.Process(up.pid)
        finally:
            up.terminate()


@contextlib.contextmanager
def peer(path: str, database: Database) -> Iterator[Database]:
    own = database.within("peer")
    with contextlib.closing(connect(database.within("default"))) as client:
        client.command("CREATE DATABASE peer")
        client.command((SQL / "peer_traces.sql").read_text())
    flags = {
        "otlp-grpc-endpoint": f"127.0.0.1:{PEER}",
        "otlp-http-endpoint": f"127.0.0.1:{PEER + 1}",
        "exporter": "clickhouse",
        "clickhouse-exporter-endpoint": f"http://127.0.0.1:{database.port}",
        "clickhouse-exporter-database": "peer",
        "clickhouse-exporter-user": database.user,
        "clickhouse-exporter-password": database.password,
        "clickhouse-exporter-async-insert": "false",
    }
    command = [path, "start", *(word for flag, value in flags.items() for word in (f"--{flag}", value))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        try:
            time.sleep(2)
            yield own
        finally:
            started.terminate()


def receivers(up: psutil.Process) -> list[psutil.Process]:
    return [child for child in up.children(recursive=True) if "receiver" in child.cmdline()]


def spent(up: psutil.Process) -> dict[str, float]:
    """CPU seconds so far, by what runs."""
    parts = {"receiver": "receiver", "rollup": "rollup", "engine": "clickhouse.engine"}
    found = dict.fromkeys(parts, 0.0)
    for child in up.children(recursive=True):
        for part, word in parts.items():
            if word in child.cmdline():
                found[part] += sum(child.cpu_times()[:2])
    return found


def milliseconds(acks: list[float]) -> str:
    cuts = statistics.quantiles(acks, n=100)
    return f"ack p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms"


def until_rolled_up(database: Database) -> float:
    from clickhouse.rollup.maintenance import lag  # noqa: PLC0415

    since = time.perf_counter()
    with contextlib.closing(connect(database, connections=1)) as client:
        while (behind := lag(client)).queued_trace_changes + behind.queued_session_changes > 0:
            time.sleep(0.5)  # asking costs the engine some milliseconds of CPU that is measured here, too
    return time.perf_counter() - since


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--peer", metavar="PATH")
    flags.add_argument("--workers", type=int, default=1)
    flags.add_argument("--times", type=int, default=3)
    wanted = flags.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database, up = stack.enter_context(service(folder, wanted.workers))
        other = stack.enter_context(peer(wanted.peer, database)) if wanted.peer else None
        print(
            f"{len(bodies(Load(1, 500, 1), 0)[0]) // 500} bytes a span, {PEAK.spans} a request, {PEAK.clients} clients"
        )
        round_trip(GRPC, database, "spans", Load(20, 500, 16), 1)  # warm
        ours, theirs = [], []
        for turn in range(wanted.times):
            before = spent(up)
            rate, answer = round_trip(GRPC, database, "spans", PEAK, 10 + turn)
            ours.append(rate)
            later = until_rolled_up(database)
            each = {part: (now - before[part]) / (PEAK.requests * PEAK.spans) * 1e6 for part, now in spent(up).items()}
            print(f"ours  {rate:9,.0f} spans/s queryable, {milliseconds(answer.acks)}, rolled up {later:.1f} s later")
            print("      CPU per span: " + ", ".join(f"{part} {us:.0f} us" for part, us in each.items()))
            if other is not None:
                rate, answer = round_trip(PEER, other, "otel_traces", PEAK, 10 + turn)
                theirs.append(rate)
                print(f"peer  {rate:9,.0f} spans/s queryable, {milliseconds(answer.acks)}")
        peak = statistics.median(ours)
        print(
            f"ours, median {peak:,.0f} spans/s"
            + (
                f"; peer {statistics.median(theirs):,.0f}; ratio {peak / statistics.median(theirs):.2f}"
                if theirs
                else ""
            )
        )
        memory = max(child.memory_info().rss for child in receivers(up)) >> 20
        half = asyncio.run(send(GRPC, bodies(PEAK, 50), PEAK.clients, peak / 2 / PEAK.spans))
        print(f"at half of the peak: {milliseconds(half.acks)}; receiver {memory} MB resident at peak")
        until_rolled_up(database)
        small = asyncio.run(send(GRPC, bodies(SMALL, 60), SMALL.clients))
        print(
            f"{SMALL.spans} spans a request, {SMALL.clients} clients: "
            f"{SMALL.requests / small.seconds:,.0f} requests/s, {milliseconds(small.acks)}"
        )


if __name__ == "__main__":
    main()
