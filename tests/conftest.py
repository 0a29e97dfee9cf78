"""What the tests stand on: a real engine, one per test process, and a fresh database or project in it."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connect
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate

_numbers = itertools.count(1)

SLOW_SECONDS = 1_200
"""What a slow test may take before it counts as hung; all others have what pyproject.toml says."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(pytest.mark.timeout(SLOW_SECONDS))


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A running embedded engine."""
    with Engine(EngineSettings(tmp_path_factory.mktemp("engine"), memory_bytes=4 << 30)) as running:
        yield running


def fresh_database(engine: Engine) -> Iterator[Database]:
    database = replace(engine.database(), name=f"fresh_{next(_numbers)}")
    with contextlib.closing(connect(replace(database, name="default"))) as client:
        migrate(client, Topology(database.name))
        yield database
        client.command(f"DROP DATABASE {database.name} SYNC")


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """A migrated database of the test's own."""
    yield from fresh_database(engine)


@pytest.fixture(scope="session")
def shared_database(engine: Engine) -> Iterator[Database]:
    """A migrated database for tests that keep to projects of their own."""
    yield from fresh_database(engine)


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    with contextlib.closing(connect(database)) as connected:
        yield connected


@pytest.fixture(scope="session")
def shared_client(shared_database: Database) -> Iterator[Client]:
    with contextlib.closing(connect(shared_database)) as connected:
        yield connected


@pytest.fixture
def project() -> str:
    """A project that nobody else uses."""
    return f"project-{next(_numbers)}"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
