"""The embedded engine: who may do what in it, and that it is there again whatever became of it."""

import contextlib
import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clickhouse import embedded
from clickhouse.connect import Database, connect
from clickhouse.embedded import Engine, EngineSettings, running_engine
from clickhouse.engine_config import VIEWS
from clickhouse.errors import DatabaseAway, DatabaseError, DatabaseRefused
from clickhouse.migrate import Topology, migrate
from tests.clickhouse.engines import SOURCE, UNAVAILABLE, answers, as_user, ask, held_elsewhere, is_gone, tell, within
from tests.descriptors import no_descriptors

BECOME_NOBODY = "import os, chdb, genai_sessions.cli; os.geteuid() or os.setuid(65534)"
FILES_STAY_SMALL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with the schema under the name that its users' rights are for."""
    with Engine(EngineSettings(tmp_path_factory.mktemp("migrated"))) as engine:
        with contextlib.closing(connect(engine.database())) as client:
            migrate(client, Topology(engine.database().name))
        yield engine


def test_it_is_ready_within_seconds_and_stops_at_once(data_dir: Path) -> None:
    """Nobody waits for a database."""
    before = time.monotonic()
    engine = Engine(EngineSettings(data_dir))
    assert ask(engine.start(), "SELECT 1") == [(1,)]
    ready = time.monotonic()
    engine.stop()
    assert ready - before < 5
    assert time.monotonic() - ready < 3


def test_it_listens_on_loopback_only(migrated: Engine) -> None:
    """No other machine reaches it, password or not."""
    sockets = psutil.Process(migrated.pid).net_connections()
    addresses = {listening.laddr.ip for listening in sockets if listening.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}


def test_a_wrong_password_is_refused_with_a_sentence(migrated: Engine) -> None:
    """403 on the wire; for people, what to check."""
    wire = http.client.HTTPConnection("127.0.0.1", migrated.database().port, timeout=5)
    wire.request("GET", "/?query=SELECT+1", headers={"X-ClickHouse-User": "owner", "X-ClickHouse-Key": "wrong"})
    assert wire.getresponse().status == http.client.FORBIDDEN
    wire.close()
    wrong = Database("127.0.0.1", migrated.database().port, "owner", "wrong")
    with pytest.raises(DatabaseRefused, match="refuses the user or the password"):
        ask(wrong, "SELECT 1")


@pytest.mark.parametrize("view", VIEWS)
def test_grafana_reads_the_documented_views(migrated: Engine, view: str) -> None:
    """Each of them, though it may not read what they are made from."""
    assert ask(as_user(migrated, "grafana"), f"SELECT count() FROM {view}") == [(0,)]


def test_grafana_reads_nothing_else(migrated: Engine) -> None:
    """Every other table refuses it, and it sees no names of them."""
    grafana, owner = as_user(migrated, "grafana"), migrated.database()
    tables = {name for (name,) in ask(owner, "SELECT name FROM system.tables WHERE database = currentDatabase()")}
    assert {"spans", "sessions", "tombstones", "migrations"} <= tables
    for name in sorted(tables - set(VIEWS)):
        refused(grafana, f"SELECT * FROM `{name}` LIMIT 1")
    seen = {name for (name,) in ask(grafana, "SELECT name FROM system.tables WHERE database != 'system'")}
    assert seen == set(VIEWS)


