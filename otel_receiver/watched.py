"""The tables, and whether they answer: what readiness tells, and what the spool is there for."""

import asyncio
import time
from typing import Protocol

from otel_receiver.batch import Batch
from otel_receiver.verdicts import NotNow

LOOK_S = 1.0
"""How often somebody asks where nothing is written."""

REMEMBER_S = 10.0
"""How long a failed insert outweighs a database that answers: it may answer and take nothing. The spool is tried again
every five seconds at least, so a lasting failure is never forgotten."""


class Inserts(Protocol):
    """The tables. Raises NotNow or NotEver."""

    async def insert(self, batch: Batch) -> None: ...


class Answering(Inserts, Protocol):
    async def answers(self) -> bool:
        """Whether the database is there, and the tables in it."""
        ...


class Watched:
    def __init__(self, tables: Answering) -> None:
        self._tables = tables
        self._there = False
        self._failed_at: float | None = None

    @property
    def away(self) -> bool:
        failed = self._failed_at is not None and time.monotonic() - self._failed_at < REMEMBER_S
        return failed or not self._there

    async def insert(self, batch: Batch) -> None:
        try:
            await self._tables.insert(batch)
        except NotNow as why:
            self._failed_at = time.monotonic()
            self._there = why.code != 0
            raise
        self._failed_at = None
        self._there = True

    async def answers(self) -> bool:
        self._there = await self._tables.answers()
        return self._there

    async def look_forever(self) -> None:
        while True:
            await self.answers()
            await asyncio.sleep(LOOK_S)
