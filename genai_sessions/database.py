"""Which database a command works on: the one it is told, the one that runs here, or one of its own."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clickhouse.connect import Database
from clickhouse.embedded import Engine, EngineSettings, running_engine
from clickhouse.errors import DatabaseRefused
from clickhouse.migrate import Topology
from genai_sessions.settings import Settings, SettingsRefused


def named_database(settings: Settings) -> Database | None:
    """CLICKHOUSE_URL, else the engine that `genai-sessions up` has running on this data folder."""
    if settings.clickhouse_url is not None:
        return _told(settings.clickhouse_url, settings.clickhouse_password_file, settings)
    return running_engine(settings.data_dir)


def reading_database(settings: Settings) -> Database | None:
    """The same database for a user who may only read, if there is one."""
    if settings.clickhouse_read_url is None:
        return None
    return _told(settings.clickhouse_read_url, settings.clickhouse_read_password_file, settings)


def _told(url: str, password_file: Path | None, settings: Settings) -> Database:
    """The file wins: where secrets are mounted, a URL is what everybody may read."""
    database = Database.from_url(url, settings.clickhouse_cluster)
    return database if password_file is None else replace(database, password=_password_in(password_file))


def _password_in(file: Path) -> str:
    try:
        password = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"The password file {file} cannot be read: {error}.") from error
    if password == "":
        raise SettingsRefused(f"The password file {file} is empty.")
    return password


def required_database(settings: Settings) -> Database:
    database = named_database(settings)
    if database is None:
        raise DatabaseRefused(
            f"No database is named and none runs on {settings.data_dir}. "
            "Set CLICKHOUSE_URL, or start `genai-sessions up`."
        )
    return database


def engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(settings.data_dir, settings.clickhouse_port, settings.clickhouse_memory)


@contextlib.contextmanager
def borrowed_database(settings: Settings) -> Iterator[Database]:
    """For one-shot commands: without a database at hand, an engine for as long as the command lasts."""
    database = named_database(settings)
    if database is not None:
        yield database
        return
    with Engine(engine_settings(settings)) as engine:
        yield engine.database()


def topology(database: Database) -> Topology:
    return Topology(database.name, database.cluster)
