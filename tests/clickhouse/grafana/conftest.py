"""An engine with every recording in it: half of them project a's, half project b's."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings
from clickhouse.migrate import Topology, migrate
from clickhouse.projects import Project, Projects
from clickhouse.readers import keep, new_reader
from otel_receiver.export import Received
from otel_receiver.mapper import DialectMapper
from otel_receiver.tables import Tables
from tests.clickhouse.grafana.plugin import Dashboard, Value, all_of
from tests.clickhouse.stored import settle
from tests.otel_receiver.dialects.recordings import NAMES, RECORDED_NS, told

PROJECTS = {"a": NAMES[::2], "b": NAMES[1::2]}
DAY_S = 86_400


class Stand(NamedTuple):
    """One database, as three of its users see it."""

    owner: Client
    grafana: Client
    reader: Client  # of project a alone


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    data_dir = tmp_path_factory.mktemp("grafana")
    reader, password = new_reader("of_a", ["a"])
    keep(reader, data_dir)
    with Engine(EngineSettings(data_dir)) as engine:
        owner = engine.database()
        with connected(owner) as client:
            migrate(client, Topology(owner.name))
            asyncio.run(_store(owner))
            settle(client)
            _leave_something_undone(client)
        with contextlib.ExitStack() as stack:
            users = (owner, engine.database("grafana"), replace(owner, user=reader.name, password=password))
            yield Stand(*(stack.enter_context(connected(user, settings={}, connections=1)) for user in users))


async def _store(database: Database) -> None:
    known = {name: Project(name) for name in PROJECTS}
    mapper = DialectMapper(Projects(known, {}))
    tables = Tables(database)
    for project, recordings in PROJECTS.items():
        first, *others = [each.span for name in recordings for each in told(name)]
        spans = [first._replace(flaws=("end_clamped",)), *others]
        await tables.insert(mapper.spans(spans, known[project], Received(RECORDED_NS)))
    await tables.close()


def _leave_something_undone(client: Client) -> None:
    """In each project, so that its health has something to say."""
    for project in PROJECTS:
        client.insert("trace_changes", [[project, "waits"]], ["project_id", "trace_id"])
        client.insert("session_changes", [[project, "waits"]], ["project_id", "session_id"])
        aside = [[project, "aside", 1, "too large"]]
        client.insert("quarantined_traces", aside, ["project_id", "trace_id", "version", "reason"])
        client.insert("suppressed_spans", [[project, date(2026, 11, 20), 3]], ["project_id", "day", "spans"])


def chosen(**variables: Value) -> Dashboard:
    """Everything: from before the recordings until now."""
    everything = all_of("project", "service", "model", "environment")
    recorded_s = RECORDED_NS // 10**9
    return Dashboard(recorded_s - DAY_S, int(time.time()) + 60, 3600, everything | variables)
