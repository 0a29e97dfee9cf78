"""`genai-sessions dead-letter`: what the database refused for good, looked at and stored after all."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson

from clickhouse.connect import Database
from clickhouse.errors import DatabaseAway
from genai_sessions.database import borrowed_database
from genai_sessions.settings import Settings, SettingsRefused
from otel_receiver.batch import Columns, height
from otel_receiver.dead_letters import DeadLetters, Letter, replay
from otel_receiver.tables import Tables
from otel_receiver.verdicts import NotNow


def list_letters(settings: Settings, _: Namespace) -> int:
    count = spans = 0
    for letter in _letters(settings).letters():
        buried_at = datetime.fromtimestamp(int(letter.buried_at) // 1_000_000_000, UTC)
        print(f"{letter.path.stem}  {buried_at:%Y-%m-%dT%H:%M:%SZ}  {letter.batch.span_count} spans  {letter.reason}")
        count, spans = count + 1, spans + letter.batch.span_count
    print(f"{count} letters, {spans} spans")
    return 0


def show(settings: Settings, flags: Namespace) -> int:
    letter = _found(settings, flags.letter)
    rows = {
        name: list(_rows(columns)) for name, columns in (("spans", letter.batch.spans), ("scores", letter.batch.scores))
    }
    told = {"letter": letter.path.stem, "reason": letter.reason, **rows}
    sys.stdout.buffer.write(orjson.dumps(told, default=str, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


def replay_letters(settings: Settings, _: Namespace) -> int:
    """Refused again is no success: the exit says so."""
    with borrowed_database(settings) as database:
        stored, refused = asyncio.run(_replayed(_letters(settings), database))
    print(f"{stored} spans stored, {refused} still refused")
    return 0 if refused == 0 else 1


async def _replayed(letters: DeadLetters, database: Database) -> tuple[int, int]:
    tables = Tables(database.within(database.everywhere))
    try:
        return await replay(letters, tables)
    except NotNow as why:
        raise DatabaseAway(f"The database at {database.address} does not take spans now: {why}.") from why
    finally:
        await tables.close()


def _letters(settings: Settings) -> DeadLetters:
    return DeadLetters(settings.data_dir / "dead-letters")


def _found(settings: Settings, name: str) -> Letter:
    found = [letter for letter in _letters(settings).letters() if letter.path.stem.startswith(name)]
    if len(found) != 1:
        raise SettingsRefused(f"{len(found)} letters begin with {name}; `genai-sessions dead-letter list` names them.")
    return found[0]


def _rows(columns: Columns) -> Iterator[dict[str, object]]:
    for row in range(height(columns)):
        yield {name: values[row] for name, values in columns.items()}
