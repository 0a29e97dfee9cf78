"""Bad ways to a database: one that loses what it carries, one that goes silent, a name that nobody can resolve."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from clickhouse.connect import Database

NAME = "database.invalid"
_PIECE = 16 << 10
_FIRST_AGAIN_S = 0.2
_CONNECT_AGAIN_S = 1.0


class Names(asyncio.SelectorEventLoop):
    """A loop whose resolver knows of the database once it is told."""

    told = False

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> Any:
        if host == NAME and not self.told:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await super().getaddrinfo("127.0.0.1" if host == NAME else host, port, **how)


class Way:
    """Between a client and its database. `loss` is the share of pieces that have to be sent again, as TCP does: after a
    fifth of a second, and then after twice as long each time."""

    def __init__(self, end: Database, loss: float = 0.0) -> None:
        self.loss = loss
        self._end, self._chance = end, random.Random(52)
        self._silent = asyncio.Event()
        self._sinks: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Database]:
        """The database, by this way."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield replace(self._end, port=server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for sink in self._sinks:
                sink.close()

    def go_silent(self) -> None:
        """Connections stay open, and new ones are taken; nothing comes through any more, and nobody says so."""
        self._silent.set()

    def mend(self) -> None:
        """For new connections: the far end has forgotten the old ones."""
        self._silent = asyncio.Event()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent = self._silent
        if self._chance.random() < self.loss:
            await asyncio.sleep(_CONNECT_AGAIN_S)
        far_reader, far_writer = await asyncio.open_connection(self._end.host, self._end.port)
        self._sinks += [writer, far_writer]
        await asyncio.gather(self._pump(reader, far_writer, silent), self._pump(far_reader, writer, silent))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(_PIECE):
                await self._sent_again()
                if not silent.is_set():
                    sink.write(piece)
                    await sink.drain()
        if not silent.is_set():
            sink.close()

    async def _sent_again(self) -> None:
        wait = _FIRST_AGAIN_S
        while self._chance.random() < self.loss:
            await asyncio.sleep(wait)
            wait *= 2
