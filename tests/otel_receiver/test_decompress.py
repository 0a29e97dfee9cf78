"""Compressed bodies: every form, every break, and no bomb."""

import gzip
import sys
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from otel_receiver.decompress import PIECE_BYTES, Compression, Decompressor
from otel_receiver.errors import Permanent

FORMS: dict[Compression, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Compression:
    """Each compression in turn."""
    chosen: Compression = request.param
    return chosen


def plain(form: Compression, data: bytes, step: int = 1 << 16) -> bytes:
    decompressor = Decompressor(form)
    pieces = [piece for at in range(0, len(data), step) for piece in decompressor.feed(data[at : at + step])]
    decompressor.end()
    assert all(0 < len(piece) <= PIECE_BYTES for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
@pytest.mark.parametrize("step", [7, 1 << 16])
def test_what_goes_in_comes_out(form: Compression, size: int, step: int) -> None:
    """Whatever the size of input and output pieces."""
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert plain(form, FORMS[form](body), step) == body


def test_members_may_follow_each_other(form: Compression) -> None:
    """Line 9: concatenated gzip is gzip; zstd alike."""
    assert plain(form, FORMS[form](b"one ") + FORMS[form](b"") + FORMS[form](b"two")) == b"one two"


def test_members_are_bounded(form: Compression) -> None:
    """A megabyte of empty ones would hold up the loop for seconds, and say nothing."""
    assert plain(form, FORMS[form](b"") * 1_000) == b""
    with pytest.raises(Permanent, match="more than 1000 streams"):
        plain(form, FORMS[form](b"") * 1_001)


def test_a_truncated_body_is_malformed(form: Compression) -> None:
    """Line 9: at every byte."""
    data = FORMS[form](b"hello" * 10)
    for end in range(len(data)):
        with pytest.raises(Permanent, match=form):
            plain(form, data[:end])


@pytest.mark.parametrize("tail", [b"garbage", b"\0"])
def test_garbage_behind_is_malformed(form: Compression, tail: bytes) -> None:
    """Line 9: nothing is silently left out."""
    with pytest.raises(Permanent):
        plain(form, FORMS[form](b"hello") + tail)


def test_a_wrong_checksum_is_malformed() -> None:
    """Line 9: gzip's own."""
    data = bytearray(gzip.compress(b"hello"))
    data[-5] ^= 1
    with pytest.raises(Permanent):
        plain("gzip", bytes(data))


def test_a_plain_body_under_a_false_name_is_malformed(form: Compression) -> None:
    """Line 9: labelled, not compressed."""
    with pytest.raises(Permanent):
        plain(form, b"\x0a\x05hello")


def test_a_bomb_comes_out_in_small_pieces(form: Compression) -> None:
    """Line 10: who stops reading stops paying."""
    pieces = Decompressor(form).feed(FORMS[form](bytes(64 << 20)))
    assert len(next(pieces)) <= PIECE_BYTES
    pieces.close()  # type: ignore[attr-defined]  # a generator, though it need not be


def test_a_zstd_frame_may_not_demand_a_huge_window() -> None:
    """It would be allocated before the first byte comes out."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    data = compressor.compress(bytes(20 << 20)) + compressor.flush()
    with pytest.raises(Permanent):
        plain("zstd", data)


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_or_fine(data: bytes) -> None:
    """No other exception leaves it."""
    for form in FORMS:
        try:
            plain(form, data)
        except Permanent as refused:
            assert refused.reason == "malformed"  # noqa: PT017 - either outcome will do
