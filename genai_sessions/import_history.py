"""`genai-sessions import`: the history of those who ran the Collector's ClickHouse exporter until now.

Hour by hour, through the same mapping as what is received. An hour that is done is noted with the number of its spans,
so a killed import goes on where it was, and a later one takes only the hours that have changed since.
"""

import asyncio
import contextlib
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.errors import DatabaseAway, DatabaseError
from clickhouse.history import ExportedSpan, Hour, hours, spans_of
from clickhouse.migrate import migrate
from clickhouse.projects import Project, Projects
from genai_sessions.database import borrowed_database, topology
from genai_sessions.import_notes import ImportNotes
from genai_sessions.progress import ProgressLine
from genai_sessions.schema_commands import recompute_all
from genai_sessions.settings import Settings, SettingsRefused, known_projects
from genai_sessions.since import since_ns
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.export import Received
from otel_receiver.exported import Exported
from otel_receiver.halving import insert_what_can_be
from otel_receiver.mapper import DialectMapper
from otel_receiver.span import Span
from otel_receiver.verdicts import NotNow
from otel_receiver.writer import Tables

MAX_SPANS = 10_000
MAX_BYTES = 16 << 20
"""Of attributes, in one insert. What is in memory is a few times that, however large the table is."""
BACK_OFF_SECONDS = (0.5, 1, 2, 4, 8, 16, 32)


def import_history(settings: Settings, flags: Namespace) -> int:
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
        work = _Import(client, flags.table, project, DialectMapper(projects), letters, notes)
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


@dataclass
class _Import:
    client: Client
    table: str
    project: Project
    mapper: DialectMapper
    letters: DeadLetters
    notes: ImportNotes
    stored: int = 0
    skipped: int = 0
    refused: int = 0
    exported: Exported = field(default_factory=Exported)

    async def all_of(self, due: list[Hour], database: Database) -> None:
        tables = Tables(database.within(database.everywhere))
        progress = ProgressLine(sum(hour.spans for hour in due))
        try:
            for hour in due:
                await self._hour(hour.number, tables, progress)
        finally:
            progress.end()
            await tables.close()

    async def _hour(self, hour: int, tables: Tables, progress: ProgressLine) -> None:
        """Noted when all of it is stored: an hour that was cut short is taken again, and its spans are the same."""
        where, count = f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%d %H:00}", 0
        for rows in _gathered(spans_of(self.client, self.table, hour)):
            spans = [span for span in map(self.exported.span, rows) if span is not None]
            self.skipped += len(rows) - len(spans)
            if spans:
                await self._store(spans, tables)
            count += len(rows)
            progress.advance(len(rows), where)
        self.exported = Exported()
        self.notes.done(hour, count)

    async def _store(self, spans: list[Span], tables: Tables) -> None:
        # Older than anything received: where both have a span, ours says more, and stays.
        received = Received(min(span.start_ns for span in spans))
        batch = self.mapper.spans(spans, self.project, received)
        for pause in (*BACK_OFF_SECONDS, None):
            try:
                refusals = await insert_what_can_be(tables, batch)
            except NotNow as why:
                if pause is None:
                    raise DatabaseAway(
                        f"The database takes nothing now ({why}); the same command goes on later."
                    ) from why
                await asyncio.sleep(pause)
            else:
                break
        for refusal in refusals:
            self.letters.bury(refusal.batch, str(refusal.why))
        dead = sum(refusal.batch.span_count for refusal in refusals)
        self.refused += dead
        self.stored += len(spans) - dead

    def summary(self) -> str:
        said = [f"{self.stored:,} spans imported"]
        if self.skipped > 0:
            said.append(f"{self.skipped:,} skipped, as their ids are none")
        if self.refused > 0:
            said.append(f"{self.refused:,} refused (`genai-sessions dead-letter list` says why)")
        return ", ".join(said)


def _gathered(blocks: Iterable[list[ExportedSpan]]) -> Iterator[list[ExportedSpan]]:
    """As many as are worth an insert, and not more than fit into memory."""
    rows: list[ExportedSpan] = []
    size = 0
    for block in blocks:
        for row in block:
            rows.append(row)
            size += len(row.attributes) + sum(map(len, row.events_attributes))
            if len(rows) >= MAX_SPANS or size >= MAX_BYTES:
                yield rows
                rows, size = [], 0
    if rows:
        yield rows
