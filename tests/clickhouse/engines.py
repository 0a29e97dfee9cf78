"""What tests of engines share: to ask one, to wait for it, to have one held by another process."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from clickhouse.connect import Database, connected
from clickhouse.embedded import Engine
from clickhouse.errors import DatabaseError

UNAVAILABLE = (DatabaseError, ClickHouseError, HTTPError, OSError)
"""How a client says that nobody answers."""

SOURCE = Path(__file__).parents[2]
_HOLD = """
import sys, time
from pathlib import Path
from clickhouse.embedded import Engine, EngineSettings

engine = Engine(EngineSettings(Path(sys.argv[1])))
print(engine.start().url, engine.pid, flush=True)
time.sleep(600)
"""


def ask(database: Database, statement: str, **settings: Any) -> list[Sequence[Any]]:
    """The rows that one statement answers, over a connection of its own."""
    with connected(database, settings=settings, connections=1) as client:
        return list(client.query(statement).result_rows)


def tell(database: Database, *statements: str) -> None:
    with connected(database, connections=1) as client:
        for statement in statements:
            client.command(statement)


def as_user(engine: Engine, user: str) -> Database:
    """The engine as one of its users sees it; `default` has no password."""
    if user == "default":
        return replace(engine.database(), user="default", password="", name="system")
    return engine.database(user)


def answers(database: Database) -> bool:
    try:
        return ask(database.within("default"), "SELECT 1") == [(1,)]
    except UNAVAILABLE:
        return False


def is_gone(pid: int) -> bool:
    """Ended, though nobody may have taken note: an orphan's new parent may be slow at that."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def within(seconds: float, check: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.05)
    return check()


@contextlib.contextmanager
def held_elsewhere(data_dir: Path) -> Iterator[tuple["subprocess.Popen[str]", Database, int]]:
    """An engine that another Python owns: that process, the database, and the engine's process id."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(data_dir)], cwd=SOURCE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        url, pid = holder.stdout.readline().split()
        yield holder, Database.from_url(url), int(pid)
    finally:
        holder.kill()
        holder.communicate()
