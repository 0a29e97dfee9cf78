"""Reading the body of an HTTP request: bounded in bytes and in time, decompressed on the way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from otel_receiver.budget import Hold
from otel_receiver.decompress import PIECE_BYTES, Compression, Decompressor
from otel_receiver.errors import Permanent, Unavailable

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

_DISCARDED_BYTES = 1 << 20
"""Of a refused body: read, so that the client hears the answer rather than a reset, and the connection lives on."""

_DISCARD_S = 0.5

_FIRST_BYTES = 1 << 20
"""Of a body that says it is larger: who has sent so much gets room for all of it at once. Several large ones would else
get some each, and none the rest."""

_USUAL_RATIO = 8
"""Of spans, compressed."""


class ClientGone(Exception):
    """Nobody is left to answer."""


class Incoming:
    """A body on its way in."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.complete = False

    async def chunks(self) -> AsyncIterator[bytes]:
        while not self.complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self.complete = not message.get("more_body", False)
            yield message.get("body", b"")

    async def discard(self) -> bool:
        """Reads a refused body away; whether that was all of it."""
        size = 0
        try:
            async with asyncio.timeout(_DISCARD_S):
                async for chunk in self.chunks():
                    size += len(chunk)
                    if size > _DISCARDED_BYTES:
                        break
        except (TimeoutError, ClientGone):
            return False
        return self.complete


async def read_body(
    incoming: Incoming, hold: Hold, compression: Compression | None, *, most: int, length: int = 0, deadline_s: float
) -> bytes:
    """`length` is what the client says that it sends."""
    expected = min(length * (1 if compression is None else _USUAL_RATIO), most)
    try:
        async with asyncio.timeout(deadline_s):
            return await _joined(_plain(incoming, compression, most), hold, most, expected)
    except TimeoutError:
        raise Unavailable("the body did not arrive in time") from None


async def _joined(pieces: AsyncIterator[bytes], hold: Hold, most: int, expected: int) -> bytes:
    kept: list[bytes] = []
    try:
        await _collect(pieces, kept, hold, most, expected)
    except BaseException:
        kept.clear()  # else the refusal's traceback keeps it while its place in the budget is somebody else's
        raise
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _collect(pieces: AsyncIterator[bytes], kept: list[bytes], hold: Hold, most: int, expected: int) -> None:
    size = 0
    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise too_large(most)
        await hold.grow_for(size if size <= _FIRST_BYTES else max(size, expected))
        kept.append(piece)
    hold.shrink_for(size)


async def _plain(incoming: Incoming, compression: Compression | None, most: int) -> AsyncIterator[bytes]:
    """The body in pieces, decompressed."""
    if compression is None:
        async for chunk in incoming.chunks():
            yield chunk
        return
    decompressor = Decompressor(compression)
    sent = 0
    async for chunk in incoming.chunks():
        sent += len(chunk)
        if sent > most:  # compressed bytes that come to nothing are bytes too
            raise too_large(most)
        for piece in decompressor.feed(chunk):
            yield piece
            if len(piece) == PIECE_BYTES:
                await asyncio.sleep(0)  # a chunk may hold dozens of these; acks and health checks go between
    decompressor.end()


def too_large(most: int) -> Permanent:
    return Permanent("too_large", f"the body is larger than {most} bytes")