FORBIDDEN = (
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "INSERT INTO FUNCTION file('/tmp/stolen', 'TSV', 'a String') VALUES ('a')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', 'genai_sessions', 'spans', 'owner', '')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "CREATE TABLE genai_sessions.mine (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE mine (a Int8)",
    "CREATE DATABASE mine",
    "CREATE FUNCTION mine AS x -> x",
    "INSERT INTO genai_sessions.migrations (number, name, checksum) VALUES (99, 'x', 'x')",
    "ALTER TABLE genai_sessions.spans DELETE WHERE 1",
    "DELETE FROM genai_sessions.spans WHERE 1",
    "TRUNCATE TABLE genai_sessions.spans",
    "DROP TABLE genai_sessions.spans",
    "BACKUP DATABASE genai_sessions TO File('/tmp/stolen')",
    "ALTER USER owner IDENTIFIED BY 'mine'",
    "CREATE USER me",
    "SELECT * FROM system.users",
    "SYSTEM SHUTDOWN",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
@pytest.mark.parametrize("user", ["default", "grafana", "reader"])
def test_those_who_read_cannot_write_or_leave_the_database(migrated: Engine, user: str, statement: str) -> None:
    """No table, no row, no file, no other server: not the reader, not Grafana, not whoever comes without a password."""
    refused(as_user(migrated, user), statement)


@pytest.mark.parametrize("table", ["genai_sessions.spans", "genai_sessions.v_sessions", "genai_sessions.migrations"])
def test_without_a_password_no_data_is_read(migrated: Engine, table: str) -> None:
    """`default` is there because the engine's own session needs it; any local process may be it."""
    refused(as_user(migrated, "default"), f"SELECT * FROM {table} LIMIT 1")


def test_passwords_are_random_private_and_stay(data_dir: Path) -> None:
    """0600, three users, the same after a restart: a Grafana set up once keeps working."""
    settings = EngineSettings(data_dir)
    with Engine(settings) as engine:
        first = json.loads(settings.engine_json.read_text())
        assert Database.from_url(first["url"]) == engine.database()
        for private in (settings.engine_json, settings.engine_dir / "users.xml"):
            assert stat.S_IMODE(private.stat().st_mode) == 0o600
        assert "password>" + first["users"]["owner"] not in (settings.engine_dir / "users.xml").read_text()
    assert set(first["users"]) == {"owner", "reader", "grafana"}
    assert len(set(first["users"].values())) == 3
    assert min(map(len, first["users"].values())) >= 24
    with Engine(settings):
        assert json.loads(settings.engine_json.read_text())["users"] == first["users"]


def test_others_find_it_through_its_folder_while_it_runs(data_dir: Path) -> None:
    """Every other command takes `engine.json`; one that is left over names nobody."""
    assert running_engine(data_dir) is None
    with Engine(EngineSettings(data_dir)) as engine:
        assert running_engine(data_dir) == engine.database()
    assert running_engine(data_dir) is None


def test_a_second_start_on_the_same_folder_is_refused(data_dir: Path) -> None:
    """Two engines on one folder would ruin it; the sentence names who has it."""
    with held_elsewhere(data_dir) as (holder, database, _):
        before = time.monotonic()
        with pytest.raises(DatabaseRefused, match=f"is in use by process {holder.pid}.*--data-dir"):
            Engine(EngineSettings(data_dir)).start()
        assert time.monotonic() - before < 2
        assert answers(database)


def test_after_its_owner_is_killed_the_next_start_finds_everything(data_dir: Path) -> None:
    """kill -9 of whoever holds it: the engine goes too, its lock is not in the way, nothing acknowledged is lost."""
    with held_elsewhere(data_dir) as (holder, database, pid):
        tell(database, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
        for number in range(20):
            tell(database, f"INSERT INTO kept VALUES ({number})")
        holder.kill()
        holder.wait()
        with Engine(EngineSettings(data_dir)) as engine:
            assert ask(engine.database(), "SELECT count(), max(n) FROM kept") == [(20, 19)]
        assert is_gone(pid)


def test_it_comes_back_by_itself_after_kill_9(data_dir: Path) -> None:
    """On the same port, with the same password and everything it had acknowledged."""
    with Engine(EngineSettings(data_dir)) as engine:
        database, first = engine.database(), engine.pid
        tell(database, "CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n", "INSERT INTO kept VALUES (1)")
        os.kill(first, signal.SIGKILL)
        assert within(30, lambda: engine.restarts == 1 and answers(database))
        assert ask(database, "SELECT n FROM kept") == [(1,)]
        assert engine.pid != first


def test_it_comes_back_when_a_local_process_stops_its_listener(data_dir: Path) -> None:
    """Anybody on this machine may do that to it, without a password; it costs seconds."""
    with Engine(EngineSettings(data_dir)) as engine:
        database = engine.database()
        with contextlib.suppress(*UNAVAILABLE):
            tell(as_user(engine, "default"), "SYSTEM STOP LISTEN HTTP")
        assert within(30, lambda: engine.restarts == 1 and answers(database))


def test_an_engine_that_hangs_is_unavailable_and_then_replaced(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGSTOP: who asks is told within bounded time, never left hanging."""
    monkeypatch.setattr(embedded, "HUNG_SECONDS", 1.0)
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.5)
    with Engine(EngineSettings(data_dir)) as engine:
        database, first = engine.database(), engine.pid
        with contextlib.closing(connect(database)) as client:
            os.kill(first, signal.SIGSTOP)
            before = time.monotonic()
            with pytest.raises(UNAVAILABLE):
                client.query("SELECT 1")
            assert time.monotonic() - before < 20
        assert within(40, lambda: answers(database))
        assert engine.pid != first


def test_it_is_still_watched_after_a_time_without_descriptors(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be asked then, which says nothing of it; what dies later is replaced."""
    monkeypatch.setattr(embedded, "PING_SECONDS", 0.1)
    monkeypatch.setattr(embedded, "HUNG_SECONDS", 0.3)
    with Engine(EngineSettings(data_dir)) as engine:
        first = engine.pid
        with no_descriptors():
            time.sleep(1)
        assert (engine.pid, engine.restarts) == (first, 0)
        os.kill(first, signal.SIGKILL)
        assert within(20, lambda: engine.restarts > 0 and answers(engine.database()))


def test_it_stays_stopped_though_it_died_just_before(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops it while it is being restarted leaves no engine behind, and the folder free."""
    settings = EngineSettings(data_dir)
    launched: list[int] = []
    launch = Engine._launch

    def slowly(engine: Engine) -> None:
        time.sleep(0.3)
        launch(engine)
        launched.append(engine.pid)

    engine = Engine(settings)
    engine.start()
    monkeypatch.setattr(Engine, "_launch", slowly)
    os.kill(engine.pid, signal.SIGKILL)
    assert within(5, lambda: engine.restarts == 1)
    time.sleep(0.2)
    engine.stop()
    assert all(map(is_gone, launched))
    with Engine(settings):
        pass


def test_an_idle_engine_is_idle(migrated: Engine) -> None:
    """The query that it lives on sleeps; a careless form of it burns a core."""
    child = psutil.Process(migrated.pid)
    before = child.cpu_times()
    time.sleep(3)
    after = child.cpu_times()
    assert after.user + after.system - before.user - before.system < 0.6


def test_its_log_is_bounded(data_dir: Path) -> None:
    """A log that has grown is moved aside, and of those few are kept."""
    settings = EngineSettings(data_dir)
    settings.engine_dir.mkdir(parents=True)
    log = settings.engine_dir / "engine.log"
    log.write_bytes(b"x" * 21_000_000)
    with Engine(settings) as engine:
        for _ in range(20):
            refused(as_user(engine, "default"), "SELECT * FROM system.users")
        assert within(10, lambda: log.stat().st_size < 1_000_000)
        asides = [path for path in settings.engine_dir.glob("engine.log*") if path != log]
        assert 0 < len(asides) <= 2


def test_no_system_table_logs_queries(migrated: Engine) -> None:
    """A peer's system logs filled 67 GB beside 51 MB of data."""
    tell(migrated.database(), *["SELECT 1 FORMAT Null"] * 20, "SYSTEM FLUSH LOGS")
    logs = "SELECT name FROM system.tables WHERE database = 'system' AND engine LIKE '%MergeTree'"
    assert ask(migrated.database(), logs) == []


def test_its_memory_is_limited_as_set(data_dir: Path) -> None:
    """What a query may not have, it is refused, and the engine lives on."""
    with Engine(EngineSettings(data_dir, memory_bytes=1 << 30)) as engine:
        database = engine.database()
        limits = "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'"
        assert ask(database, limits) == [(str(1 << 30),)]
        refused(database, "SELECT length(groupArray(toString(number))) FROM numbers(50000000)", "memory limit exceeded")
        assert answers(database)


def test_without_a_setting_it_takes_a_quarter_of_the_machine(migrated: Engine) -> None:
    """But never less than a gigabyte."""
    machine = psutil.virtual_memory().total
    limits = "SELECT toUInt64(value) FROM system.server_settings WHERE name = 'max_server_memory_usage'"
    [(given,)] = ask(migrated.database(), limits)
    assert given == pytest.approx(max(1 << 30, machine // 4), rel=0.01)


def test_a_port_that_is_taken_is_refused(data_dir: Path, migrated: Engine) -> None:
    """With the sentence that says which flag to change, and the folder free for another try."""
    taken = migrated.database().port
    with pytest.raises(DatabaseRefused, match=f"Port {taken} is in use.*--clickhouse-port"):
        Engine(EngineSettings(data_dir, http_port=taken)).start()
    with Engine(EngineSettings(data_dir)):
        pass


def test_a_given_port_is_the_one_it_takes(data_dir: Path) -> None:
    """`--clickhouse-port` is the HTTP port."""
    port = embedded._free_port()
    with Engine(EngineSettings(data_dir, http_port=port)) as engine:
        assert engine.database().port == port
        assert answers(engine.database())


def test_without_the_wheel_the_way_out_is_named(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none for every platform."""
    monkeypatch.setattr(embedded, "find_spec", lambda _: None)
    with pytest.raises(DatabaseRefused, match="CLICKHOUSE_URL"):
        Engine(EngineSettings(data_dir)).start()
    assert not data_dir.exists()


def test_an_engine_that_cannot_start_says_where_its_log_is(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch rests on a private function of the wheel: where it changed, this is what people read."""
    monkeypatch.setattr(embedded, "config_xml", lambda *_: "<clickhouse><http_port>none</http_port></clickhouse>")
    before = time.monotonic()
    with pytest.raises(DatabaseRefused, match=r"did not start.*engine\.log.*CLICKHOUSE_URL"):
        Engine(EngineSettings(data_dir)).start()
    assert time.monotonic() - before < 10


def test_a_folder_without_rights_is_refused_with_one_sentence() -> None:
    """Nothing is made in it, and the exit is not zero."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        answer = migrate_command(Path(folder) / "data", first=BECOME_NOBODY)
        assert list(Path(folder).iterdir()) == []
    assert_one_sentence(answer, "cannot be used: Permission denied")


def test_a_folder_that_is_a_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    """Likewise."""
    (tmp_path / "data").write_text("mine")
    assert_one_sentence(migrate_command(tmp_path / "data"), "cannot be used: ")
    assert (tmp_path / "data").read_text() == "mine"


def test_where_files_cannot_grow_one_sentence_says_so(data_dir: Path) -> None:
    """A quota on the size of files; without it, the next start is as if nothing had been."""
    assert_one_sentence(migrate_command(data_dir, first=FILES_STAY_SMALL), "cannot be used: File too large")
    assert_one_start_later_all_is_well(data_dir)


def test_a_start_on_a_full_disk_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """One sentence; with room again, the next start is as if nothing had been."""
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        assert_one_sentence(migrate_command(disk / "data"), "is full")
        assert list(disk.iterdir()) == []
        grow(disk, megabytes=100)
        assert_one_start_later_all_is_well(disk / "data")


def test_a_disk_that_fills_up_costs_nothing_acknowledged(tmp_path: Path) -> None:
    """Inserts are refused with a sentence, reads go on, and with room again so do inserts."""
    fill = "INSERT INTO kept SELECT {0}, randomString(1000000) FROM numbers(1)"
    with small_disk(tmp_path / "disk", megabytes=24) as disk, Engine(EngineSettings(disk / "data")) as engine:
        database = engine.database()
        tell(database, "CREATE TABLE kept (n UInt64, filler String CODEC(NONE)) ENGINE = MergeTree ORDER BY n")
        stored, refusal = stored_until_refused(database, [fill.format(number) for number in range(30)])
        assert refusal == f"The disk of the database at {database.address} is full."
        assert ask(database, "SELECT count(), uniqExact(n) FROM kept") == [(stored, stored)]
        grow(disk, megabytes=100)
        tell(database, fill.format(stored))
        assert ask(database, "SELECT count() FROM kept") == [(stored + 1,)]
        assert engine.restarts == 0


def stored_until_refused(database: Database, inserts: list[str]) -> tuple[int, str]:
    for number, insert in enumerate(inserts):
        try:
            tell(database, insert)
        except DatabaseError as refusal:
            return number, str(refusal)
    return len(inserts), ""


def grow(disk: Path, *, megabytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(disk)], check=True)


@contextlib.contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    size = f"size={megabytes}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def migrate_command(data_dir: Path, *, first: str = "") -> "subprocess.CompletedProcess[str]":
    """`genai-sessions migrate`, which starts an engine for its own run; before that, whatever is to be done first."""
    code = f"import sys\n{first}\nfrom genai_sessions.cli import main\nsys.exit(main())"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": "/"}
    return subprocess.run(
        [sys.executable, "-c", code, "migrate", "--data-dir", str(data_dir)],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def assert_one_sentence(answer: "subprocess.CompletedProcess[str]", expected: str) -> None:
    assert answer.returncode == 1, answer
    assert answer.stdout == ""
    assert answer.stderr.startswith("genai-sessions: "), answer.stderr
    assert answer.stderr.count("\n") == 1, answer.stderr
    assert expected in answer.stderr


def assert_one_start_later_all_is_well(data_dir: Path) -> None:
    answer = migrate_command(data_dir)
    assert answer.returncode == 0, answer.stderr
    assert migrate_command(data_dir).stdout == "the schema is up to date\n"


def refused(database: Database, statement: str, expected: str = "privileges|ACCESS_DENIED|readonly") -> None:
    with pytest.raises((DatabaseError, *UNAVAILABLE), match=expected) as raised:
        ask(database, statement)
    assert not isinstance(raised.value, DatabaseAway)
