"""A receiver in a container of 512 MiB: whatever comes at once, it is told to come again; nobody is killed."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import grpc
import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from clickhouse.connect import Database
from tests.clickhouse.engines import ask
from tests.end_to_end.product import COMMAND, Ports, environment, eventually, free_ports, is_ready
from tests.otel_receiver.doors import TRACES
from tests.otel_receiver.requests import NOW, span, traces

pytestmark = pytest.mark.slow

GROUPS = Path("/sys/fs/cgroup")
Receiver = tuple["subprocess.Popen[bytes]", Ports]
FINE, LATER = {"200", "OK"}, {"503", "UNAVAILABLE"}
LIMIT, BODY, SENDERS = 512 << 20, 62 << 20, 20


@pytest.fixture
def group() -> Iterator[Path]:
    """A memory control group with that limit, of either version."""
    old = (GROUPS / "memory").is_dir()
    made = (GROUPS / "memory" if old else GROUPS) / f"small-{uuid4().hex[:8]}"
    try:
        made.mkdir()
        (made / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(LIMIT))
    except OSError as why:
        pytest.skip(f"no control group can be made here: {why}")
    yield made
    made.rmdir()


@pytest.fixture
def receiver(group: Path, database: Database, data_dir: Path) -> Iterator[Receiver]:
    """Its whole life in that group."""
    ports = free_ports()
    command = [*COMMAND, "receiver", "--data-dir", str(data_dir), *ports.flags]
    join = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    child = subprocess.Popen([*join, *command], env=environment(CLICKHOUSE_URL=database.url))
    try:
        eventually(lambda: is_ready(ports.http))
        yield child, ports
    finally:
        child.terminate()
        child.wait(30)


def _of_calls() -> bytes:
    """Some forty thousand spans."""
    said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "a word " * 200}
    some = traces(*(_own(number, said) for number in range(1_000))).SerializeToString()
    return some * (BODY // len(some))


def _of_texts() -> bytes:
    """A few, of a megabyte each."""
    said = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "a word " * 150_000}
    return traces(*(_own(number, said) for number in range(BODY // 1_050_200))).SerializeToString()


def _of_nothing() -> bytes:
    """Over a million, that say nothing."""
    some = traces(*(_own(number, {}) for number in range(1_000))).SerializeToString()
    return some * (BODY // len(some))


def _own(number: int, said: dict[str, str]) -> Span:
    return span(number + 1, said, trace_id=os.urandom(16), start_time_unix_nano=NOW, end_time_unix_nano=NOW + 1)


def _by_http(ports: Ports, body: bytes) -> str:
    headers = {"content-type": "application/x-protobuf"}
    address = f"http://127.0.0.1:{ports.http}/v1/traces"
    return str(httpx.post(address, content=body, headers=headers, timeout=60, trust_env=False).status_code)


def _by_grpc(ports: Ports, body: bytes) -> str:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(f"127.0.0.1:{ports.grpc}", options=options) as channel:
        try:
            channel.unary_unary(TRACES, None, None)(body, timeout=60)
        except grpc.RpcError as refused:
            return str(refused.code().name)
    return "OK"


@pytest.mark.parametrize("send", [_by_http, _by_grpc])
@pytest.mark.parametrize("made", [_of_calls, _of_texts, _of_nothing])
def test_twenty_of_the_largest_at_once_do_not_kill_it(
    receiver: Receiver,
    database: Database,
    made: Callable[[], bytes],
    send: Callable[[Ports, bytes], str],
) -> None:
    """Line 53: some are stored, the others are told to come again, and it takes the next one."""
    child, ports = receiver
    body = made()
    with ThreadPoolExecutor(SENDERS) as pool:
        answers = Counter(pool.map(lambda _: send(ports, body), range(SENDERS)))
    assert set(answers) <= FINE | LATER
    assert FINE & set(answers)
    assert child.poll() is None
    assert send(ports, traces(span(7, trace_id=b"n" * 16)).SerializeToString()) in FINE
    eventually(lambda: ask(database, f"SELECT count() FROM spans WHERE trace_id = '{'6e' * 16}'") == [(1,)])
