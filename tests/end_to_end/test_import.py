"""The history of those who ran the Collector's ClickHouse exporter becomes what it would be, had we received it."""

import asyncio
import contextlib
import json
import subprocess
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.history import ExportedSpan, Hour
from clickhouse.projects import DEFAULT_PROJECT, without_file
from genai_sessions import taking_over
from genai_sessions.taking_over import TakingOver
from otel_receiver.export import Received
from otel_receiver.mapper import DialectMapper
from otel_receiver.span import Span
from otel_receiver.tables import Tables
from otel_receiver.values import opened
from tests.clickhouse.engines import ask, tell
from tests.clickhouse.stored import settle, stored_sessions, stored_traces
from tests.conftest import fresh_database
from tests.end_to_end.exporter import MAP, export
from tests.end_to_end.product import COMMAND, call, environment, eventually
from tests.otel_receiver.dialects.recordings import NAMES, RECORDED_NS, told
from tests.otel_receiver.spans import span
from tests.otel_receiver.test_exported import ROW

HOUR_NS = 3600 * 10**9
_Rows = tuple[dict[Any, dict[str, Any]], dict[Any, dict[str, Any]], dict[Any, Any]]
"""Sessions, traces, and what each span has said: a JSON column does not keep the order of keys."""
_SAID = """
SELECT trace_id, span_id, input_messages, output_messages, system_instructions, tool_definitions, tool_arguments,
       tool_result, input_preview, output_preview, tags, metadata
FROM spans FINAL
"""


