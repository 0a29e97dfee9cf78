"""`genai-sessions migrate` and `rebuild`: the schema, and everything that is made from spans."""

from argparse import Namespace

from clickhouse_connect.driver import Client

from clickhouse import migrate as migrations
from clickhouse.connect import Database, connected
from clickhouse.rollup import maintenance
from clickhouse.rollup.worker import Worker
from genai_sessions.database import borrowed_database, topology
from genai_sessions.settings import Settings

UP_TO_DATE = "the schema is up to date"


def migrate(settings: Settings, flags: Namespace) -> int:
    with borrowed_database(settings) as database, connected(database.within("default")) as client:
        if flags.dry_run:
            _print_pending(client, database)
            return 0
        applied = migrations.migrate(client, topology(database))
    print("\n".join(f"applied {name}" for name in applied) if applied else UP_TO_DATE)
    return 0


def _print_pending(client: Client, database: Database) -> None:
    pending = migrations.pending_migrations(client, topology(database), migrations.known_migrations())
    if len(pending) == 0:
        print(UP_TO_DATE)
    for migration in pending:
        for statement in migrations.rendered(migration.text, topology(database)):
            print(f"-- {migration.name}, in {statement.database}\n{statement.text};\n")


def rebuild(settings: Settings, _: Namespace) -> int:
    with borrowed_database(settings) as database, connected(database) as client:
        maintenance.rebuild(client, print)
        recompute_all(client, database)
    print("everything is recomputed")
    return 0


def recompute_all(client: Client, database: Database) -> None:
    """Until nothing is queued any more."""
    worker = Worker(client, database.everywhere)
    while worker.round().anything:
        behind = maintenance.lag(client)
        print(f"{behind.queued_trace_changes} traces and {behind.queued_session_changes} sessions to go")
