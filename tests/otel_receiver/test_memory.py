"""What a request took is free with its answer, not when the collector of garbage comes by: a receiver lets it look
rarely, and a hundred bodies would wait for it."""

import contextlib
import gc
import resource
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from clickhouse_connect.datatypes.registry import get_from_name

from otel_receiver.batch import Batch
from otel_receiver.budget import HUGE_BYTES
from otel_receiver.errors import Unavailable
from otel_receiver.memory import give_back
from otel_receiver.tables import encoded
from tests.otel_receiver.doors import Doors, ListWriter, open_doors, until
from tests.otel_receiver.requests import span, traces


class Column(list[str]):
    """One that can be watched going."""


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _held(body: bytes) -> bool:
    """Whether anybody holds another one of its length."""
    return any(
        isinstance(held, bytes) and len(held) == len(body) and held is not body
        for holder in gc.get_objects()
        for held in gc.get_referents(holder)
    )


@pytest.mark.parametrize("size", [300_000, HUGE_BYTES + 300_000])
@pytest.mark.parametrize("send", [Doors.call, Doors.post])
def test_a_body_goes_with_its_answer(send: Callable[[Doors, bytes], object], size: int) -> None:
    """Through either door, in one piece or in several."""
    body = traces(span(1, {"p": "x" * size}), span(2)).SerializeToString()
    with open_doors() as doors, no_collector():
        send(doors, body)
        assert len(doors.writer.span_ids) == 2
        until(lambda: not _held(body))


@pytest.mark.parametrize("send", [Doors.call, Doors.post])
def test_a_body_goes_when_it_is_refused(send: Callable[[Doors, bytes], object]) -> None:
    """Overload is when memory matters most."""

    async def refuse(_batch: Batch) -> None:
        raise Unavailable("the spool is full")

    body = traces(span(1, {"p": "x" * 300_000})).SerializeToString()
    with open_doors(writer=ListWriter(before=refuse)) as doors, no_collector():
        with contextlib.suppress(grpc.RpcError):
            send(doors, body)
        assert doors.desk.metrics.requests.total() == 1
        until(lambda: not _held(body))


def test_columns_go_once_they_are_encoded() -> None:
    """What encodes them refers to itself."""
    column = Column(["a", "b"])
    seen = weakref.ref(column)
    with no_collector():
        assert b"a" in encoded("spans", {"name": column}, {"name": get_from_name("String")})
        del column
        assert seen() is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="nobody says how much is resident")
def test_memory_of_small_pieces_is_given_back() -> None:
    """Some of what came in between is still in use: without being told, the C library keeps all of it."""
    pieces = [bytes(4_000) for _ in range(20_000)]
    kept, before = pieces[::1_000], _resident()
    pieces.clear()
    give_back()
    assert before - _resident() > 40 << 20
    assert len(kept) == 20


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
