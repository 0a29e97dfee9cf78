"""A ClickHouse of our own: a supervised child process on loopback, its data and passwords in the data folder."""

import contextlib
import errno
import fcntl
import http.client
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from clickhouse.connect import Database, connected
from clickhouse.engine_config import DATABASE, Passwords, config_xml, users_xml
from clickhouse.errors import DatabaseAway, DatabaseError, DatabaseRefused
from clickhouse.machine import memory_bytes
from clickhouse.private_files import write_private
from clickhouse.readers import known_readers

log = logging.getLogger(__name__)

READY_SECONDS = 60.0  # measured: 0.2 to 0.6 s; a large data folder after a crash may need to load many parts
STOP_SECONDS = 10.0
PING_SECONDS = 2.0
HUNG_SECONDS = 30.0  # longer than any pause of a busy engine; callers have their own, shorter limits
MAX_BACK_OFF_SECONDS = 5.0
LOCK_SECONDS = 5.0  # an engine whose parent was killed ends within 0.1 s
MIN_MEMORY_BYTES = 1 << 30
MIN_FREE_BYTES = 16 << 20
"""The schema alone takes a megabyte, and the engine refuses to write with less left than that."""
PORT_TRIES = 3


@dataclass(frozen=True)
class EngineSettings:
    data_dir: Path
    http_port: int | None = None  # None: a free one
    memory_bytes: int | None = None  # None: a quarter of the machine, at least 1 GiB
    shards: tuple[int, ...] = ()  # TCP ports of the engines of one trial cluster
    tcp_port: int | None = None  # None: a free one; that of a shard must be known beforehand

    @property
    def engine_dir(self) -> Path:
        return self.data_dir / "engine"

    @property
    def engine_json(self) -> Path:
        return self.data_dir / "engine.json"


def running_engine(data_dir: Path) -> Database | None:
    """The engine that another process has started on this data folder, or None."""
    path = EngineSettings(data_dir).engine_json
    try:
        written = json.loads(path.read_text())
        database = Database.from_url(written["url"])
    except (OSError, ValueError, KeyError):
        return None
    return database if _listens(database.port) else None


def running_passwords(data_dir: Path) -> Passwords:
    """Of the engine that runs on this data folder, or did last."""
    return Passwords(**json.loads(EngineSettings(data_dir).engine_json.read_text())["users"])


