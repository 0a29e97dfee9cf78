"""Each service alone, as in production: with CLICKHOUSE_URL, in any order, on machines of their own."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from clickhouse.connect import Database
from clickhouse.embedded import Engine
from tests.clickhouse.engines import tell
from tests.end_to_end.product import Product, await_ready, call, eventually, free_ports, is_alive, is_ready, started
from tests.end_to_end.sdk import converse


@pytest.fixture
def unmade(engine: Engine) -> Iterator[Database]:
    """The address of a database that nobody has made yet."""
    database = replace(engine.database(), name=f"unmade_{uuid4().hex[:8]}")
    yield database
    tell(database.within("default"), f"DROP DATABASE IF EXISTS {database.name} SYNC")


def test_services_alone_make_the_same_product(unmade: Database, tmp_path: Path) -> None:
    """Migrate, then receiver, rollup and API as processes that only share a database."""
    folder, url, ports = tmp_path / "data", unmade.url, free_ports()
    assert "applied" in call("migrate", "--data-dir", folder, CLICKHOUSE_URL=url).stdout
    assert "up to date" in call("migrate", "--data-dir", folder, CLICKHOUSE_URL=url).stdout

    def service(name: str) -> AbstractContextManager[Product]:
        return started(name, tmp_path / f"{name}.log", "--data-dir", folder, ports=ports, CLICKHOUSE_URL=url)

    with service("receiver") as receiver, service("rollup") as rollup, service("api") as api:
        await_ready(receiver, ports.http)
        await_ready(api, ports.api)
        converse("grpc", ports, "apart")
        eventually(lambda: "apart" in api.sessions())
        assert [each.stop() for each in (receiver, rollup, api)] == [0, 0, 0]


def test_services_started_before_the_schema_are_ready_when_it_is(unmade: Database, tmp_path: Path) -> None:
    """They wait, and say so; what comes in meanwhile is kept."""
    url, ports = unmade.url, free_ports()
    flags = ("--data-dir", tmp_path / "data")
    with started("receiver", tmp_path / "receiver.log", *flags, ports=ports, CLICKHOUSE_URL=url) as receiver:
        eventually(lambda: is_alive(ports.http), of=receiver.log)
        converse("http", ports, "early")
        assert receiver.metric("spans_spooled") == 4
        assert not is_ready(ports.http)
        assert call("migrate", *flags, CLICKHOUSE_URL=url).returncode == 0
        eventually(lambda: receiver.metric("spans_stored_total") == 4, of=receiver.log)
        eventually(lambda: is_ready(ports.http))
        assert receiver.stop() == 0


def test_a_receiver_takes_spans_while_no_database_answers(tmp_path: Path) -> None:
    """They are on disk when it ends, and come into whatever database it finds next."""
    flags = ("--data-dir", tmp_path / "data")
    with started("receiver", tmp_path / "log", *flags, CLICKHOUSE_URL="http://127.0.0.1:1/nowhere") as receiver:
        ports = receiver.ports
        eventually(lambda: is_alive(ports.http), of=receiver.log)
        converse("grpc", ports, "offline")
        assert not is_ready(ports.http)
        assert receiver.metric("spans_spooled") == 4
        assert receiver.stop() == 0


@contextmanager
def descriptors(soft: int) -> Iterator[int]:
    """What a process gets unless it asks for more; how many it may have."""
    before, hard = (ours := psutil.Process()).rlimit(psutil.RLIMIT_NOFILE)
    ours.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
    try:
        yield hard
    finally:
        ours.rlimit(psutil.RLIMIT_NOFILE, (before, hard))


def test_a_receiver_may_open_all_that_the_system_lets_it(tmp_path: Path) -> None:
    """Each client takes a descriptor: the thousand that a shell gives are soon gone."""
    flags = ("--data-dir", tmp_path / "data")
    with descriptors(1_000) as hard:
        assert hard > 1_000
        with started("receiver", tmp_path / "log", *flags, CLICKHOUSE_URL="http://127.0.0.1:1/nowhere") as receiver:
            eventually(lambda: is_alive(receiver.ports.http), of=receiver.log)
            assert psutil.Process(receiver.child.pid).rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
            assert receiver.stop() == 0
