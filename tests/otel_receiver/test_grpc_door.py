"""What only gRPC can do to us, and what only gRPC promises."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

from otel_receiver.batch import Batch
from otel_receiver.probes import Readiness
from otel_receiver.settings import ReceiverSettings
from tests.otel_receiver.doors import TRACES, Doors, GatedWriter, ListWriter, open_doors, until
from tests.otel_receiver.requests import span, traces
from tests.otel_receiver.test_both_doors import shop_and_lab, small

GOOD = traces(span(1)).SerializeToString()
CHECK = "/grpc.health.v1.Health/Check"


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    """One pair of doors for all: what is written is not looked at."""
    with open_doors() as opened:
        yield opened


def code(doors: Doors, body: bytes = GOOD, method: str = TRACES, **metadata: str) -> grpc.StatusCode:
    try:
        doors.call(body, method, metadata)
    except grpc.RpcError as error:
        call: Any = error
        found: grpc.StatusCode = call.code()
        return found
    return grpc.StatusCode.OK


def test_an_unknown_method_is_unimplemented(doors: Doors) -> None:
    """Line 15: no reflection either."""
    assert (
        code(doors, method="/opentelemetry.proto.collector.trace.v1.TraceService/Import")
        is grpc.StatusCode.UNIMPLEMENTED
    )
    assert (
        code(doors, method="/grpc.reflection.v1.ServerReflection/ServerReflectionInfo") is grpc.StatusCode.UNIMPLEMENTED
    )


def test_health_says_whether_we_are_ready(doors: Doors) -> None:
    """Per service and for all; an unknown service is not found."""
    named = StringValue(value="opentelemetry.proto.collector.trace.v1.TraceService").SerializeToString()
    for request in (b"", named):
        assert Int32Value.FromString(doors.call(request, CHECK)).value == 1
    doors.state[0] = Readiness(ready=False)
    assert Int32Value.FromString(doors.call(b"", CHECK)).value == 2
    doors.state[0] = Readiness(ready=True)
    assert code(doors, StringValue(value="other").SerializeToString(), CHECK) is grpc.StatusCode.NOT_FOUND
    assert code(doors, b"\xff", CHECK) is grpc.StatusCode.NOT_FOUND


def test_health_can_be_watched(doors: Doors) -> None:
    """A balancer hears of a change by itself."""
    with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel:
        watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch", None, None)(b"", timeout=10)
        assert Int32Value.FromString(next(watch)).value == 1
        doors.state[0] = Readiness(ready=False)
        assert Int32Value.FromString(next(watch)).value == 2
        doors.state[0] = Readiness(ready=True)
        watch.cancel()


def test_health_needs_no_key() -> None:
    """It says nothing but the status."""
    with open_doors(projects=shop_and_lab()) as doors:
        assert Int32Value.FromString(doors.call(b"", CHECK)).value == 1


def test_a_call_without_a_message_is_malformed(doors: Doors) -> None:
    """Only a broken client does that."""
    with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel, pytest.raises(grpc.RpcError) as refused:
        channel.stream_unary(TRACES, None, None)(iter(()), timeout=5)
    error: Any = refused.value
    assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "the call carries no message")


def test_a_body_that_does_not_come_gives_its_room_back() -> None:
    """There is room for the largest while it is waited for; who keeps it too long is told to come again."""
    with open_doors(ReceiverSettings(grpc_port=0, http_port=0, body_deadline_s=0.2)) as doors:
        never = threading.Event()
        with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel:
            call: Any = channel.stream_unary(TRACES, None, None).future(iter(never.wait, True), timeout=5)
            until(lambda: doors.desk.budget.used > 0)
            with pytest.raises(grpc.RpcError):
                call.result()
        never.set()
        assert (call.code(), call.details()) == (grpc.StatusCode.UNAVAILABLE, "the body did not arrive in time")
        assert doors.desk.budget.used == 0


@pytest.mark.parametrize(
    "compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate]
)
def test_what_grpc_compresses_is_read(doors: Doors, compression: grpc.Compression) -> None:
    """Each form it knows."""
    doors.writer.batches.clear()
    with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}", compression=compression) as channel:
        channel.unary_unary(TRACES, None, None)(traces(span(7, {"p": "x" * 50_000})).SerializeToString(), timeout=5)
    assert doors.writer.span_ids == ["0000000000000007"]


def test_a_bomb_is_refused_for_good() -> None:
    """Line 10: 64 MiB of nothing in a few kilobytes, over a limit of one; others are served meanwhile."""
    with open_doors(small()) as doors:
        options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
        address = f"127.0.0.1:{doors.grpc_port}"
        channel = grpc.insecure_channel(address, options=options, compression=grpc.Compression.Gzip)
        with channel, pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(TRACES, None, None)(bytes(64 << 20), timeout=20)
        error: Any = refused.value
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata() or ())
        assert code(doors) is grpc.StatusCode.OK
        assert doors.desk.budget.used == 0


def test_a_strangers_body_is_never_read() -> None:
    """R3: a body far over the limit is refused for the key, which is looked at first."""
    with open_doors(small(), projects=shop_and_lab()) as doors:
        assert code(doors, bytes(50 << 20)) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("fail", [False, True])
def test_a_client_that_gives_up_does_not_stop_the_commit(fail: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Line 13: written exactly once, its bytes are given back; and a failure nobody waits for is no alarm."""
    writer = GatedWriter(fail=fail)
    with open_doors(writer=writer) as doors:
        with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel:
            call: Any = channel.unary_unary(TRACES, None, None).future(GOOD)
            assert writer.begun.wait(5)
            call.cancel()
        writer.go_on.set()
        until(lambda: doors.desk.budget.used == 0)
        assert writer.span_ids == ([] if fail else ["0000000000000001"])
    assert "never retrieved" not in caplog.text


