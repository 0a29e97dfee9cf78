"""The schema's history: numbered, frozen `.sql` files, applied once each, forward only.

Every statement is idempotent, so two processes that start at once do each other no harm: the worst is that both apply
the same file and both note it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from clickhouse_connect.driver import Client

from clickhouse.errors import DatabaseRefused

MIGRATIONS = Path(__file__).parent / "migrations"

_CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations
(number UInt32, name String, checksum String, applied_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'))
ENGINE = ReplacingMergeTree ORDER BY number
"""
_HAS_LEDGER = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'migrations'"
_READ_LEDGER = "SELECT number, name, checksum FROM {database:Identifier}.migrations FINAL ORDER BY number"

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")
_VIEW = re.compile(r"CREATE (?:VIEW IF NOT EXISTS|OR REPLACE VIEW) (\w+)")
_CREATED = re.compile(r"CREATE (?:(?:TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|OR REPLACE VIEW) \w+")
_INSERT = re.compile(r"^INSERT INTO", re.MULTILINE)
_ENGINE = re.compile(r"ENGINE = (\w*MergeTree)(?:\(([^)]*)\))?")
_SHARD_KEY = re.compile(r"^-- shard by (.+)$", re.MULTILINE)
_REPLICA_PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
_LEDGER_PATH = "'/clickhouse/tables/all/{database}/migrations', '{shard}-{replica}'"  # one for all shards


class Migration(NamedTuple):
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Topology:
    """Where the tables lie. One server: as written. A cluster: each table once per shard, under its own name, and in
    the database `<name>_all` a Distributed table of the same name over all of them."""

    database: str
    cluster: str = ""
    replicated: bool = True  # only a trial cluster of embedded engines is not

    @property
    def everywhere(self) -> str:
        return f"{self.database}_all"


class Statement(NamedTuple):
    database: str
    text: str


def known_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [Migration(int(file.name[:4]), file.stem, file.read_text()) for file in files]


def pending_migrations(client: Client, topology: Topology, known: list[Migration]) -> list[Migration]:
    """What the database still lacks. Refuses one that is newer than this code, or whose past differs from ours."""
    applied = _applied(client, topology)
    newest = max((migration.number for migration in known), default=0)
    unknown = sorted(name for number, (name, _) in applied.items() if number > newest)
    if unknown:
        raise DatabaseRefused(
            f"The database was made by a newer genai-sessions (it has migration {unknown[-1]}; this one knows up to "
            f"{newest:04d}). Upgrade genai-sessions, or point it at another database."
        )
    for migration in known:
        name, checksum = applied.get(migration.number, (migration.name, migration.checksum))
        if checksum != migration.checksum:
            raise DatabaseRefused(
                f"Migration {name} was applied to this database with another text than this genai-sessions carries."
            )
    return [migration for migration in known if migration.number not in applied]


def _applied(client: Client, topology: Topology) -> dict[int, tuple[str, str]]:
    parameters = {"database": topology.database}
    if client.query(_HAS_LEDGER, parameters=parameters).result_rows[0][0] == 0:
        return {}
    rows = client.query(_READ_LEDGER, parameters=parameters).result_rows
    return {number: (name, checksum) for number, name, checksum in rows}


def migrate(client: Client, topology: Topology, known: list[Migration] | None = None) -> list[str]:
    """Bring the database up to date; the names of what was applied."""
    known = known_migrations() if known is None else known
    _prepare(client, topology)
    pending = pending_migrations(client, topology, known)
    for migration in pending:
        for statement in rendered(migration.text, topology):
            client.database = statement.database
            client.command(statement.text)
        client.database = topology.database
        client.insert(
            "migrations", [[migration.number, migration.name, migration.checksum]], ["number", "name", "checksum"]
        )
    return [migration.name for migration in pending]


def _prepare(client: Client, topology: Topology) -> None:
    """The databases and the ledger: what must be there before a migration can be known to be applied."""
    databases = [topology.database, *([topology.everywhere] if topology.cluster else [])]
    client.database = None
    for name in databases:
        client.command(f"CREATE DATABASE IF NOT EXISTS `{name}`{_on_cluster(topology)}")
    client.database = topology.database
    client.command(_replicated(_clustered(_CREATE_LEDGER, topology), topology, _LEDGER_PATH))


def rendered(text: str, topology: Topology) -> Iterator[Statement]:
    """The statements of a migration, as this topology needs them."""
    for statement in statements(text):
        if not topology.cluster:
            yield Statement(topology.database, statement)
            continue
        if _INSERT.search(statement) is not None and topology.replicated:
            # A migration is told to one shard; what is there lies on all.
            yield Statement(topology.everywhere, statement)
            continue
        yield Statement(topology.database, _replicated(_clustered(statement, topology), topology))
        yield from _reaching_all(statement, topology)


def statements(text: str) -> list[str]:
    parts = re.split(r";[ \t]*(?:--[^\n]*)?\n", text + "\n")
    return [part.strip() for part in parts if re.sub(r"--[^\n]*", "", part).strip()]


def _on_cluster(topology: Topology) -> str:
    return f" ON CLUSTER '{topology.cluster}'" if topology.cluster and topology.replicated else ""


def _clustered(statement: str, topology: Topology) -> str:
    return _CREATED.sub(lambda found: found.group() + _on_cluster(topology), statement, count=1)


def _replicated(statement: str, topology: Topology, path: str = _REPLICA_PATH) -> str:
    table = _TABLE.search(statement)
    if table is None or not topology.cluster or not topology.replicated:
        return statement
    path = path.replace("{table}", table.group(1)).replace("{database}", topology.database)

    def engine(found: re.Match[str]) -> str:
        arguments = f", {found.group(2)}" if found.group(2) else ""
        return f"ENGINE = Replicated{found.group(1)}({path}{arguments})"

    return _ENGINE.sub(engine, statement, count=1)


def _reaching_all(statement: str, topology: Topology) -> Iterator[Statement]:
    """A Distributed table for each table; for each view, the same view over those."""
    if _VIEW.search(statement) is not None:
        yield Statement(topology.everywhere, _clustered(statement, topology))
    table = _TABLE.search(statement)
    if table is not None:
        name = table.group(1)
        key = _SHARD_KEY.search(statement)
        sharding = f", {key.group(1)}" if key is not None else ""
        yield Statement(
            topology.everywhere,
            f"CREATE TABLE IF NOT EXISTS {name}{_on_cluster(topology)} AS {topology.database}.{name} "
            f"ENGINE = Distributed('{topology.cluster}', '{topology.database}', '{name}'{sharding})",
        )
