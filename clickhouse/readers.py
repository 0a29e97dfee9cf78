"""Readers of single projects in the embedded engine: kept in the data folder, let in when the engine starts.

A ClickHouse server has its own users: grafana/reader.sql makes the same reader there.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from string import Template

from clickhouse.connect import Database
from clickhouse.engine_config import Reader
from clickhouse.errors import DatabaseRefused
from clickhouse.private_files import write_private
from clickhouse.projects import is_project_id

_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_OURS = frozenset({"default", "owner", "reader", "grafana"})
_SERVER = Path(__file__).parent / "grafana" / "reader.sql"


def known_readers(data_dir: Path) -> list[Reader]:
    path = _kept(data_dir)
    return [Reader(*row) for row in json.loads(path.read_text())] if path.exists() else []


def new_reader(name: str, projects: Sequence[str]) -> tuple[Reader, str]:
    """The reader, and the password, of which only a digest is kept."""
    if _NAME.fullmatch(name) is None or name in _OURS:
        raise DatabaseRefused(
            f"{name!r} cannot be a reader: a name is a small letter, then up to 31 of small letters, digits and _, "
            f"and none of {', '.join(sorted(_OURS))}."
        )
    wrong = [project for project in projects if not is_project_id(project)]
    if wrong or len(projects) == 0:
        raise DatabaseRefused(f"{wrong[0]!r} is no project." if wrong else f"Say with --project what {name} may read.")
    password = secrets.token_urlsafe(24)
    return Reader(name, hashlib.sha256(password.encode()).hexdigest(), tuple(projects)), password


def keep(reader: Reader, data_dir: Path) -> None:
    """Instead of one of the same name."""
    others = [known for known in known_readers(data_dir) if known.name != reader.name]
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(_kept(data_dir), json.dumps([*others, reader], indent=2))


def statements_for(reader: Reader, database: Database) -> str:
    """What makes this reader on a server, for its administrator to run."""
    return Template(_SERVER.read_text()).substitute(
        user=reader.name,
        sha256=reader.password_sha256,
        database=database.everywhere,
        on_cluster=f" ON CLUSTER '{database.cluster}'" if database.cluster else "",
        projects=reader.rows("project_id"),
        otel_projects=reader.rows("ProjectId"),
    )


def _kept(data_dir: Path) -> Path:
    return data_dir / "readers.json"
