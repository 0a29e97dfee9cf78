"""The command line: a contract. What it refuses, it refuses with one sentence and a non-zero exit."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from clickhouse.connect import connected
from clickhouse.errors import DatabaseError
from clickhouse.migrate import known_migrations, migrate, pending_migrations, rendered
from clickhouse.projects import BadProjects, Projects, load, without_file
from clickhouse.rollup.maintenance import lag, rebuild
from clickhouse.rollup.worker import Worker
from genai_sessions.database import borrowed_database, required_database, topology
from genai_sessions.service import end_with_parent, stop_on_signal
from genai_sessions.settings import Settings, SettingsRefused, read_settings

COULD_NOT = 1


def main(arguments: Sequence[str] | None = None) -> int:
    flags = _parser().parse_args(arguments)
    end_with_parent()
    _set_up_logging(verbose=flags.verbose)
    command: Callable[[Settings, argparse.Namespace], int] = flags.command
    try:
        return command(read_settings(flags), flags)
    except (DatabaseError, SettingsRefused, BadProjects) as refusal:
        print(f"genai-sessions: {refusal}", file=sys.stderr)
        return COULD_NOT
    except KeyboardInterrupt:
        return 0


def known_projects(settings: Settings) -> Projects:
    return without_file() if settings.projects is None else load(settings.projects)


def _set_up_logging(*, verbose: bool) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # They tell every retry of a connection at length; we say once what it means.
    for chatty in ("clickhouse_connect", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="genai-sessions",
        description="Sessions from OpenTelemetry: receives GenAI spans over OTLP, keeps them in ClickHouse, and serves "
        "what every conversation cost, how long it took, what failed and what was said.",
        epilog="Settings may also come from the environment (GENAI_SESSIONS_DATA_DIR and so on); flags win.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    shared = _shared_flags()
    ports = _port_flags()

    def add(
        name: str, about: str, command: Callable[..., int], *flags: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about, parents=[shared, *flags])
        added.set_defaults(command=command)
        return added

    add("up", "Start everything: ClickHouse, receiver, rollup, API and pages.", _up, ports)
    add("receiver", "Receive OTLP on its own; it takes data even while the database is away.", _receiver, ports)
    add("api", "Serve the API and the pages on their own.", _api, ports)
    add("rollup", "Keep sessions up to date on its own.", _rollup)
    migration = add("migrate", "Bring the database's schema up to date.", _migrate)
    migration.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    add("rebuild", "Make everything anew from the spans, and wait until it is done.", _rebuild)
    return parser


def _version() -> str:
    try:
        return version("genai-sessions")
    except PackageNotFoundError:
        return "from a source folder"


def _shared_flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument("--data-dir", metavar="DIR", help="where data lives (default: the user's data folder)")
    flags.add_argument("--clickhouse-url", metavar="URL", help="a ClickHouse to use instead of the embedded one")
    flags.add_argument(
        "--clickhouse-port", metavar="N", help="HTTP port of the embedded ClickHouse (default: a free one)"
    )
    flags.add_argument(
        "--projects", metavar="FILE", help="projects and keys (TOML); without it, one project on loopback"
    )
    flags.add_argument("--verbose", action="store_true", help="log more")
    return flags


def _port_flags() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(add_help=False)
    flags.add_argument("--host", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    flags.add_argument("--otlp-grpc-port", metavar="N", help="OTLP over gRPC (default: 4317)")
    flags.add_argument("--otlp-http-port", metavar="N", help="OTLP over HTTP (default: 4318)")
    flags.add_argument("--api-port", metavar="N", help="the API and the pages (default: 8080)")
    flags.add_argument("--workers", metavar="N", help="receiver processes on one port (default: 1)")
    return flags


def _up(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.up import up  # noqa: PLC0415 - servers are imported by those who serve

    return up(settings, known_projects(settings), stop_on_signal())


def _receiver(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.receiver_service import receive  # noqa: PLC0415

    return receive(settings, known_projects(settings))


def _api(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.api_service import serve_api  # noqa: PLC0415

    return serve_api(settings, known_projects(settings))


def _rollup(settings: Settings, _: argparse.Namespace) -> int:
    from genai_sessions.rollup_service import roll_up  # noqa: PLC0415

    roll_up(required_database(settings), known_projects(settings), stop_on_signal())
    return 0


def _migrate(settings: Settings, flags: argparse.Namespace) -> int:
    with borrowed_database(settings) as database, connected(database.within("default")) as client:
        if flags.dry_run:
            for migration in pending_migrations(client, topology(database), known_migrations()):
                for statement in rendered(migration.text, topology(database)):
                    print(f"-- {migration.name}, in {statement.database}\n{statement.text};\n")
            return 0
        applied = migrate(client, topology(database))
    print("\n".join(f"applied {name}" for name in applied) if applied else "the schema is up to date")
    return 0


def _rebuild(settings: Settings, _: argparse.Namespace) -> int:
    with borrowed_database(settings) as database, connected(database) as client:
        rebuild(client, print)
        worker = Worker(client, database.everywhere)
        while worker.round().anything:
            behind = lag(client)
            print(f"{behind.queued_trace_changes} traces and {behind.queued_session_changes} sessions to go")
    print("everything is recomputed")
    return 0