def _history() -> list[Span]:
    """Every recording, a few in an hour; the oldest lie further back than any clock is believed."""
    return [
        _moved(each.span, (number // 4 - len(NAMES)) * (HOUR_NS if number > 3 else 3000 * HOUR_NS))
        for number, name in enumerate(NAMES)
        for each in told(name)
    ]


def _moved(span: Span, by_ns: int) -> Span:
    events = tuple(event._replace(at_ns=event.at_ns + by_ns) for event in span.events)
    return span._replace(start_ns=span.start_ns + by_ns, end_ns=span.end_ns + by_ns, events=events)


def _rolled_up(database: Database) -> _Rows:
    with connected(database) as client:
        settle(client)
        said = {row[:2]: [opened(column) for column in row[2:]] for row in client.query(_SAID).result_rows}
        return stored_sessions(client, [DEFAULT_PROJECT]), stored_traces(client, [DEFAULT_PROJECT]), said


@pytest.fixture(scope="module")
def received(engine: Engine) -> Iterator[_Rows]:
    """What the same spans are when they come over OTLP."""
    projects = without_file()
    batch = DialectMapper(projects).spans(_history(), projects.by_id[DEFAULT_PROJECT], Received(RECORDED_NS))

    async def store(database: Database) -> None:
        tables = Tables(database)
        await tables.insert(batch)
        await tables.close()

    with contextlib.contextmanager(fresh_database)(engine) as database:
        asyncio.run(store(database))
        yield _rolled_up(database)


@contextlib.contextmanager
def exported(engine: Engine, attributes: str = MAP, spans: list[Span] | None = None) -> Iterator[Database]:
    """The exporter's database."""
    database = replace(engine.database(), name=f"otel_{uuid4().hex[:8]}")
    export(database, _history() if spans is None else spans, attributes)
    yield database
    tell(database.within("default"), f"DROP DATABASE {database.name} SYNC")


def imported(source: Database, into: Database, data_dir: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    return call("import", "--from", source.url, "--data-dir", data_dir, *flags, CLICKHOUSE_URL=into.url)


@pytest.mark.parametrize(
    "attributes",
    [pytest.param(MAP, id="text columns"), pytest.param("JSON", id="JSON columns", marks=pytest.mark.slow)],
)
def test_imported_sessions_are_those_that_were_received(
    engine: Engine, database: Database, received: _Rows, data_dir: Path, attributes: str
) -> None:
    """To the last call, for every SDK, however long ago it was."""
    with exported(engine, attributes) as source:
        done = imported(source, database, data_dir)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"\n{len(_history())} spans imported\n")
    assert _rolled_up(database) == received


@pytest.mark.slow
def test_an_import_that_was_killed_goes_on_where_it_was(engine: Engine, database: Database, data_dir: Path) -> None:
    """Nothing is lost, nothing is doubled, and what is done is not done again."""
    hours = 1_000
    with exported(engine, spans=[_in_hour(number) for number in range(hours)]) as source:
        command = [*COMMAND, "import", "--from", source.url, "--data-dir", str(data_dir)]
        first = subprocess.Popen(command, env=environment(CLICKHOUSE_URL=database.url), stdout=subprocess.DEVNULL)
        eventually(lambda: len(_noted(data_dir)) > 0)
        first.kill()
        first.wait()
        done = _noted(data_dir)
        again = imported(source, database, data_dir)
        assert 0 < len(done) < hours
        assert f" spans of {hours - len(done)} hours " in again.stdout
        assert imported(source, database, data_dir).stdout.endswith("\n0 spans imported\n")
    assert ask(database, "SELECT count(), uniqExact(span_id) FROM spans FINAL") == [(hours, hours)]
    assert ask(database, "SELECT count(), sum(traces), sum(turns) FROM sessions FINAL") == [(10, hours // 4, hours)]


def _in_hour(number: int) -> Span:
    """Traces of four hours, conversations of a hundred."""
    attributes = {"gen_ai.operation.name": "chat", "session.id": f"conv-{number // 100}"}
    return _moved(span(number, attributes=attributes), -number * HOUR_NS)


def _noted(data_dir: Path) -> dict[str, int]:
    for path in (data_dir / "imports").glob("*.json"):
        hours: dict[str, int] = json.loads(path.read_text())["hours"]
        return hours
    return {}


@pytest.mark.slow
def test_what_comes_to_an_imported_hour_later_is_taken_by_the_next_import(
    engine: Engine, database: Database, data_dir: Path
) -> None:
    """The exporter may go on until everybody has moved; hours that have not changed are left alone."""
    early, late = (span(number) for number in (1, 2))
    with exported(engine, spans=[early, _moved(early, -2 * HOUR_NS)._replace(span_id="a" * 16)]) as source:
        assert imported(source, database, data_dir).stdout.endswith("\n2 spans imported\n")
        export(source, [late])
        assert imported(source, database, data_dir).stdout.startswith("2 spans of 1 hours")
        assert imported(source, database, data_dir, "--again").stdout.startswith("3 spans of 2 hours")
    assert ask(database, "SELECT count() FROM spans FINAL") == [(3,)]


@pytest.mark.slow
def test_what_a_restore_took_away_is_imported_again(engine: Engine, data_dir: Path) -> None:
    """Whatever the notes of the import say: they are of the database that was there before."""
    assert call("migrate", "--data-dir", data_dir).returncode == 0
    assert call("backup", "before", "--data-dir", data_dir).returncode == 0
    with exported(engine, spans=[span()]) as source:
        command = ("import", "--from", source.url, "--data-dir", data_dir)
        assert call(*command).stdout.endswith("\n1 spans imported\n")
        assert call("restore", "before", "--replace", "--data-dir", data_dir).returncode == 0
        assert call(*command).stdout.endswith("\n1 spans imported\n")


def test_what_we_received_ourselves_outlives_its_import(engine: Engine, database: Database, data_dir: Path) -> None:
    """Who sent to both for a while loses nothing that only OTLP says."""
    mine, projects = span(name="received"), without_file()
    batch = DialectMapper(projects).spans([mine], projects.by_id[DEFAULT_PROJECT], Received(time.time_ns()))

    async def store() -> None:
        tables = Tables(database)
        await tables.insert(batch)
        await tables.close()

    asyncio.run(store())
    with exported(engine, spans=[mine._replace(name="exported")]) as source:
        assert imported(source, database, data_dir).returncode == 0
    assert ask(database, "SELECT name FROM spans FINAL") == [("received",)]


def test_a_row_that_is_no_span_is_skipped_and_counted(engine: Engine, database: Database, data_dir: Path) -> None:
    """Ids of zeros and of nothing; an end before its start costs only itself."""
    spans = [span(), span(trace_id=""), span(span_id="0" * 16)]
    backwards = span(span_id="b" * 16)
    spans.append(backwards._replace(end_ns=backwards.start_ns - 1))
    with exported(engine, spans=spans) as source:
        assert imported(source, database, data_dir).stdout.endswith(
            "2 spans imported, 2 skipped, as their ids are none\n"
        )
    flawed = ask(database, "SELECT started_at = ended_at, flaws FROM spans WHERE span_id = 'bbbbbbbbbbbbbbbb'")
    assert flawed == [(1, ["end_clamped"])]


def _work() -> TakingOver:
    """That stores nothing."""
    unused: Any = None
    projects = without_file()
    project = projects.by_id[DEFAULT_PROJECT]
    return TakingOver(unused, "otel_traces", project, DialectMapper(projects), unused, unused)


def test_of_two_copies_the_same_stays_whatever_they_come_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were received at the same time, so the later end decides; a killed import reads them with others again."""
    row = ROW._replace(start_ns=5 * 10**9)
    rows = [row, ROW._replace(span_id="b" * 16), row._replace(duration_ns=2)]
    for most in (1, 2, 3):
        monkeypatch.setattr(taking_over, "MAX_SPANS", most)
        monkeypatch.setattr(taking_over, "spans_of", lambda *_: (each for each in [rows]))
        received = [at for taken in _work()._read([Hour(0, 3)]) for at in taken.batch.spans.get("received_at", ())]
        assert received == [5_000_000, 0, 5_000_000]


def test_an_hour_of_any_size_is_read_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each of its spans has a resource of its own, and a large one."""
    blocks, size = 40, 500_000

    def spans_of(*_: object) -> Iterator[Sequence[ExportedSpan]]:
        for number in range(blocks):
            resource = json.dumps({"host.name": str(number), "process.command_line": "x" * size})
            yield [ROW._replace(resource_attributes=resource)]

    monkeypatch.setattr(taking_over, "spans_of", spans_of)
    monkeypatch.setattr(taking_over, "MAX_BYTES", size)
    work = _work()
    tracemalloc.start()
    assert sum(taken.rows for taken in work._read([Hour(0, blocks)])) == blocks
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < blocks * size / 2


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("tcp://clickhouse:9000/otel", "--from must look like http://"),
        ("http://127.0.0.1:1/otel", "is --from right?"),
        ("@/nowhere/url", "cannot be read"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_by_name(data_dir: Path, url: str, says: str) -> None:
    """One sentence, which names the flag that is wrong."""
    refused = call("import", "--from", url, "--data-dir", data_dir, CLICKHOUSE_URL="http://127.0.0.1:1/x")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert says in refused.stderr
