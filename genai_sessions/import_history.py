"""`genai-sessions import`: the history of those who ran the Collector's ClickHouse exporter until now.

Hours after hours, through the same mapping as what is received. An hour that is done is noted with the number of its
spans, so a killed import goes on where it was, and a later one takes only the hours that have changed since.
"""

import asyncio
import contextlib
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.errors import DatabaseError
from clickhouse.history import hours
from clickhouse.migrate import migrate
from clickhouse.projects import Project, Projects
from genai_sessions.database import borrowed_database, topology
from genai_sessions.import_notes import ImportNotes
from genai_sessions.schema_commands import recompute_all
from genai_sessions.service import collect_rarely
from genai_sessions.settings import Settings, SettingsRefused, known_projects
from genai_sessions.since import since_ns
from genai_sessions.taking_over import TakingOver
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.mapper import DialectMapper


def import_history(settings: Settings, flags: Namespace) -> int:
    collect_rarely()
    projects = known_projects(settings)
    project = _project(projects, flags.project)
    source = _source(flags.source)
    with _of_source(source) as client, borrowed_database(settings) as database:
        with connected(database.within("default")) as own:
            migrate(own, topology(database))
        into = "its own engine" if settings.clickhouse_url is None else database.address  # whose port changes
        notes = ImportNotes.of(settings.data_dir, (source.address, flags.table, project.id, into))
        if flags.again:
            notes.forget()
        due = notes.due(hours(client, flags.table, since_ns(flags.since)))
        print(f"{sum(hour.spans for hour in due):,} spans of {len(due):,} hours in {source.address}.{flags.table}")
        letters = DeadLetters(settings.data_dir / "dead-letters")
        work = TakingOver(client, flags.table, project, DialectMapper(projects), letters, notes)
        asyncio.run(work.all_of(due, database))
        with connected(database) as own:
            recompute_all(own, database)
    print(work.summary())
    return 0 if work.refused == 0 else 1


def _project(projects: Projects, name: str | None) -> Project:
    """Without a name, the only one there is."""
    if name is None and len(projects.by_id) == 1:
        return next(iter(projects.by_id.values()))
    known = projects.by_id.get(name or "")
    if known is None:
        raise SettingsRefused(f"--project must name one of {', '.join(projects.by_id)}.")
    return known


def _source(told: str) -> Database:
    """The exporter's own default is the database `default`."""
    try:
        url = Path(told[1:]).read_text().strip() if told.startswith("@") else told
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"--from is {told}, but that file cannot be read: {error}.") from error
    with _told_as_source():
        return Database.from_url(url, otherwise="default")


@contextlib.contextmanager
def _of_source(source: Database) -> Iterator[Client]:
    with _told_as_source(), connected(source, settings={}) as client:
        yield client


@contextlib.contextmanager
def _told_as_source() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if "CLICKHOUSE_URL" not in str(error):
            raise
        raise type(error)(str(error).replace("CLICKHOUSE_URL", "--from")) from error
