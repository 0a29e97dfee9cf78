"""What breaks under load: kills, hangs, full disks. Whatever was acknowledged is there afterwards, once."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from clickhouse.connect import connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from tests.clickhouse.engines import UNAVAILABLE, ask, is_gone
from tests.end_to_end.product import Product, await_ready, eventually, is_alive, running_up, started
from tests.end_to_end.sdk import Load
from tests.end_to_end.test_up import child, stored_spans

pytestmark = pytest.mark.slow


def pid_of(product: Product, name: str) -> int:
    """Once there is one."""
    eventually(lambda: child(product, name) is not None)
    found = child(product, name)
    assert found is not None
    return found.pid


def kill(product: Product, name: str) -> Callable[[], None]:
    def strike() -> None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid_of(product, name)).kill()

    return strike


def hang(product: Product, name: str, seconds: float) -> Callable[[], None]:
    def strike() -> None:
        found = psutil.Process(pid_of(product, name))
        found.suspend()
        time.sleep(seconds)
        with suppress(psutil.NoSuchProcess):
            found.resume()

    return strike


def books(product: Product) -> tuple[float, float]:
    """Spans received, and where they are: the same number, whenever nothing is in flight."""
    where = ("stored_total", "rejected_total", "spooled", "dead_lettered_total")
    return product.metric("spans_received_total"), sum(product.metric(f"spans_{name}") for name in where)


def survive(product: Product, data_dir: Path, *faults: Callable[[], None], seed: int = 0) -> None:
    """The faults, at random points of a load; then everything is where it should be."""
    chance, load = random.Random(seed), Load(product.ports).start()
    for fault in faults:
        before = len(load.acked)
        eventually(lambda before=before: len(load.acked) > before, within_s=60, of=product.log)  # type: ignore[misc]
        time.sleep(chance.uniform(0.05, 1.5))
        fault()
    before = len(load.acked)
    eventually(lambda: len(load.acked) > before, within_s=60, of=product.log)
    acked = load.stop()
    eventually(lambda: is_alive(product.ports.http) and product.metric("spans_spooled") == 0, 60, product.log)
    stored = _stored(data_dir)
    assert acked <= set(stored)
    assert len(stored) == len(set(stored))
    received, found = books(product)
    assert received == found > 0


def _stored(data_dir: Path) -> list[str]:
    """An engine that has just been killed may still be starting."""
    answer: list[str] = []

    def asked() -> bool:
        with suppress(*UNAVAILABLE, AssertionError):
            answer.extend(stored_spans(data_dir))
            return True
        return False

    eventually(asked)
    return answer


@pytest.mark.parametrize("seed", [1, 2])
def test_a_receiver_killed_at_random_points_loses_nothing(tmp_path: Path, seed: int) -> None:
    """Five times kill -9 under load, with two seeds."""
    with running_up(tmp_path / "data") as product:
        strike = kill(product, "receiver")
        survive(product, tmp_path / "data", *[strike] * 5, seed=seed)
        assert product.stop() == 0


def test_a_database_killed_and_hung_under_load_loses_nothing(tmp_path: Path) -> None:
    """Killed, hung, killed, hung: the disk takes over, and gives it all back."""
    with running_up(tmp_path / "data") as product:
        name = "clickhouse.engine"
        strikes = (kill(product, name), hang(product, name, 3), kill(product, name), hang(product, name, 1))
        survive(product, tmp_path / "data", *strikes)
        assert product.stop() == 0


def test_receiver_and_database_killed_together_lose_nothing(tmp_path: Path) -> None:
    """What one life has spooled the next one stores."""
    with running_up(tmp_path / "data") as product:
        engine, receiver = kill(product, "clickhouse.engine"), kill(product, "receiver")
        survive(product, tmp_path / "data", engine, receiver, receiver, engine, receiver)
        assert product.stop() == 0


def test_all_of_it_killed_under_load_is_there_after_the_next_start(tmp_path: Path) -> None:
    """kill -9 of everything at once, as when the machine's memory is gone."""
    data_dir = tmp_path / "data"
    with running_up(data_dir) as product:
        load = Load(product.ports).start()
        eventually(lambda: len(load.acked) > 1_000, within_s=60)
        everything = [psutil.Process(product.child.pid), *psutil.Process(product.child.pid).children(recursive=True)]
        for each in everything:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        eventually(lambda: all(is_gone(each.pid) for each in everything[1:]))
        acked = load.stop()
    with running_up(data_dir) as product:
        eventually(lambda: product.metric("spans_spooled") == 0)
        stored = _stored(data_dir)
        assert acked <= set(stored)
        assert len(stored) == len(set(stored))
        eventually(lambda: sum(session["spans"] for session in product.sessions().values()) == len(stored))


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with less room than the spool leaves to others."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root, and a machine that allows it")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_with_a_full_disk_the_client_is_told_and_nothing_is_lost(full_disk: Path, tmp_path: Path) -> None:
    """The database hangs and the spool has no room: nobody hears OK until one of them takes it."""
    with Engine(EngineSettings(tmp_path / "engine")) as engine:
        database = engine.database()
        _migrate(engine)
        flags = ("--data-dir", full_disk / "data")
        with started("receiver", tmp_path / "log", *flags, CLICKHOUSE_URL=database.url) as receiver:
            await_ready(receiver, receiver.ports.http)
            load = Load(receiver.ports).start()
            eventually(lambda: len(load.acked) > 200)
            os.kill(engine.pid, signal.SIGSTOP)
            time.sleep(1)
            acked = len(load.acked)
            time.sleep(4)
            assert len(load.acked) == acked
            assert receiver.metric("spans_spooled") == 0
            os.kill(engine.pid, signal.SIGCONT)
            eventually(lambda: len(load.acked) > acked, of=receiver.log)
            done = load.stop()
            stored = [span_id for (span_id,) in ask(database, "SELECT span_id FROM spans FINAL")]
            assert done <= set(stored)
            assert len(stored) == len(set(stored))
            received, found = books(receiver)
            assert received == found
            text = httpx.get(f"http://127.0.0.1:{receiver.ports.http}/metrics", trust_env=False).text
            assert 'refusals_total{reason="unavailable"}' in text
            assert receiver.stop() == 0


def _migrate(engine: Engine) -> None:
    with connected(engine.database().within("default")) as client:
        migrate(client, Topology(engine.database().name))
