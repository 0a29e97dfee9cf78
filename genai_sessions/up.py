"""`genai-sessions up`: engine, schema, then the services as processes of their own; stopped the other way round."""

import contextlib
import http.client
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.errors import DatabaseAway, DatabaseError
from clickhouse.migrate import migrate
from clickhouse.projects import Projects
from genai_sessions.backup import refuse_half_restored
from genai_sessions.database import engine_settings, reading_database, required_database, topology
from genai_sessions.ports import reachable, refuse_busy_ports, refuse_open_bind
from genai_sessions.service import Service, stop_all
from genai_sessions.settings import Settings

READY_SECONDS = 60.0
LOOK_SECONDS = 0.05
STOP_SECONDS = {"rollup": 5.0, "api": 5.0, "receiver": 7.5}
"""Of each service, all told at once. The receiver may have to spool what is in flight."""
END_SECONDS = 8.8  # with the engine, which comes last; the rest of ten is for a slow machine to end itself
LEAST_ENGINE_SECONDS = 1.0  # it takes 0.3 s, unless it hangs; then it is killed, which costs nothing that was safe


def up(settings: Settings, projects: Projects, stop: threading.Event) -> int:
    refuse_open_bind(settings, projects)
    refuse_busy_ports(settings, "otlp_grpc_port", "otlp_http_port", "api_port")
    end = _End()
    with _database(settings, end) as (database, reader):
        refuse_half_restored(settings, database)
        with connected(database.within("default")) as client:
            migrate(client, topology(database))
        services = _services(settings, database, reader)
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
            end.begin()
            stop_all(services)
    return 0


@dataclass
class _End:
    """How long the end may take, once it has begun."""

    until: float = math.inf

    def begin(self) -> None:
        self.until = time.monotonic() + END_SECONDS

    def left(self) -> float:
        return max(LEAST_ENGINE_SECONDS, min(self.until - time.monotonic(), END_SECONDS))


@contextlib.contextmanager
def _database(settings: Settings, end: _End) -> Iterator[tuple[Database, str]]:
    """The database, and the URL that the API reads it with."""
    if settings.clickhouse_url is not None:
        reader = reading_database(settings)
        yield required_database(settings), "" if reader is None else reader.url
        return
    engine = Engine(engine_settings(settings))
    engine.start()
    try:
        yield engine.database(), engine.database("reader").url
    finally:
        engine.stop(end.left())


def _services(settings: Settings, database: Database, reader: str) -> list[Service]:
    environment = {
        "CLICKHOUSE_URL": database.url,
        "CLICKHOUSE_CLUSTER": database.cluster,
        "CLICKHOUSE_READ_URL": reader,
    }
    return [
        Service(name, [name, *_flags(name, settings)], environment, stop_seconds)
        for name, stop_seconds in STOP_SECONDS.items()
    ]


def _flags(name: str, settings: Settings) -> list[str]:
    flags = ["--data-dir", str(settings.data_dir)]
    if settings.projects is not None:
        flags += ["--projects", str(settings.projects)]
    if name == "rollup":
        return flags
    flags += ["--host", settings.host, "--api-port", str(settings.api_port), "--workers", str(settings.workers)]
    ports = ["--otlp-grpc-port", str(settings.otlp_grpc_port), "--otlp-http-port", str(settings.otlp_http_port)]
    return [*flags, *ports]


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
    connection = http.client.HTTPConnection(reachable(host), port, timeout=2)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _addresses(settings: Settings, database: Database, projects: Projects) -> str:
    host = settings.host
    keys = "no keys, this machine only" if projects.open else "keys required"
    return (
        f"genai-sessions is ready: http://{host}:{settings.api_port} "
        f"(OTLP: grpc {host}:{settings.otlp_grpc_port}, http {host}:{settings.otlp_http_port}; "
        f"ClickHouse: {database.host}:{database.port}; {keys})"
    )
