"""`genai-sessions doctor`: everything that can be looked at from outside, each with what to do about it."""

import http.client
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import grpc
from clickhouse_connect.driver import Client

from clickhouse.connect import Database, connected
from clickhouse.errors import DatabaseError
from clickhouse.migrate import known_migrations, pending_migrations
from clickhouse.projects import BadProjects
from clickhouse.rollup.maintenance import lag
from genai_sessions.arguments import installed_version
from genai_sessions.database import named_database, topology
from genai_sessions.ports import reachable, why_not
from genai_sessions.settings import Settings, known_projects
from otel_receiver.dead_letters import DeadLetters

PORTS = {"otlp_grpc_port": "OTLP over gRPC", "otlp_http_port": "OTLP over HTTP", "api_port": "API"}
LEAST_FREE_BYTES = 1 << 30
LATE_SECONDS = 30.0
ANSWER_SECONDS = 3.0


class Finding(NamedTuple):
    fine: bool
    subject: str
    found: str
    advice: str = ""


def doctor(settings: Settings, _: Namespace) -> int:
    """The exit code says whether anything is wrong."""
    worst = 0
    for finding in _findings(settings):
        advice = "" if finding.advice == "" else f" -> {finding.advice}"
        print(f"{'ok ' if finding.fine else 'BAD'} {finding.subject}: {finding.found}{advice}")
        worst = max(worst, int(not finding.fine))
    return worst


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding(fine=True, subject="versions", found=_versions())
    yield _projects(settings)
    yield _disk(settings.data_dir)
    with ThreadPoolExecutor(len(PORTS)) as looking:  # a stranger may never answer
        yield from looking.map(lambda port: _port(settings, *port), PORTS.items())
    yield _spool(settings.data_dir)
    yield _dead_letters(settings.data_dir)
    yield from _of_database(settings)


def _versions() -> str:
    found = [f"genai-sessions {installed_version()}", f"Python {sys.version.split()[0]}"]
    for name in ("chdb", "clickhouse-connect", "grpcio", "genai-prices"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    return ", ".join(found)


def _projects(settings: Settings) -> Finding:
    try:
        projects = known_projects(settings)
    except BadProjects as error:
        return Finding(fine=False, subject="projects", found=str(error), advice="correct the file")
    keys = "no file: one project, keys are ignored, this machine only" if projects.open else f"{settings.projects}"
    return Finding(fine=True, subject="projects", found=f"{len(projects.by_id)} ({keys})")


def _disk(data_dir: Path) -> Finding:
    existing = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    found = f"{data_dir}{'' if data_dir.exists() else ' (not made yet)'}, {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Finding(fine=False, subject="disk", found=found, advice="make room, or choose another --data-dir")
    return Finding(fine=True, subject="disk", found=found)


def _port(settings: Settings, name: str, about: str) -> Finding:
    port: int = getattr(settings, name)
    complaint = why_not(settings.host, port)
    if complaint is None:
        return Finding(fine=True, subject=f"port {port}", found=f"free for {about}; nothing listens there now")
    found = (_grpc_readiness if name == "otlp_grpc_port" else _readiness)(reachable(settings.host), port)
    if found == "ready":
        return Finding(fine=True, subject=f"port {port}", found=f"{about} is ready")
    advice = f"see what listens there, or choose another with --{name.replace('_', '-')}"
    return Finding(
        fine=False, subject=f"port {port}", found=f"in use, but {about} is not ready: {found}", advice=advice
    )


def _readiness(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        return "ready" if answer.status == http.client.OK else answer.read(300).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return str(error) or "no answer"
    finally:
        connection.close()


def _grpc_readiness(host: str, port: int) -> str:
    """By gRPC's own health service, whose answer of one byte is 1 when it serves."""
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        ask = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
        try:
            return "ready" if ask(b"", timeout=ANSWER_SECONDS) == b"\x08\x01" else "it is not serving"
        except grpc.RpcError as error:
            return f"no answer in gRPC ({error.code().name})" if hasattr(error, "code") else "no answer"


def _spool(data_dir: Path) -> Finding:
    size = sum(path.stat().st_size for path in (data_dir / "spool").glob("*/*.log"))
    broken = len(list((data_dir / "spool-corrupt").glob("*")))
    if broken > 0:
        advice = f"the disk has lost data; look at {data_dir / 'spool-corrupt'}"
        return Finding(fine=False, subject="spool", found=f"{size} bytes wait, {broken} broken places", advice=advice)
    waits = "empty" if size == 0 else f"{size} bytes wait for the database; a receiver on this folder stores them"
    return Finding(fine=True, subject="spool", found=waits)


def _dead_letters(data_dir: Path) -> Finding:
    count = sum(letter.batch.span_count for letter in DeadLetters(data_dir / "dead-letters").letters())
    if count == 0:
        return Finding(fine=True, subject="dead letters", found="none")
    advice = "`genai-sessions dead-letter list` says why, `replay` tries again"
    return Finding(fine=False, subject="dead letters", found=f"{count} spans were refused", advice=advice)


def _of_database(settings: Settings) -> Iterator[Finding]:
    try:
        database = named_database(settings)
        if database is None:
            found = "none is named, and none runs on this data folder"
            yield Finding(fine=True, subject="database", found=found, advice="`genai-sessions up` starts one")
            return
        with connected(database.within("default"), connections=1) as client:
            version_found = f"ClickHouse {client.server_version} at {database.address}"
            yield Finding(fine=True, subject="database", found=version_found)
            yield from _schema(client, database)
    except DatabaseError as error:
        yield Finding(fine=False, subject="database", found=str(error), advice="correct that, and look again")


def _schema(client: Client, database: Database) -> Iterator[Finding]:
    pending = pending_migrations(client, topology(database), known_migrations())
    if pending:
        names = ", ".join(migration.name for migration in pending)
        yield Finding(fine=False, subject="schema", found=f"lacks {names}", advice="run `genai-sessions migrate`")
        return
    yield Finding(fine=True, subject="schema", found="up to date")
    with connected(database, connections=1) as own:
        behind = lag(own)
    queued = f"{behind.queued_trace_changes} traces and {behind.queued_session_changes} sessions are queued"
    found = f"{queued}, for {behind.lag_seconds:.1f} s"
    late = behind.lag_seconds > LATE_SECONDS
    yield Finding(not late, "rollup", found, "start `genai-sessions rollup`, or see its log" if late else "")
    aside = behind.quarantined_traces
    advice = "the rollup's log says why; `genai-sessions rebuild` tries again" if aside > 0 else ""
    yield Finding(aside == 0, "quarantined traces", str(aside), advice)
