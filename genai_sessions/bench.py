"""`genai-sessions bench`: what this machine takes in and how fast it answers, measured on a product of its own.

The demo's conversations are sent as fast as they are taken, load and all on one machine; then the API is asked.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from genai_sessions.arguments import installed_version
from genai_sessions.demo.command import SPANS_AT_ONCE, timed
from genai_sessions.demo.sending import Door
from genai_sessions.demo.spans import traced
from genai_sessions.demo.writing import conversations
from genai_sessions.settings import Settings, SettingsRefused
from query_api.client import Client

TIMES = 30
"""Each question is asked."""
SETTLED_SECONDS = 120


class Request(NamedTuple):
    traces: list[ResourceSpans]
    spans: int


class _Ports(NamedTuple):
    grpc: int
    http: int
    api: int


def bench(settings: Settings, flags: Namespace) -> int:
    if flags.conversations < 1 or flags.clients < 1:
        raise SettingsRefused("--conversations and --clients are numbers from 1.")
    requests = list(_requests(flags.conversations))
    spans, size = sum(each.spans for each in requests), sum(map(_size, requests))
    print(f"genai-sessions {installed_version()}, {os.cpu_count()} cores, {settings.workers} receiver processes")
    print(f"{flags.conversations:,} conversations, {spans:,} spans of {size // spans:,} bytes, {flags.clients} clients")
    with _product(settings) as ports, Client(f"http://127.0.0.1:{ports.api}") as client:
        taken_s, acks = _send(Door("127.0.0.1", ports.http, None), requests, flags.clients)
        print(f"taken in   {spans / taken_s:,.0f} spans/s; acknowledged after {_told(acks)}")
        print(f"rolled up  {_until_settled(client, spans):.1f} s after the last acknowledgement")
        for name, ask in _questions(client).items():
            print(f"{name:44} {_told([_timed(ask) for _ in range(TIMES)])}")
    return 0


def _requests(count: int) -> Iterator[Request]:
    now_ns = time.time_ns()
    traces: list[ResourceSpans] = []
    for each in conversations(seed=1, count=count, days=7.0):
        traces += [traced(each, exchange, start_ns) for exchange, start_ns in timed(each, now_ns)]
        spans = sum(len(trace.scope_spans[0].spans) for trace in traces)
        if spans >= SPANS_AT_ONCE:
            yield Request(traces, spans)
            traces = []
    if traces:
        yield Request(traces, sum(len(trace.scope_spans[0].spans) for trace in traces))


def _size(request: Request) -> int:
    return sum(trace.ByteSize() for trace in request.traces)


@contextlib.contextmanager
def _product(settings: Settings) -> Iterator[_Ports]:
    """Everything, in a folder that is gone afterwards; whatever runs here already is left alone."""
    ports = _Ports(*_free_ports(len(_Ports._fields)))
    names = ("--otlp-grpc-port", "--otlp-http-port", "--api-port")
    listening = [text for name, port in zip(names, ports, strict=True) for text in (name, str(port))]
    with tempfile.TemporaryDirectory(prefix="genai-sessions-bench-") as folder:
        command = [sys.executable, "-m", "genai_sessions", "up", "--data-dir", str(Path(folder) / "data"), *listening]
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("GENAI_", "CLICKHOUSE_"))}
        with subprocess.Popen(  # noqa: S603 - our own command, no shell
            [*command, "--workers", str(settings.workers)], stdout=subprocess.PIPE, text=True, env=ours
        ) as up:
            try:
                if up.stdout is None or up.stdout.readline() == "":
                    raise SettingsRefused("The product that was to be measured did not start; see above.")
                yield ports
            finally:
                up.terminate()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def _send(door: Door, requests: Sequence[Request], clients: int) -> tuple[float, list[float]]:
    since = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        acks = list(pool.map(lambda request: _timed(lambda: door.send(request.traces)), requests))
    return time.perf_counter() - since, acks


def _until_settled(client: Client, spans: int) -> float:
    """Until every span counts in its session; some may have been acknowledged from the spool."""
    since = time.perf_counter()
    while (seen := client.diagnostics()).queued_changes > 0 or seen.spans < spans:
        if time.perf_counter() - since > SETTLED_SECONDS:
            raise SettingsRefused(f"The rollup was not done within {SETTLED_SECONDS} s.")
        time.sleep(0.05)
    return time.perf_counter() - since


def _questions(client: Client) -> dict[str, Callable[[], object]]:
    session_id = next(iter(client.sessions(limit=1, sort="turns"))).session_id
    return {
        "50 sessions, the costliest first": lambda: next(client.sessions(sort="cost_usd").pages()),
        "50 sessions in which something was said": lambda: next(client.sessions(text="error").pages()),
        "the session with the most turns": lambda: client.session(session_id),
        "its conversation": lambda: next(client.messages(session_id).pages()),
        "everything by day and model": lambda: client.aggregates(["day", "model"]),
    }


def _timed(ask: Callable[[], object]) -> float:
    since = time.perf_counter()
    ask()
    return time.perf_counter() - since


def _told(seconds: list[float]) -> str:
    cuts = statistics.quantiles([*seconds, seconds[0]], n=100, method="inclusive")
    return f"p50 {cuts[49] * 1e3:,.0f} ms, p99 {cuts[98] * 1e3:,.0f} ms"
