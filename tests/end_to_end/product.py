"""The product as its users have it: the command, as a process of its own, on ports and in a folder of its own."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from query_api.client import Client

SOURCE = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "genai_sessions"]
_OURS = ("GENAI_SESSIONS_", "CLICKHOUSE_", "OTEL_")
_READY_SECONDS = 60


class Ports(NamedTuple):
    grpc: int
    http: int
    api: int

    @property
    def flags(self) -> list[str]:
        names = ("--otlp-grpc-port", "--otlp-http-port", "--api-port")
        return [text for name, port in zip(names, self, strict=True) for text in (name, str(port))]


def free_ports() -> Ports:
    """Below those that the kernel gives to outgoing connections: they stay free until we come."""
    found: list[int] = []
    while len(found) < len(Ports._fields):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return Ports(*found)


def environment(**more: str) -> dict[str, str]:
    """What a shell of somebody who has set nothing of ours would pass on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    ours = os.pathsep.join((str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH", "")])))
    return {**kept, "PYTHONPATH": ours, "NO_PROXY": "127.0.0.1,localhost", **more}


def call(*arguments: object, timeout: float = 90, **more: str) -> "subprocess.CompletedProcess[str]":
    """One command, to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, env=environment(**more), capture_output=True, text=True, timeout=timeout, check=False
    )


@dataclass
class Product:
    child: "subprocess.Popen[str]"
    ports: Ports
    api: httpx.Client
    log: Path

    def stop(self, number: int = signal.SIGTERM, within_s: float = 30) -> int:
        """The exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(number)
        return self.child.wait(within_s)

    def ready_line(self) -> str:
        assert self.child.stdout is not None
        line: str = self.child.stdout.readline()
        assert line, f"it ended: {self.log.read_text()}"
        return line

    def sessions(self) -> dict[str, dict[str, Any]]:
        with Client(str(self.api.base_url), attempts=1) as client:
            return {session.session_id: session.model_dump() for session in client.sessions(limit=200)}

    def metric(self, name: str) -> float:
        """Of the receiver, summed over its labels."""
        answer = httpx.get(
            f"http://127.0.0.1:{self.ports.http}/metrics", timeout=30, trust_env=False
        ).raise_for_status()
        lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
        return sum(
            float(value) for key, _, value in lines if key.partition("{")[0] == f"genai_sessions_receiver_{name}"
        )


@contextlib.contextmanager
def started(
    name: str,
    log: Path,
    *flags: object,
    ports: Ports | None = None,
    **more: str,
) -> Iterator[Product]:
    """`genai-sessions NAME` in the background, until nobody needs it any more. Its complaints go to `log`."""
    chosen = free_ports() if ports is None else ports
    listening = [] if name == "rollup" else chosen.flags
    command = [*COMMAND, name, *listening, *map(str, flags)]
    with log.open("a") as errors:
        child = subprocess.Popen(command, env=environment(**more), stdout=subprocess.PIPE, stderr=errors, text=True)
    api = httpx.Client(base_url=f"http://127.0.0.1:{chosen.api}", timeout=30, trust_env=False)
    try:
        yield Product(child, chosen, api, log)
    finally:
        api.close()
        _end(child)


def _end(child: "subprocess.Popen[str]") -> None:
    """SIGTERM first: an `up` that is killed leaves its services to end by themselves."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
    child.communicate()


@contextlib.contextmanager
def running_up(data_dir: Path, *flags: object, ports: Ports | None = None, **more: str) -> Iterator[Product]:
    """Everything, and ready."""
    log = data_dir.with_name(f"{data_dir.name}.log")
    with started("up", log, "--data-dir", data_dir, *flags, ports=ports, **more) as product:
        product.ready_line()
        yield product


def eventually(true: Callable[[], bool], within_s: float = 30, of: Path | None = None) -> float:
    """How long it took to become true."""
    started_at = time.monotonic()
    while not true():
        waited = time.monotonic() - started_at
        assert waited < within_s, of.read_text() if of is not None else "it never happened"
        time.sleep(0.05)
    return time.monotonic() - started_at


def is_ready(port: int, path: str = "/readyz") -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def is_alive(port: int) -> bool:
    return is_ready(port, "/healthz")


def await_ready(product: Product, port: int) -> None:
    def check() -> bool:
        assert product.child.poll() is None, product.log.read_text()
        return is_ready(port)

    eventually(check, _READY_SECONDS, product.log)