@pytest.mark.slow
def test_a_client_that_pings_often_is_not_hung_up_on(doors: Doors) -> None:
    """Line 15: every six seconds without a call; gRPC's default is every five minutes."""
    with _http2(doors.grpc_port) as connection:
        stream = connection.makefile("rb")
        for _ in range(5):
            time.sleep(6)
            connection.sendall(_frame(PING, 0, 0, b"12345678"))
            while (frame := _next_frame(stream))[0] != PING:
                assert frame[0] != GOAWAY


def test_refusals_are_trailers_only() -> None:
    """Line 16: on the wire one HEADERS frame that ends the stream; some clients do not retry otherwise."""

    async def refuse(_batch: Batch) -> None:
        raise OSError("disk")

    with open_doors(writer=ListWriter(before=refuse)) as doors:
        frames = _frames_of_a_call(doors.grpc_port, TRACES, GOOD)
    assert [(kind, flags & END_STREAM) for kind, flags in frames] == [(HEADERS, END_STREAM)]


DATA, HEADERS, PING, GOAWAY = 0, 1, 6, 7
END_STREAM, END_HEADERS = 1, 4


def _http2(port: int) -> socket.socket:
    """A connection spoken by hand."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b""))
    return connection


def _frames_of_a_call(port: int, method: str, body: bytes) -> list[tuple[int, int]]:
    """Type and flags of the frames that answer a call."""
    names = [(":method", "POST"), (":scheme", "http"), (":path", method), (":authority", "localhost")]
    names += [("content-type", "application/grpc"), ("te", "trailers")]
    head = b"".join(_header(name, value) for name, value in names)
    message = b"\0" + len(body).to_bytes(4, "big") + body
    answered: list[tuple[int, int]] = []
    with _http2(port) as connection:
        connection.sendall(_frame(HEADERS, END_HEADERS, 1, head) + _frame(DATA, END_STREAM, 1, message))
        stream = connection.makefile("rb")
        while not answered or not answered[-1][1] & END_STREAM:
            kind, flags, number = _next_frame(stream)
            if number == 1 and kind in {HEADERS, DATA}:
                answered.append((kind, flags))
    return answered


def _next_frame(stream: IO[bytes]) -> tuple[int, int, int]:
    """Its type, flags and stream."""
    header = stream.read(9)
    stream.read(int.from_bytes(header[:3], "big"))
    return header[3], header[4], int.from_bytes(header[5:], "big")


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _header(name: str, value: str) -> bytes:
    """A literal without indexing, in HPACK."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def test_rapid_resets_are_survived(doors: Doors) -> None:
    """Line 14: calls that are opened and dropped leave nothing behind."""
    with grpc.insecure_channel(f"127.0.0.1:{doors.grpc_port}") as channel:
        call: Any = channel.unary_unary(TRACES, None, None)
        for _ in range(1_000):
            call.future(GOOD).cancel()
    assert code(doors) is grpc.StatusCode.OK
    until(lambda: doors.desk.budget.used == 0)


def test_a_port_in_use_is_said_so() -> None:
    """Not a second receiver that silently shares the first one's calls."""
    with open_doors() as doors:
        settings = ReceiverSettings(grpc_port=doors.grpc_port, http_port=0)
        with pytest.raises(OSError, match="cannot listen on"), open_doors(settings):
            pass
    assert threading.active_count() < 50
