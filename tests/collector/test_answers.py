"""The real Collector in front of the receiver: each answer of ours makes it do what it should, and nothing is lost."""

import os
import signal
import time
from pathlib import Path

import pytest

from clickhouse.connect import connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from tests.clickhouse.engines import ask
from tests.collector.build import Programs
from tests.collector.site import Site, one, some
from tests.end_to_end.product import Product, await_ready, eventually, free_ports
from tests.end_to_end.sdk import Load

pytestmark = pytest.mark.slow
RETRY_SECONDS = 2.5
"""After which the Collector would have sent something again that it wanted to."""
OVER = pytest.mark.parametrize("over", [[], ["http"]], ids=["grpc", "http"])


def more(load: Load, spans: int) -> None:
    """So many more are acknowledged."""
    before = len(load.acked)
    eventually(lambda: len(load.acked) >= before + spans)


def test_restarts_and_kills_of_either_side_lose_nothing(site: Site, tmp_path: Path) -> None:
    """The receiver ends, comes back, is killed; the Collector is killed with a queue. Each span is there, once."""
    ports = free_ports()
    load = Load(ports, clients=2)
    with site.collector(tmp_path, ports=ports) as collector:
        with site.receiver() as first:
            await_ready(first, site.ports.http)
            load.start()
            more(load, 500)
            assert first.stop() == 0
        more(load, 200)
        with site.receiver() as second:
            await_ready(second, site.ports.http)
            more(load, 500)
            second.stop(signal.SIGKILL)
        more(load, 200)
        collector.child.kill()
    with site.receiver() as third, site.collector(tmp_path, ports=ports) as collector:
        await_ready(third, site.ports.http)
        more(load, 200)
        acked = load.stop()
        statement = "SELECT span_id FROM spans FINAL WHERE session_id LIKE 'load-%'"
        eventually(lambda: acked <= {row[0] for row in ask(site.database, statement)}, of=collector.log)
        eventually(collector.is_idle, of=collector.log)
        stored = [row[0] for row in ask(site.database, statement)]
        assert len(stored) == len(set(stored))
        assert collector.dropped() == 0
        assert third.stop() == 0


@OVER
def test_a_wrong_key_makes_it_drop_at_once(site: Site, receiver: Product, tmp_path: Path, over: list[str]) -> None:
    """Not sent again: the queue does not fill up behind it. With the right key all goes on."""
    name, refused = f"let-in-{len(over)}", receiver.metric("refusals_total")
    with site.collector(tmp_path, *over, key="guessed") as collector:
        collector.send(*some("kept out"))
        eventually(lambda: collector.dropped() == 10, of=collector.log)
        time.sleep(RETRY_SECONDS)
        assert collector.is_idle()
        assert receiver.metric("refusals_total") == refused + 1
        assert collector.said("Dropping data")
    with site.collector(tmp_path, *over) as collector:
        collector.send(*some(name))
        eventually(lambda: site.stored(name) == 10, of=collector.log)
    assert site.stored("kept out") == 0


@OVER
def test_a_project_over_its_limit_makes_it_wait(site: Site, receiver: Product, tmp_path: Path, over: list[str]) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo, or 429 with Retry-After: later, all of it is there."""
    name, refused = f"limited-{len(over)}", receiver.metric("refusals_total")
    with site.collector(tmp_path, *over, key="slow") as collector:
        for _ in range(3):  # each overdraws what the project may send, by six seconds' worth
            collector.send(*some(name, 60))
            time.sleep(0.3)  # longer than it gathers a batch
        eventually(lambda: site.stored(name) == 180, of=collector.log)
        assert receiver.metric("refusals_total") > refused
        assert collector.dropped() == 0


@OVER
def test_a_partial_success_is_not_sent_again(site: Site, receiver: Product, tmp_path: Path, over: list[str]) -> None:
    """The bad span is gone, its neighbours are stored, and the Collector's log says so."""
    name, taken = f"partial-{len(over)}", receiver.metric("spans_received_total")
    with site.collector(tmp_path, *over) as collector:
        collector.send(*some(name, 9), one(10, {"session.id": name}, trace_id=bytes(16)))
        eventually(lambda: site.stored(name) == 9, of=collector.log)
        eventually(lambda: collector.said("artial success"), of=collector.log)
        time.sleep(RETRY_SECONDS)
        assert receiver.metric("spans_received_total") == taken + 10
        assert collector.dropped() == 0


@OVER
def test_a_receiver_that_is_full_makes_it_keep_everything(
    made: Programs,
    full_disk: Path,
    tmp_path: Path,
    over: list[str],
) -> None:
    """The database hangs and the spool has no room: UNAVAILABLE, or 503. Nothing is dropped; all of it comes later."""
    with Engine(EngineSettings(tmp_path / "engine", memory_bytes=1 << 30)) as engine:
        with connected(engine.database().within("default")) as client:
            migrate(client, Topology(engine.database().name))
        site = Site(made, engine.database(), full_disk, free_ports())
        with site.receiver() as receiver, site.collector(tmp_path, *over) as collector:
            await_ready(receiver, site.ports.http)
            collector.send(*some("full"))
            eventually(lambda: site.stored("full") == 10)
            os.kill(engine.pid, signal.SIGSTOP)
            for _ in range(5):
                collector.send(*some("full"))
            eventually(lambda: receiver.metric("refusals_total") > 0, of=receiver.log)
            assert not collector.is_idle()
            os.kill(engine.pid, signal.SIGCONT)
            eventually(lambda: site.stored("full") == 60, within_s=60, of=collector.log)
            eventually(collector.is_idle)
            assert collector.dropped() == 0