class Engine:
    """Owns one child process. `start` returns when it answers; if it dies later it is started again."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._lock: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._stopping = threading.Event()
        self.restarts = 0

    def start(self) -> Database:
        if find_spec("chdb") is None:
            raise DatabaseRefused(
                "There is no embedded ClickHouse for this platform (no chdb wheel is installed). "
                "Point CLICKHOUSE_URL at a ClickHouse server instead."
            )
        try:
            _refuse_full_disk(self._settings.data_dir)
            self._settings.engine_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _locked(self._settings.data_dir / "engine.lock")
            self._passwords = _kept_passwords(self._settings)
            self._launch_on_free_ports()
        except OSError as error:
            self.stop()
            raise DatabaseRefused(
                f"The data folder {self._settings.data_dir} cannot be used: {error.strerror}."
            ) from error
        except DatabaseError:
            self.stop()
            raise
        self._watcher = threading.Thread(target=self._watch, name="engine-watcher", daemon=True)
        self._watcher.start()
        return self.database()

    def database(self, user: str = "owner") -> Database:
        return Database("127.0.0.1", self._http_port, user, getattr(self._passwords, user), DATABASE)

    def stop(self, within_s: float = STOP_SECONDS) -> None:
        """One that takes longer is killed: what it has answered for is safe either way."""
        self._stopping.set()
        if self._child is not None:
            _end(self._child, within_s)
        if self._watcher is not None:
            self._watcher.join(STOP_SECONDS)
        if self._child is not None:
            _end(self._child, within_s)  # the watcher may have started another one just before
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def pid(self) -> int:
        if self._child is None:
            raise DatabaseAway("The embedded engine is not started.")
        return self._child.pid

    @property
    def _log(self) -> Path:
        return self._settings.engine_dir / "engine.log"

    @property
    def _start_log(self) -> Path:
        return self._settings.engine_dir / "engine.start.log"

    def _complaint(self) -> str:
        """What an engine that could not even start said last."""
        return (self._start_log.read_text(errors="replace").strip().splitlines() or ["nothing"])[-1][:300]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch_on_free_ports(self) -> None:
        """A port that was free may be taken by the time the engine listens on it."""
        for tries_left in reversed(range(PORT_TRIES)):
            self._http_port, self._tcp_port = self._ports()
            self._write_configuration()
            self._launch()
            try:
                self._await_ready()
            except DatabaseRefused:
                if tries_left == 0 or "Address already in use" not in self._complaint():
                    raise
            else:
                return

    def _ports(self) -> tuple[int, int]:
        wanted = self._settings.http_port
        if wanted is not None and _listens(wanted):
            raise DatabaseRefused(f"Port {wanted} is in use; choose another with --clickhouse-port.")
        given = self._settings.tcp_port
        return (wanted if wanted is not None else _free_port()), (given if given is not None else _free_port())

    def _write_configuration(self) -> None:
        folder = self._settings.engine_dir
        memory = self._settings.memory_bytes or max(MIN_MEMORY_BYTES, memory_bytes() // 4)
        (folder / "config.xml").write_text(config_xml(self._http_port, self._tcp_port, memory, self._settings.shards))
        write_private(folder / "users.xml", users_xml(self._passwords, known_readers(self._settings.data_dir)))
        users = self._passwords._asdict()
        known = {"url": self.database().url, "database": DATABASE, "users": users}
        write_private(self._settings.engine_json, json.dumps(known, indent=2))

    def _launch(self) -> None:
        if self._lock is None:
            raise DatabaseAway("The embedded engine is stopped.")
        ours = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        with self._start_log.open("wb") as start_log:
            # The child keeps the lock too: as long as it lives the folder is in use, whatever became of us.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "clickhouse.engine"],
                cwd=self._settings.engine_dir,
                env={**os.environ, "PYTHONPATH": ours},
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=start_log,
                pass_fds=(self._lock.fileno(),),
            )

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._stopping.is_set():
                raise DatabaseAway("The embedded engine was stopped while it started.")
            if self._answers():
                return
            if self._child is not None and self._child.poll() is not None:
                raise DatabaseRefused(
                    f"The embedded engine did not start; it said: {self._complaint()} Its log is {self._log}. "
                    "A ClickHouse server of your own works too: set CLICKHOUSE_URL."
                )
            time.sleep(0.02)
        raise DatabaseRefused(f"The embedded engine did not answer within {READY_SECONDS:.0f} s; see {self._log}.")

    def _answers(self) -> bool:
        if not _listens(self._http_port):
            return False
        try:
            with connected(self.database().within("default"), connections=1) as client:
                client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        except (DatabaseAway, DatabaseRefused):
            return False  # not yet; or somebody else, who took the port before us
        return True

    def _watch(self) -> None:
        back_off, silent_since = 0.1, time.monotonic()
        while not self._stopping.is_set():
            child = self._child
            if child is None:
                return
            try:
                child.wait(PING_SECONDS)
            except subprocess.TimeoutExpired:
                # A stopped listener refuses at once, a hung engine lets us wait.
                answers, listens = _signs_of(self._http_port)
                if answers:
                    back_off, silent_since = 0.1, time.monotonic()
                    continue
                if listens and time.monotonic() - silent_since < HUNG_SECONDS:
                    continue
                if self._stopping.is_set():
                    return  # it is silent because it ends
                log.warning("The embedded engine does not answer any more; it is restarted.")
            _end(child, STOP_SECONDS)
            if self._stopping.is_set():
                return
            self.restarts += 1
            log.warning("The embedded engine ended (exit code %s); it is started again.", child.returncode)
            if self._stopping.wait(back_off):
                return
            back_off = min(2 * back_off, MAX_BACK_OFF_SECONDS)
            with contextlib.suppress(DatabaseError, OSError):
                self._launch()
                self._await_ready()
            silent_since = time.monotonic()


def _refuse_full_disk(data_dir: Path) -> None:
    existing = next(folder for folder in (data_dir, *data_dir.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        raise DatabaseRefused(
            f"The disk that holds {data_dir} is full ({free / (1 << 20):.1f} MiB free, at least "
            f"{MIN_FREE_BYTES >> 20} MiB are needed). Make room, or choose another with --data-dir."
        )


def _locked(path: Path) -> IO[str]:
    """The lock of a data folder. It lies on an open file, so it dies with its holders and is never stale."""
    lock = path.open("a+")
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            holder = _holder(lock)
            if holder is not None or time.monotonic() > deadline:
                lock.close()
                by = f"process {holder}" if holder is not None else "another process"
                raise DatabaseRefused(
                    f"The data folder {path.parent} is in use by {by}. Stop it, or choose another with --data-dir."
                ) from error
            time.sleep(0.05)
        else:
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            return lock


def _holder(lock: IO[str]) -> int | None:
    """The process that took the lock, if it still lives; None where only its ending child is left."""
    lock.seek(0)
    text = lock.read().strip()
    return int(text) if text.isdigit() and _lives(int(text)) else None


def _kept_passwords(settings: EngineSettings) -> Passwords:
    """The passwords of the last start, so that a Grafana set up once keeps working; else new ones."""
    if settings.shards:
        return Passwords("shards", "shards", "shards")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return running_passwords(settings.data_dir)
    return Passwords(*(secrets.token_urlsafe(24) for _ in Passwords._fields))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: Any = probe.getsockname()[1]
        return int(port)


def _signs_of(port: int) -> tuple[bool, bool]:
    """Whether it answers, or listens at least. The best is thought of it where that cannot be told: without descriptors
    of our own, nobody can be asked."""
    try:
        answers = _pings(port)
        return answers, answers or _listens(port)
    except OSError:
        return True, True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _pings(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PING_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(child: subprocess.Popen[bytes], within_s: float) -> None:
    """The end of its standard input is the child's signal to stop; a child that hangs is killed."""
    if child.stdin is not None:
        with contextlib.suppress(OSError):
            child.stdin.close()
    try:
        child.wait(within_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
