"""The API of a project that nobody else uses."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connect
from tests.query_api.asking import Api, serving


@pytest.fixture
def api(shared_database: Database, shared_client: Client, project: str, data_dir: Path) -> Iterator[Api]:
    with serving(shared_database, shared_client, project, data_dir) as served:
        yield served


@pytest.fixture
def alone(database: Database, project: str, data_dir: Path) -> Iterator[Api]:
    """In a database of its own: a deletion looks through whatever is stored."""
    with contextlib.closing(connect(database)) as connected, serving(database, connected, project, data_dir) as served:
        yield served


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
