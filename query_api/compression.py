"""Answers compressed as clients accept it: zstd before gzip. Streams are compressed piece by piece; events are not."""

import sys
import zlib
from typing import Protocol

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES = 1_024
"""Smaller answers fit in one packet as they are."""
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 5
_GZIP_WINDOW = 31  # zlib's way to say: with gzip's head and tail
_TEXTS = ("application/json", "application/problem+json", "application/x-ndjson", "text/csv", "text/html", "text/css",
          "text/javascript", "text/plain", "image/svg+xml")  # fmt: skip


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Compression:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        encoding = accepted(Headers(scope=scope).get("accept-encoding", ""))
        await self._app(scope, receive, _Sender(send, encoding).send)


class _Sender:
    """Holds the head back until the first piece of the body tells whether compressing is worth it."""

    def __init__(self, send: Send, encoding: str | None) -> None:
        self._send = send
        self._encoding = encoding
        self._head: Message | None = None
        self._compressor: _Compressor | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        head, self._head = self._head, None
        body, more = message.get("body", b""), message.get("more_body", False)
        if head is not None:
            self._begin(head, body, more=more)
            await self._send(head)
        if self._compressor is not None:
            body = self._compressor.compress(body) + (b"" if more else self._compressor.flush())
        await self._send({**message, "body": body})

    def _begin(self, head: Message, body: bytes, *, more: bool) -> None:
        headers = MutableHeaders(scope=head)
        headers.add_vary_header("accept-encoding")
        media_type = headers.get("content-type", "").partition(";")[0]
        small = not more and len(body) < MIN_BYTES
        if self._encoding is None or small or media_type not in _TEXTS or "content-encoding" in headers:
            return
        self._compressor = _compressor(self._encoding)
        headers["content-encoding"] = self._encoding
        del headers["content-length"]


def accepted(header: str) -> str | None:
    """The better of what is accepted; `q=0` refuses."""
    offered = {}
    for each in header.split(","):
        name, _, parameters = each.partition(";")
        offered[name.strip().lower()] = parameters.replace(" ", "").lower() not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    for encoding in ("zstd", "gzip"):
        if offered.get(encoding, False):
            return encoding
    return None


def _compressor(encoding: str) -> _Compressor:
    if encoding == "zstd":
        return zstd.ZstdCompressor(level=_ZSTD_LEVEL)
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
