"""gzip, deflate and zstd in bounded pieces: a megabyte of bomb costs a megabyte, however large it would become."""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from otel_receiver.errors import Permanent

Compression = Literal["gzip", "deflate", "zstd"]

PIECE_BYTES = 1 << 20
"""Of one step: between steps the limits are checked, and others get their turn on the loop."""

_MAX_STREAMS = 1_000
"""In one body, one behind the other: some clients send a few, and each costs, even where it holds nothing, a
decompressor and a copy of what is behind it."""

_ZSTD_WINDOW_LOG = 23
"""8 MiB, which RFC 8878 asks every decoder to support; a frame may demand gigabytes before its first byte comes out."""


class _Stream(Protocol):
    """One gzip member or zstd frame; several may follow each other."""

    @property
    def eof(self) -> bool: ...
    def step(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The next piece, and the input that is left; None where it needs more input."""


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._stream = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    def step(self, data: bytes) -> tuple[bytes, bytes | None]:
        piece = self._stream.decompress(data, PIECE_BYTES)
        if self._stream.eof:
            return piece, self._stream.unused_data or None
        left = self._stream.unconsumed_tail
        return piece, left if left or len(piece) == PIECE_BYTES else None


class _Zstd:
    def __init__(self) -> None:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._stream = zstd.ZstdDecompressor(options=options)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    def step(self, data: bytes) -> tuple[bytes, bytes | None]:
        piece = self._stream.decompress(data, PIECE_BYTES)
        if self._stream.eof:
            return piece, self._stream.unused_data or None
        return piece, None if self._stream.needs_input else b""


_STREAMS: dict[Compression, Callable[[], _Stream]] = {
    "gzip": lambda: _Zlib(zlib.MAX_WBITS | 16),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "zstd": _Zstd,
}


class Decompressor:
    def __init__(self, compression: Compression) -> None:
        self._compression: Compression = compression
        self._stream: _Stream | None = None
        self._streams = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What this much input comes to, in pieces."""
        left: bytes | None = data or None
        while left is not None:
            if self._stream is None or self._stream.eof:
                self._stream = self._next()
            try:
                piece, left = self._stream.step(left)
            except (zlib.error, zstd.ZstdError):
                raise self._malformed() from None
            if piece:
                yield piece

    def end(self) -> None:
        """After the last input: it must have been whole."""
        if self._stream is None or not self._stream.eof:
            raise self._malformed()

    def _next(self) -> _Stream:
        self._streams += 1
        if self._streams > _MAX_STREAMS:
            raise Permanent("malformed", f"the body is more than {_MAX_STREAMS} streams of {self._compression}")
        return _STREAMS[self._compression]()

    def _malformed(self) -> Permanent:
        return Permanent("malformed", f"the body is not {self._compression}, or not all of it")
