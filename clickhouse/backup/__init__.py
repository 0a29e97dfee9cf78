"""Backups by the database itself: whole while everybody goes on writing, and tried before they replace anything."""

import re
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.binding import quote_identifier

from clickhouse.errors import DatabaseRefused
from clickhouse.rollup.graves import Tombstone

_SQL = Path(__file__).parent / "sql"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Place(NamedTuple):
    """Where a backup lies: in the one folder of the embedded engine, or on a disk that the server's config names."""

    name: str
    disk: str = ""

    @property
    def sql(self) -> str:
        return "File({name:String})" if self.disk == "" else "Disk({disk:String}, {name:String})"


def checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise DatabaseRefused(f"A backup cannot be called {name}: letters, digits, dots and dashes make a name.")
    return name


def write_backup(client: Client, database: str, place: Place) -> None:
    _tell(client, "backup", place, database=database)


def restore_as(client: Client, database: str, place: Place, target: str) -> None:
    """`database` is what it was called when the backup was made."""
    _tell(client, "restore", place, database=database, target=target)


def drop(client: Client, target: str) -> None:
    _tell(client, "drop", target=target)


def count_spans(client: Client, database: str) -> int | None:
    """None where there is no database of ours."""
    rows = _rows_of(client, database, "spans", "count_spans")
    return None if rows is None else rows[0][0]


def tombstones(client: Client, database: str) -> list[Tombstone]:
    """None also where a restore was killed before it came to them."""
    return [Tombstone(*row) for row in _rows_of(client, database, "tombstones", "all_tombstones") or ()]


def _rows_of(client: Client, database: str, table: str, name: str) -> Sequence[Sequence[Any]] | None:
    parameters = {"database": database, "table": table}
    if client.query(_text("has_table"), parameters=parameters).result_rows[0][0] == 0:
        return None
    return client.query(_text(name), parameters=parameters).result_rows


def _tell(client: Client, name: str, place: Place | None = None, **databases: str) -> None:
    """BACKUP and RESTORE take no parameters for databases, so their names are quoted."""
    quoted = {key: quote_identifier(database) for key, database in databases.items()}
    text = Template(_text(name)).substitute(quoted, place="" if place is None else place.sql)
    parameters = {} if place is None else {"name": checked_name(place.name), "disk": place.disk}
    client.database = None  # the one that it speaks of may not be there
    client.query(text, parameters=parameters) if name != "drop" else client.command(text)


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text().strip()
