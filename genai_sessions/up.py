"""`genai-sessions up`: engine, schema, then the services as processes of their own; stopped the other way round."""

import contextlib
import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.errors import DatabaseAway, DatabaseError
from clickhouse.migrate import migrate
from clickhouse.projects import Projects
from genai_sessions.database import engine_settings, topology
from genai_sessions.settings import Settings, SettingsRefused

log = logging.getLogger(__name__)

READY_SECONDS = 60.0
LOOK_SECONDS = 0.05
RECEIVER_STOP_SECONDS = 8.0  # it may have to spool what is in flight; with the rest, 10 s in all
SERVICE_STOP_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 5.0


def up(settings: Settings, projects: Projects, stop: threading.Event) -> int:
    _refuse_busy_ports(settings)
    with _database(settings) as (database, reader):
        with connected(database.within("default")) as client:
            migrate(client, topology(database))
        services = [Service(name, settings, database, reader) for name in ("rollup", "api", "receiver")]
        try:
            for service in services:
                service.start()
            _await_ready(settings, services, stop)
            if not stop.is_set():
                print(_addresses(settings, database, projects), flush=True)
            while not stop.wait(LOOK_SECONDS * 10):
                for service in services:
                    service.revive()
        finally:
            # The door first, so that nothing comes in that nobody takes.
            for service in reversed(services):
                service.stop()
    return 0


@contextlib.contextmanager
def _database(settings: Settings) -> Iterator[tuple[Database, str]]:
    """The database, and the URL that the API reads it with."""
    if settings.clickhouse_url is not None:
        yield (
            Database.from_url(settings.clickhouse_url, settings.clickhouse_cluster),
            settings.clickhouse_read_url or "",
        )
        return
    engine = Engine(engine_settings(settings))
    with engine:
        yield engine.database(), engine.database("reader").url


@dataclass
class Service:
    """One of our own commands as a child. One that dies is started again; the longer it keeps dying, the later."""

    name: str
    settings: Settings
    database: Database
    reader: str
    child: subprocess.Popen[bytes] | None = None
    back_off: float = 0.2
    revive_at: float = field(default=0.0)

    def start(self) -> None:
        self.child = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "genai_sessions", self.name, *self._flags()], env=self._environment()
        )
        self.revive_at = 0.0

    def _flags(self) -> list[str]:
        settings = self.settings
        flags = ["--data-dir", str(settings.data_dir)]
        if settings.projects is not None:
            flags += ["--projects", str(settings.projects)]
        if self.name == "rollup":
            return flags
        flags += ["--host", settings.host, "--api-port", str(settings.api_port), "--workers", str(settings.workers)]
        return [
            *flags,
            "--otlp-grpc-port",
            str(settings.otlp_grpc_port),
            "--otlp-http-port",
            str(settings.otlp_http_port),
        ]

    def _environment(self) -> dict[str, str]:
        """Passwords go by environment: a command line is everybody's to read."""
        named = {"CLICKHOUSE_URL": self.database.url, "CLICKHOUSE_CLUSTER": self.database.cluster}
        return {**os.environ, **named, "CLICKHOUSE_READ_URL": self.reader, "PYTHONUNBUFFERED": "1"}

    @property
    def ended(self) -> int | None:
        return None if self.child is None else self.child.poll()

    def revive(self) -> None:
        if self.ended is None:
            return
        if self.revive_at == 0.0:
            log.warning(
                "The %s ended (exit code %s); it is started again in %.1f s.", self.name, self.ended, self.back_off
            )
            self.revive_at = time.monotonic() + self.back_off
            self.back_off = min(2 * self.back_off, MAX_BACK_OFF_SECONDS)
        elif time.monotonic() >= self.revive_at:
            self.start()

    def stop(self) -> None:
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(RECEIVER_STOP_SECONDS if self.name == "receiver" else SERVICE_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            log.warning("The %s did not stop in time; it is killed.", self.name)
            self.child.kill()
            self.child.wait()


def _refuse_busy_ports(settings: Settings) -> None:
    for flag in ("otlp_grpc_port", "otlp_http_port", "api_port"):
        port: int = getattr(settings, flag)
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, port))
            except OSError as error:
                name = flag.replace("_", "-")
                raise SettingsRefused(
                    f"Port {port} on {settings.host} cannot be used ({error.strerror}); choose another with --{name}."
                ) from error


def _await_ready(settings: Settings, services: list[Service], stop: threading.Event) -> None:
    deadline = time.monotonic() + READY_SECONDS
    waiting = [settings.api_port, settings.otlp_http_port]
    while waiting and not stop.is_set():
        for service in services:
            if service.ended is not None:
                raise DatabaseError(f"The {service.name} could not start (exit code {service.ended}).")
        if time.monotonic() > deadline:
            raise DatabaseAway(f"Not everything was ready within {READY_SECONDS:.0f} s; see the messages above.")
        waiting = [port for port in waiting if not _is_ready(settings.host, port)]
        stop.wait(LOOK_SECONDS)


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=2)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _addresses(settings: Settings, database: Database, projects: Projects) -> str:
    host = settings.host
    keys = "no keys, this machine only" if projects.open else "keys required"
    return (
        f"genai-sessions is ready: http://{host}:{settings.api_port} "
        f"(OTLP: grpc {host}:{settings.otlp_grpc_port}, http {host}:{settings.otlp_http_port}; "
        f"ClickHouse: {database.host}:{database.port}; {keys})"
    )
