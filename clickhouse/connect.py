"""Who is the database, and how to speak with it: over HTTP, always, whether it is embedded or a cluster."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import clickhouse_connect
import urllib3.exceptions
from clickhouse_connect.driver import AsyncClient, Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from clickhouse_connect.driver.httputil import get_pool_manager

from clickhouse.engine_config import DATABASE
from clickhouse.errors import DatabaseAway, DatabaseError, DatabaseRefused

# Servers since 26.2 default to asynchronous inserts and to dropping blocks they have seen. We batch ourselves and every
# table is idempotent, so both would only add delay, or swallow rows that come again after a deletion.
WRITE_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "deduplicate_insert": "disable",
    "distributed_foreground_insert": 1,
    # One insert may carry spans of many days; times are clamped to 400 days before they get here.
    "max_partitions_per_insert_block": 1000,
    "output_format_json_quote_64bit_integers": 0,  # in facts numbers are numbers, whatever the server's default
    # Idempotent targets, so the order in which views see a block does not matter.
    "parallel_view_processing": 1,
    # Measured: the index over messages doubles an insert. It is built later (clickhouse/rollup/words.py); until then
    # parts are read whole.
    "exclude_materialize_skip_indexes_on_insert": "by_words",
}
CONNECT_SECONDS = 5
ANSWER_SECONDS = 300
_HERE = ("127.0.0.1", "::1", "localhost")
_WRONG_PASSWORD = (516, 193, 194)  # ClickHouse's AUTHENTICATION_FAILED and its older siblings
_NO_DATABASE = 81
_NO_SPACE = 243
_CODE = re.compile(r"\b(?:code|Code|error code):? (\d+)")
_SAID = re.compile(r"DB::Exception: (.+?)(?: \([A-Z_]+\))?(?: \(version|\n|$)")


@dataclass(frozen=True)
class Database:
    """A ClickHouse to speak with."""

    host: str
    port: int
    user: str = "default"
    password: str = ""
    name: str = DATABASE
    secure: bool = False
    cluster: str = ""

    @classmethod
    def from_url(cls, url: str, cluster: str = "", otherwise: str = DATABASE) -> "Database":
        """`http[s]://user:password@host:port/database`; `otherwise` is the database of a URL that names none."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = urlsplit(""), None, None
        if parts.scheme not in ("http", "https") or host is None:
            raise DatabaseRefused(
                f"CLICKHOUSE_URL must look like http://user:password@host:8123/database, not {_masked(url)}."
            )
        secure = parts.scheme == "https"
        return cls(
            host=host,
            port=port if port is not None else (8443 if secure else 8123),
            user=unquote(parts.username) if parts.username is not None else "default",
            password=unquote(parts.password) if parts.password is not None else "",
            name=parts.path.strip("/") or otherwise,
            secure=secure,
            cluster=cluster,
        )

    @property
    def url(self) -> str:
        scheme = "https" if self.secure else "http"
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{scheme}://{who}@{self._bracketed}:{self.port}/{self.name}"

    @property
    def address(self) -> str:
        """For messages: where it is, without the password."""
        return f"{self.user}@{self._bracketed}:{self.port}/{self.name}"

    @property
    def is_here(self) -> bool:
        """On this machine, where compressing costs more than it saves: half of what reading facts costs the engine."""
        return self.host in _HERE

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def everywhere(self) -> str:
        """The database whose tables reach all shards; the same one where there is no cluster."""
        return f"{self.name}_all" if self.cluster else self.name

    def within(self, name: str) -> "Database":
        """The same server, another of its databases."""
        return replace(self, name=name)


def _masked(url: str) -> str:
    _, at, tail = url.rpartition("@")
    return f"…@{tail}" if at else url


def connect(database: Database, *, settings: dict[str, Any] | None = None, connections: int = 8) -> Client:
    """A client with a pool of its own; it may be shared by threads."""
    try:
        return clickhouse_connect.get_client(
            **_client_options(database, settings),
            pool_mgr=get_pool_manager(maxsize=connections, num_pools=2, verify=True),
        )
    except (ClickHouseError, urllib3.exceptions.HTTPError, OSError) as error:
        raise explained(error, database) from error


@contextlib.contextmanager
def connected(database: Database, *, settings: dict[str, Any] | None = None, connections: int = 8) -> Iterator[Client]:
    """A client for a while; what fails meanwhile is explained."""
    with contextlib.closing(connect(database, settings=settings, connections=connections)) as client:
        try:
            yield client
        except (ClickHouseError, urllib3.exceptions.HTTPError) as error:
            raise explained(error, database) from error


async def connect_async(database: Database, *, settings: dict[str, Any] | None = None) -> AsyncClient:
    try:
        return await clickhouse_connect.get_async_client(**_client_options(database, settings))
    except (ClickHouseError, OSError) as error:
        raise explained(error, database) from error


def _client_options(database: Database, settings: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "host": database.host,
        "port": database.port,
        "username": database.user,
        "password": database.password,
        "database": database.name,
        "interface": "https" if database.secure else "http",
        "verify": True,
        "autogenerate_session_id": False,  # a ClickHouse session serialises its queries
        "connect_timeout": CONNECT_SECONDS,
        "send_receive_timeout": ANSWER_SECONDS,
        "compress": not database.is_here,
        "settings": settings if settings is not None else WRITE_SETTINGS,
    }


def error_code(error: Exception) -> int:
    """ClickHouse's number of what went wrong; 0 where it was not ClickHouse that answered."""
    found = _CODE.search(str(error)) if isinstance(error, ClickHouseError) else None
    return int(found.group(1)) if found is not None else 0


def explained(error: Exception, database: Database) -> DatabaseError:
    """The sentence for a failure that a client raised."""
    code, text = error_code(error), str(error)
    if code in _WRONG_PASSWORD:
        return DatabaseRefused(
            f"The database at {database.address} refuses the user or the password. Check CLICKHOUSE_URL."
        )
    if code == _NO_DATABASE:
        return DatabaseRefused(
            f"There is no database {database.name} at {database.address}. Run `genai-sessions migrate`."
        )
    if code == _NO_SPACE or "No space left" in text:
        return DatabaseError(f"The disk of the database at {database.address} is full.")
    if code == 0 and isinstance(error, OperationalError | urllib3.exceptions.HTTPError | OSError):
        return DatabaseAway(f"No database answers at {database.address}. Is it started, and is CLICKHOUSE_URL right?")
    said = _SAID.search(text)
    return DatabaseError(
        f"The database at {database.address} answered: {(said.group(1) if said else text.splitlines()[0])[:300]}"
    )
