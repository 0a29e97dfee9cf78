"""Migrations: applied once, in order, by whoever comes first; and refused where they would not fit."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.errors import DatabaseRefused
from clickhouse.migrate import (
    Migration,
    Topology,
    known_migrations,
    migrate,
    pending_migrations,
    rendered,
    statements,
)
from clickhouse.rollup.traces import recompute
from clickhouse.schema import schema_text
from tests.clickhouse.engines import SOURCE, ask, tell
from tests.clickhouse.stored import settle, store

FIRST = Migration(1, "0001_first", "CREATE TABLE IF NOT EXISTS one (n UInt8) ENGINE = MergeTree ORDER BY n;\n")
SECOND = Migration(2, "0002_second", "CREATE TABLE IF NOT EXISTS two (n UInt8) ENGINE = MergeTree ORDER BY n;\n")
NAMES = [migration.name for migration in known_migrations()]


@pytest.fixture
def empty(engine: Engine) -> Iterator[Database]:
    """The name of a database that nobody has made yet."""
    database = replace(engine.database(), name=f"empty_{os.urandom(4).hex()}")
    yield database
    tell(database.within("default"), f"DROP DATABASE IF EXISTS {database.name} SYNC")


@pytest.fixture
def unmade(empty: Database) -> Iterator[Client]:
    """A client for it."""
    with connected(empty.within("default")) as client:
        yield client


def test_each_is_applied_once_in_order(unmade: Client, empty: Database) -> None:
    """The second time there is nothing to do, and what is stored stays."""
    topology = Topology(empty.name)
    assert migrate(unmade, topology) == NAMES
    tell(empty, "INSERT INTO trace_index (project_id, trace_id) VALUES ('p', 't')")
    before = schema_text(unmade)
    assert migrate(unmade, topology) == []
    assert schema_text(unmade) == before
    assert ask(empty, "SELECT count() FROM trace_index") == [(1,)]
    ledger = "SELECT number, name, checksum FROM migrations FINAL ORDER BY number"
    assert ask(empty, ledger) == [(m.number, m.name, m.checksum) for m in known_migrations()]


def test_a_later_release_applies_only_what_is_new(unmade: Client, empty: Database) -> None:
    """Forward only."""
    topology = Topology(empty.name)
    assert migrate(unmade, topology, [FIRST]) == ["0001_first"]
    assert pending_migrations(unmade, topology, [FIRST, SECOND]) == [SECOND]
    assert migrate(unmade, topology, [FIRST, SECOND]) == ["0002_second"]


def test_a_migration_that_died_half_way_is_applied_again(unmade: Client, empty: Database) -> None:
    """Its statements are idempotent, and it is noted only when all are done."""
    broken = SECOND._replace(text=SECOND.text + "CREATE TABLE three (n NoSuchType) ENGINE = MergeTree ORDER BY n;\n")
    with pytest.raises(Exception, match="NoSuchType"):
        migrate(unmade, Topology(empty.name), [FIRST, broken])
    assert migrate(unmade, Topology(empty.name), [FIRST, SECOND]) == ["0002_second"]


def test_a_database_newer_than_the_code_is_refused(unmade: Client, empty: Database) -> None:
    """An older release would not know what it must keep true."""
    migrate(unmade, Topology(empty.name), [FIRST, SECOND])
    with pytest.raises(DatabaseRefused, match=r"newer genai-sessions \(it has migration 0002_second; .* up to 0001\)"):
        migrate(unmade, Topology(empty.name), [FIRST])


def test_a_migration_that_was_edited_is_refused(unmade: Client, empty: Database) -> None:
    """Nobody knows any more what such a database holds."""
    migrate(unmade, Topology(empty.name), [FIRST])
    edited = FIRST._replace(text=FIRST.text + "-- as it should have been\n")
    with pytest.raises(DatabaseRefused, match="0001_first was applied to this database with another text"):
        migrate(unmade, Topology(empty.name), [edited, SECOND])
    assert ask(empty, "EXISTS two") == [(0,)]


def test_a_dry_run_changes_nothing(empty: Database) -> None:
    """It prints what would be done, every statement of it, and does not even make the database."""
    answer = command(empty, "--dry-run")
    assert answer.returncode == 0
    wanted = [s.text for m in known_migrations() for s in rendered(m.text, Topology(empty.name))]
    assert all(text in answer.stdout for text in wanted)
    assert ask(empty.within("default"), f"EXISTS DATABASE {empty.name}") == [(0,)]
    assert "applied 0001_spans" in command(empty).stdout
    assert command(empty, "--dry-run").stdout == "the schema is up to date\n"


def test_processes_that_start_at_once_end_with_one_schema(empty: Database, client: Client) -> None:
    """Whoever comes first; the others find it done, or do the same again."""
    at_once = [started(empty) for _ in range(3)]
    answers = [migrating.communicate(timeout=60) for migrating in at_once]
    assert [migrating.returncode for migrating in at_once] == [0, 0, 0], answers
    with connected(empty) as made:
        assert schema_text(made) == schema_text(client)
        assert made.query("SELECT count() FROM migrations FINAL").result_rows == [(len(NAMES),)]


def test_a_wrong_password_or_no_database_is_one_sentence(empty: Database) -> None:
    """And a non-zero exit."""
    for wrong in (replace(empty, password="wrong"), replace(empty, port=1)):
        answer = command(wrong)
        assert answer.returncode == 1
        assert answer.stderr.startswith("genai-sessions: ")
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("migration", known_migrations(), ids=NAMES)
def test_every_statement_may_be_repeated(migration: Migration) -> None:
    """Two processes may apply the same file. What is filled keeps one row of a key, and its newest version."""
    for statement in statements(migration.text):
        code = re.sub(r"--[^\n]*", "", statement).strip()
        assert re.match(
            r"(CREATE (TABLE|VIEW|MATERIALIZED VIEW)|ALTER TABLE \w+ ADD (COLUMN|INDEX)) IF NOT EXISTS "
            r"|CREATE OR REPLACE VIEW |INSERT INTO (session_half_hours|sessions)\b",
            code,
        )


_FILLED = (
    "SELECT * EXCEPT (recomputed_at) FROM half_hours FINAL ORDER BY project_id, since, session_id",
    "SELECT * EXCEPT (noted_at) FROM session_half_hours FINAL ORDER BY project_id, session_id, since",
)


def test_half_hours_are_filled_with_what_was_there_before(empty: Database, unmade: Client) -> None:
    """Of all sessions; and noted of what is not added up yet."""
    migrate(unmade, Topology(empty.name))
    with connected(empty) as client:
        for number in (1, 2, 3):
            store(client, [_turn(number)])
        settle(client)
        store(client, [_turn(4)])
        recompute(client, empty.name, [("p", "4")], time.time_ns() // 1_000)
        filled = [client.query(text).result_rows for text in _FILLED]
        assert list(map(len, filled)) == [3, 4]
        for name in ("half_hours_mv", "half_hours", "session_half_hours"):
            client.command(f"DROP TABLE {name} SYNC")
        client.command("DELETE FROM migrations WHERE number = 8")
        assert migrate(client, Topology(empty.name)) == ["0008_half_hours"]
        assert [client.query(text).result_rows for text in _FILLED] == filled


def _turn(number: int) -> dict[str, Any]:
    """Each half an hour later."""
    at = number * 1_800 * 10**9
    named = {"project_id": "p", "trace_id": str(number), "span_id": "1", "session_id": "s"}
    return named | {"started_at": at, "ended_at": at + 10**9, "call_kind": "llm"}


def test_files_are_numbered_without_gaps() -> None:
    """And say in their names what they bring."""
    known = known_migrations()
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    assert all(re.fullmatch(r"\d{4}_[a-z_]+", migration.name) for migration in known)


def test_comments_and_semicolons_do_not_split_a_statement() -> None:
    """A statement ends with a semicolon at the end of its line."""
    text = "-- first; not a statement\nSELECT ';' AS a, 1; -- one\n\nSELECT 2\nFROM x;\n-- the end;\n"
    assert statements(text) == ["-- first; not a statement\nSELECT ';' AS a, 1", "SELECT 2\nFROM x"]


def started(database: Database, *flags: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "CLICKHOUSE_URL": database.url, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-m", "genai_sessions", "migrate", *flags],
        cwd=SOURCE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(database: Database, *flags: str) -> "subprocess.CompletedProcess[str]":
    migrating = started(database, *flags)
    stdout, stderr = migrating.communicate(timeout=60)
    return subprocess.CompletedProcess(migrating.args, migrating.returncode, stdout, stderr)
