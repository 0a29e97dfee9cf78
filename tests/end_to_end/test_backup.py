"""Backups of the whole product: made while it runs, tried before they replace anything; the deleted stay deleted."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from clickhouse import embedded
from clickhouse.backup import tombstones
from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine, EngineSettings, running_engine
from clickhouse.engine_config import config_xml
from query_api.client import Client
from tests.clickhouse.engines import ask, tell
from tests.end_to_end.product import call, eventually, free_ports, running_up
from tests.end_to_end.sdk import converse


class Lost(NamedTuple):
    """A data folder with a backup `one`; after it one session was deleted, and one came."""

    data_dir: Path
    running: str  # what a restore said while it ran


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Lost:
    data_dir = tmp_path_factory.mktemp("backup") / "data"
    with running_up(data_dir) as product:
        for session_id in ("kept", "doomed"):
            converse("http", product.ports, session_id)
        eventually(lambda: product.sessions().keys() == {"kept", "doomed"})
        score(data_dir, "kept", "doomed")
        made = call("backup", "one", "--data-dir", data_dir)
        assert made.stdout.startswith(f"8 spans in {data_dir / 'backups' / 'one'}; "), made.stderr
        with Client(str(product.api.base_url)) as client:
            assert client.delete_session("doomed").spans == 4
        converse("http", product.ports, "late")
        eventually(lambda: product.sessions().keys() == {"kept", "late"})
        running = call("restore", "one", "--replace", "--data-dir", data_dir).stderr
    return Lost(data_dir, running)


def score(data_dir: Path, *session_ids: str) -> None:
    """The sessions themselves."""
    database = running_engine(data_dir)
    assert database is not None
    for session_id in session_ids:
        columns = "project_id, session_id, score_id, name, value, received_at"
        tell(database, f"INSERT INTO scores ({columns}) VALUES ('default', '{session_id}', '1', 'good', 1, now64(6))")


@pytest.fixture
def folder(lost: Lost, tmp_path: Path) -> Path:
    return Path(shutil.copytree(lost.data_dir, tmp_path / "data", symlinks=True))


def engine_on(data_dir: Path) -> Iterator[Database]:
    with Engine(EngineSettings(data_dir)) as engine:
        yield engine.database()


def sessions_in(data_dir: Path) -> set[str]:
    for database in engine_on(data_dir):
        held = {row[0] for row in ask(database, "SELECT session_id FROM v_sessions")}
        spans = ask(database, "SELECT count() FROM spans FINAL WHERE has(['doomed'], session_id)")[0][0]
        assert (spans > 0) == ("doomed" in held)
    return held


@pytest.mark.slow
def test_a_backup_comes_back_without_what_was_deleted_since(folder: Path) -> None:
    """Nor with what came since: it is in the place of what was there."""
    refused = call("restore", "one", "--data-dir", folder)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "holds 8 spans" in refused.stderr
    done = call("restore", "one", "--data-dir", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert "what was deleted since the backup is deleted again\n" in done.stdout
    assert done.stdout.endswith(f"4 spans restored from {folder / 'backups' / 'one'}\n")
    assert sessions_in(folder) == {"kept"}


@pytest.mark.slow
def test_scores_of_a_session_that_was_deleted_since_stay_deleted(folder: Path) -> None:
    """They are of no trace; one that opens the session anew must not find them."""
    assert call("restore", "one", "--data-dir", folder, "--replace").returncode == 0
    for database in engine_on(folder):
        assert ask(database, "SELECT session_id FROM scores") == [("kept",)]


@pytest.mark.slow
def test_a_backup_is_restored_on_another_machine(lost: Lost, tmp_path: Path) -> None:
    """From any folder, into a data folder that is not there yet; its sessions are as they were."""
    done = call("restore", lost.data_dir / "backups" / "one", "--data-dir", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert sessions_in(tmp_path / "new") == {"kept", "doomed"}


@pytest.mark.slow
def test_a_restore_that_was_killed_is_done_again(folder: Path) -> None:
    """What was deleted is remembered on disk while there is no database to remember it; until then nobody is served."""
    for database in engine_on(folder):
        with connected(database) as client:
            rows = [
                (each.project_id, each.kind, each.subject.hex(), each.deleted_ns)
                for each in tombstones(client, database.name)
            ]
        tell(database.within("default"), f"DROP DATABASE {database.name} SYNC", f"CREATE DATABASE {database.name}")
        tell(database, "CREATE TABLE spans (half UInt8) ENGINE = Memory")
    kept = folder / f"restore-{hashlib.sha256(b'').hexdigest()[:8]}.json"
    kept.write_text(json.dumps(rows))
    half = call("up", "--data-dir", folder, *free_ports().flags)
    assert (half.returncode, len(half.stderr.splitlines())) == (1, 1)
    assert f"was not finished: run it again, with --replace. To go on with what is there, remove {kept}." in half.stderr
    done = call("restore", "one", "--replace", "--data-dir", folder)
    assert done.returncode == 0, done.stderr
    assert sessions_in(folder) == {"kept"}


@pytest.mark.slow
def test_what_was_being_deleted_while_a_backup_was_made_stays_deleted(folder: Path) -> None:
    """The backup has the tombstone, and nothing of what followed it."""
    for database in engine_on(folder):
        values = "('default', 'session', SHA256('kept'), now64(9))"
        tell(database, f"INSERT INTO tombstones (project_id, kind, subject, deleted_at) VALUES {values}")
        assert call("backup", "half", "--data-dir", folder).returncode == 0
    done = call("restore", "half", "--data-dir", folder, "--replace")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"4 spans restored from {folder / 'backups' / 'half'}\n")
    assert sessions_in(folder) == {"late"}


@pytest.mark.slow
def test_a_broken_backup_replaces_nothing(folder: Path) -> None:
    """It is tried beside what is there."""
    largest = max((folder / "backups" / "one" / "data").rglob("*.*"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    refused = call("restore", "one", "--data-dir", folder, "--replace")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert sessions_in(folder) == {"kept", "late"}


@pytest.mark.slow
def test_nothing_is_restored_under_a_running_product(lost: Lost) -> None:
    """It says what to do."""
    assert "stop it first" in lost.running


@pytest.mark.parametrize("name", ["../one", "/etc", "nothing", "a b"])
def test_what_is_no_backup_is_refused(data_dir: Path, name: str) -> None:
    """In one sentence, before any engine is started."""
    refused = call("restore", name, "--data-dir", data_dir)
    assert (refused.returncode, len(refused.stderr.splitlines()), data_dir.exists()) == (1, 1, False)


def test_a_server_of_ones_own_needs_a_disk_for_backups(tmp_path: Path) -> None:
    """We cannot know where it may write."""
    refused = call("backup", "--data-dir", tmp_path, CLICKHOUSE_URL="http://127.0.0.1:1/x")
    assert refused.returncode == 1
    assert "--disk" in refused.stderr


@pytest.mark.slow
def test_a_server_of_ones_own_backs_up_to_its_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And restores from it into a database of any name."""
    disk = f"<disks><safe><type>local</type><path>{tmp_path}/disk/</path></safe></disks>"
    config = f"<storage_configuration>{disk}</storage_configuration><backups><allowed_disk>safe</allowed_disk>"
    ours = config_xml
    monkeypatch.setattr(embedded, "config_xml", lambda *told: ours(*told).replace("<backups>", config))
    with Engine(EngineSettings(tmp_path / "server")) as server:
        mine, theirs = server.database().within("mine"), server.database().within("theirs")
        flags = ("one", "--disk", "safe", "--data-dir", tmp_path / "data")
        assert call("migrate", "--data-dir", tmp_path / "data", CLICKHOUSE_URL=mine.url).returncode == 0
        tell(mine, "INSERT INTO spans (project_id, trace_id, span_id) VALUES ('p', 't', 's')")
        assert call("backup", *flags, CLICKHOUSE_URL=mine.url).stdout.startswith("1 spans in disk safe: one; ")
        done = call("restore", *flags, "--database", "mine", CLICKHOUSE_URL=theirs.url)
        assert done.returncode == 0, done.stderr
        assert ask(theirs, "SELECT project_id, trace_id, span_id FROM spans") == [("p", "t", "s")]
        tell(theirs, "INSERT INTO spans (project_id, trace_id, span_id) VALUES ('p', 't', 'more')")
        assert ask(theirs, "SELECT count() FROM span_facts") == [(2,)]
        assert ask(mine, "SELECT count() FROM span_facts") == [(1,)]
