"""`genai-sessions backup` and `restore`. What was deleted since a backup stays deleted when it comes back."""

import contextlib
import hashlib
import json
import shutil
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from clickhouse_connect.driver import Client

from clickhouse.backup import (
    Place,
    checked_name,
    count_spans,
    drop,
    restore_as,
    tombstones,
    write_backup,
)
from clickhouse.connect import Database, connected
from clickhouse.embedded import running_engine
from clickhouse.engine_config import DATABASE
from clickhouse.migrate import Topology, known_migrations, migrate, pending_migrations
from clickhouse.private_files import write_private
from clickhouse.rollup.graves import Tombstone
from clickhouse.rollup.maintenance import queue_project
from clickhouse.rollup.removal import bury, remove_scores_of_deleted
from genai_sessions.database import borrowed_database, topology
from genai_sessions.import_notes import forget_imports
from genai_sessions.schema_commands import recompute_all
from genai_sessions.settings import Settings, SettingsRefused


def backup(settings: Settings, flags: Namespace) -> int:
    place = Place(checked_name(flags.name or time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())), flags.disk)
    _refuse_folder_of_nobody(settings, place)
    with borrowed_database(settings) as database, connected(database.within("default")) as client:
        _refuse_cluster(database)
        spans = count_spans(client, database.name)
        write_backup(client, database.name, place)
    print(f"{spans or 0:,} spans in {_where(settings, place)}; `genai-sessions restore {place.name}` brings them back")
    return 0


def restore(settings: Settings, flags: Namespace) -> int:
    """Tried beside what is there first; nothing is replaced by a backup that cannot be read."""
    place = _brought_in(settings, flags.name, flags.disk)
    if settings.clickhouse_url is None and running_engine(settings.data_dir) is not None:
        raise SettingsRefused("`genai-sessions up` runs on this data folder; stop it first.")
    with borrowed_database(settings) as database, connected(database.within("default")) as client:
        _refuse_cluster(database)
        known_as = flags.database or (DATABASE if settings.clickhouse_url is None else database.name)
        _try(client, known_as, place, f"{database.name}_restoring")
        _refuse_to_replace(client, database, replace=flags.replace)
        kept = _Kept.of(settings, database)
        kept.add(tombstones(client, database.name))
        forget_imports(settings.data_dir)
        drop(client, database.name)
        restore_as(client, known_as, place, database.name)
        client.database = "default"
        migrate(client, topology(database))
        _bury_again(database, kept)
        spans = count_spans(client, database.name)
    print(f"{spans or 0:,} spans restored from {_where(settings, place)}")
    return 0


def refuse_half_restored(settings: Settings, database: Database) -> None:
    """There may be nothing in it, or what was deleted; and what it took now would go when the restore is done again."""
    kept = _Kept.of(settings, database)
    if kept.path.exists():
        raise SettingsRefused(
            f"A restore into {database.address} was not finished: run it again, with --replace. "
            f"To go on with what is there, remove {kept.path}."
        )


def _try(client: Client, known_as: str, place: Place, beside: str) -> None:
    with _dropped_after(client, beside):
        restore_as(client, known_as, place, beside)
        client.database = "default"
        pending_migrations(client, Topology(beside), known_migrations())


@contextlib.contextmanager
def _dropped_after(client: Client, beside: str) -> Iterator[None]:
    drop(client, beside)  # of a restore that was killed
    try:
        yield
    finally:
        drop(client, beside)


def _refuse_to_replace(client: Client, database: Database, *, replace: bool) -> None:
    spans = count_spans(client, database.name)
    if spans and not replace:
        raise SettingsRefused(
            f"{database.address} holds {spans:,} spans. The backup can be read; --replace puts it in their place."
        )


def _bury_again(database: Database, kept: "_Kept") -> None:
    """Spans of whoever was deleted after the backup, or while it was made, are here again: recomputing finds and
    removes them. A backup may have the tombstone of a deletion, and neither what it did nor what it queued."""
    with connected(database) as client:
        client.database = database.name
        here = tombstones(client, database.name)
        newer = sorted(set(kept.read()) - set(here))
        bury(client, database.everywhere, newer)
        if here or newer:
            remove_scores_of_deleted(client, database.everywhere)
            for project_id in sorted({tombstone.project_id for tombstone in (*here, *newer)}):
                queue_project(client, database.everywhere, project_id)
            recompute_all(client, database)
        if newer:
            print("what was deleted since the backup is deleted again")
    kept.forget()


class _Kept:
    """Tombstones on disk while their database is not there: a restore that was killed finds them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, settings: Settings, database: Database) -> "_Kept":
        """A server is told from others by its address; our own engine changes its port."""
        which = database.address if settings.clickhouse_url is not None else ""
        return cls(settings.data_dir / f"restore-{hashlib.sha256(which.encode()).hexdigest()[:8]}.json")

    def read(self) -> list[Tombstone]:
        if not self.path.exists():
            return []
        rows = json.loads(self.path.read_text())
        return [Tombstone(project, kind, bytes.fromhex(subject), at_ns) for project, kind, subject, at_ns in rows]

    def add(self, more: list[Tombstone]) -> None:
        rows = [(each.project_id, each.kind, each.subject.hex(), each.deleted_ns) for each in {*self.read(), *more}]
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path, json.dumps(rows))

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)


def _refuse_cluster(database: Database) -> None:
    if database.cluster:
        raise SettingsRefused("A cluster is backed up by its own means: BACKUP DATABASE … ON CLUSTER, on every shard.")


def _refuse_folder_of_nobody(settings: Settings, place: Place) -> None:
    if settings.clickhouse_url is not None and place.disk == "":
        raise SettingsRefused("On a server of your own, --disk names one that its configuration allows for backups.")


def _brought_in(settings: Settings, name: str, disk: str) -> Place:
    """A folder from elsewhere is copied to where the engine may read."""
    folder = Path(name).expanduser()
    if disk == "" and ("/" in name or not (settings.data_dir / "backups" / name).exists()):
        if not (folder / ".backup").is_file():
            raise SettingsRefused(
                f"There is no backup {name}: neither in {settings.data_dir / 'backups'} nor as a folder."
            )
        inside = settings.data_dir / "backups" / checked_name(folder.name)
        if inside.resolve() != folder.resolve():
            shutil.copytree(folder, inside, dirs_exist_ok=True)
        return Place(folder.name)
    _refuse_folder_of_nobody(settings, Place(name, disk))
    return Place(checked_name(name), disk)


def _where(settings: Settings, place: Place) -> str:
    return f"disk {place.disk}: {place.name}" if place.disk else str(settings.data_dir / "backups" / place.name)
