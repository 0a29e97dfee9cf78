"""`genai-sessions up` as its users have it: a process, two ports for spans, one for the API, a folder."""

import os
import signal
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from clickhouse.embedded import running_engine
from tests.clickhouse.engines import ask, is_gone
from tests.end_to_end.product import Product, eventually, free_ports, is_ready, running_up, started
from tests.end_to_end.sdk import Load, Protocol, converse

SERVICES = ("receiver", "rollup", "api", "clickhouse.engine")


def names_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()[:4]
    except psutil.Error:
        return []


def child(product: Product, name: str) -> psutil.Process | None:
    """The living one that serves under this name."""
    children = psutil.Process(product.child.pid).children()
    return next((each for each in children if name in names_of(each) and not is_gone(each.pid)), None)


def stored_spans(data_dir: Path) -> list[str]:
    database = running_engine(data_dir)
    assert database is not None
    return [span_id for (span_id,) in ask(database, "SELECT span_id FROM spans FINAL")]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> object:
    """One that stays up."""
    with running_up(tmp_path_factory.mktemp("up") / "data") as running:
        yield running


def test_one_line_says_that_everything_is_ready(tmp_path: Path) -> None:
    """With the addresses; nothing else is printed, and the end is clean."""
    with started("up", tmp_path / "log", "--data-dir", tmp_path / "data") as product:
        line = product.ready_line()
        assert is_ready(product.ports.api)
        assert is_ready(product.ports.http)
        assert all(str(port) in line for port in product.ports)
        assert product.stop() == 0
        assert product.child.stdout is not None
        assert product.child.stdout.read() == ""
        assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_session_of_the_sdk_is_served_within_two_seconds(product: Product, protocol: Protocol) -> None:
    """Spans in over OTLP, numbers out of the API. The best of three counts: other tests share the machine."""
    converse(protocol, product.ports, f"s-{protocol}", turns=1)
    eventually(lambda: f"s-{protocol}" in product.sessions())  # the first of all goes a cold way
    waits = []
    for turns in (2, 3, 4):
        converse(protocol, product.ports, f"s-{protocol}", turns=1)
        waits.append(eventually(lambda turns=turns: product.sessions()[f"s-{protocol}"]["turns"] == turns))  # type: ignore[misc]
    assert min(waits) < 2
    session = product.sessions()[f"s-{protocol}"]
    assert (session["traces"], session["user_id"], session["total_tokens"]) == (4, "ada", 440)
    assert session["cost_usd"] > 0


def test_sigterm_under_load_loses_nothing_and_takes_no_ten_seconds(tmp_path: Path) -> None:
    """Every span that was acknowledged is there after the next start, once."""
    data_dir = tmp_path / "data"
    with running_up(data_dir) as product:
        load = Load(product.ports).start()
        eventually(lambda: len(load.acked) > 500)
        told_at = time.monotonic()
        code = product.stop()
        took = time.monotonic() - told_at
        acked = load.stop()
        assert (code, took < 10) == (0, True), product.log.read_text()
    with running_up(data_dir) as product:
        eventually(lambda: product.metric("spans_spooled") == 0)
        stored = stored_spans(data_dir)
        assert acked <= set(stored)
        assert len(stored) == len(set(stored))
        assert product.stop() == 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_killed_comes_again(product: Product, name: str) -> None:
    """kill -9: a new one takes its place, and sessions are served as before."""
    eventually(lambda: is_ready(product.ports.http) and is_ready(product.ports.api))
    victim = child(product, name)
    assert victim is not None
    victim.kill()
    eventually(lambda: (heir := child(product, name)) is not None and heir.pid != victim.pid)
    eventually(lambda: is_ready(product.ports.http) and is_ready(product.ports.api), of=product.log)
    converse("http", product.ports, f"after {name}")
    eventually(lambda: f"after {name}" in _sessions(product), of=product.log)
    assert product.child.poll() is None


def _sessions(product: Product) -> set[str]:
    try:
        return set(product.sessions())
    except (httpx.HTTPError, AssertionError):
        return set()


def test_services_do_not_outlive_an_up_that_is_killed(tmp_path: Path) -> None:
    """kill -9 of the parent: all end by themselves, and the next start on the same ports and folder succeeds."""
    ports = free_ports()
    with running_up(tmp_path / "data", ports=ports) as product:
        children = psutil.Process(product.child.pid).children(recursive=True)
        product.child.kill()
        eventually(lambda: all(is_gone(each.pid) for each in children), within_s=15)
    with running_up(tmp_path / "data", ports=ports) as product:
        assert product.stop() == 0


def test_workers_share_the_ports_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    """--workers 2: all that is acknowledged is stored, though one of the two is killed meanwhile; and whichever of them
    is scraped tells the numbers of both, which never go back."""
    data_dir = tmp_path / "data"
    with running_up(data_dir, "--workers", 2) as product:
        receiver = child(product, "receiver")
        assert receiver is not None
        eventually(lambda: len(receiver.children()) == 2)
        load = Load(product.ports).start()
        eventually(lambda: len(load.acked) > 200)
        eventually(lambda: product.metric("spans_stored_total") > 0)
        stored = [product.metric("spans_stored_total") for _ in range(5)]
        victim = receiver.children()[0]
        victim.kill()
        eventually(lambda: len([each for each in receiver.children() if not is_gone(each.pid)]) == 2)
        stored += [product.metric("spans_stored_total") for _ in range(5)]
        acked = load.stop()
        eventually(lambda: acked <= set(stored_spans(data_dir)))
        eventually(lambda: is_ready(product.ports.http) and product.metric("spans_spooled") == 0)
        stored.append(product.metric("spans_stored_total"))
        assert stored == sorted(stored)
        # A connection each: of either worker.
        eventually(lambda: len({product.metric("spans_stored_total") for _ in range(8)}) == 1)
        assert product.stop() == 0, product.log.read_text()


@pytest.mark.slow
def test_a_hung_engine_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    """SIGSTOP, then SIGTERM: still within ten seconds, and what was acknowledged is there afterwards."""
    data_dir = tmp_path / "data"
    with running_up(data_dir) as product:
        load = Load(product.ports).start()
        eventually(lambda: len(load.acked) > 100)
        engine = child(product, "clickhouse.engine")
        assert engine is not None
        os.kill(engine.pid, signal.SIGSTOP)
        threading.Event().wait(1)
        told_at = time.monotonic()
        assert product.stop() == 0, product.log.read_text()
        took = time.monotonic() - told_at
        acked = load.stop()
    with running_up(data_dir) as product:
        eventually(lambda: acked <= set(stored_spans(data_dir)))
    assert took < 10
