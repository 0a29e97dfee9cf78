"""One site for each file of tests."""

from collections.abc import Iterator

import pytest

from clickhouse.embedded import Engine
from tests.collector.build import Programs, programs
from tests.collector.site import Site
from tests.conftest import fresh_database
from tests.end_to_end.product import Product, await_ready, free_ports
from tests.end_to_end.test_faults import full_disk  # noqa: F401 - a fixture of theirs, for tests here


@pytest.fixture(scope="session")
def made() -> Programs:
    """The real Collector, and telemetrygen."""
    return programs()


@pytest.fixture(scope="module")
def site(made: Programs, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    for database in fresh_database(engine):
        yield Site(made, database, tmp_path_factory.mktemp("site"), free_ports())


@pytest.fixture
def receiver(site: Site) -> Iterator[Product]:
    with site.receiver() as product:
        await_ready(product, site.ports.http)
        yield product
