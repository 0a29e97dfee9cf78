"""Results of any size, streamed: what the database writes goes on as it comes, and nothing is held but a little."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import orjson

HELD_BACK_BYTES = 32 << 10
"""A statement that fails half-way ends with what went wrong (16 KB at most) in place of data. Held back, that reaches
nobody: the answer breaks off instead, and clients see that it is not whole."""
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_CSV_CHUNK_CHARACTERS = 64 << 10


async def begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The first piece is awaited before anything is answered: until then a failure is an answer of its own."""
    first = await anext(chunks, b"")

    async def again() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return again()


async def held_back(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk
        if len(kept) > 2 * HELD_BACK_BYTES:
            yield bytes(kept[:-HELD_BACK_BYTES])
            del kept[:-HELD_BACK_BYTES]
    yield bytes(kept)


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


async def as_csv(rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """From JSON arrays, the first of them names."""
    written = io.StringIO()
    writer = csv.writer(written)
    async for row in rows:
        writer.writerow([_cell(value) for value in orjson.loads(row)])
        if written.tell() > _CSV_CHUNK_CHARACTERS:
            yield written.getvalue().encode()
            written.seek(0)
            written.truncate()
    yield written.getvalue().encode()


def _cell(value: Any) -> Any:
    """Spreadsheets take a cell that begins like a formula for one, and what people send may be written to be one."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULAS) else value
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return value


async def typed(kind: str, rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """JSON objects, one per line, that say what they are."""
    head = b'{"type":' + orjson.dumps(kind) + b","
    async for row in rows:
        yield head + row[1:] + b"\n"
