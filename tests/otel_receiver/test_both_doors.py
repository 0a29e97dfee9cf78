"""What holds at either door: every test here runs over gRPC and over HTTP."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from clickhouse.projects import Projects, digest, parse
from otel_receiver.batch import Batch
from otel_receiver.budget import HUGE_BYTES
from otel_receiver.errors import Unavailable
from otel_receiver.export import OFFLOADED_BYTES
from otel_receiver.settings import ReceiverSettings
from tests.otel_receiver.doors import (
    LOGS,
    METRICS,
    TRACES,
    Doors,
    GatedWriter,
    ListWriter,
    PlainMapper,
    open_doors,
    until,
)
from tests.otel_receiver.requests import NOW, SPAN, TRACE, gauge, logs, span, traces

GOOD = traces(span(1), span(2)).SerializeToString()
TWO = ["0000000000000001", "0000000000000002"]

_HTTP_OF = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 413,
    grpc.StatusCode.UNAVAILABLE: 503,
}
_METHODS = {"traces": TRACES, "logs": LOGS, "metrics": METRICS}


class Outcome(NamedTuple):
    """An answer in the words of HTTP."""

    status: int
    body: bytes
    message: str = ""
    hint: bool = False  # to come again


Send = Callable[..., Outcome]


def _over_grpc(doors: Doors, body: bytes, signal: str = "traces", **headers: str) -> Outcome:
    try:
        return Outcome(200, doors.call(body, _METHODS[signal], headers))
    except grpc.RpcError as error:
        call: Any = error
        trailers = {name for name, _ in call.trailing_metadata() or ()}
        hint = "google.rpc.retryinfo-bin" in trailers
        status = _HTTP_OF[call.code()]
        return Outcome(429 if status == 413 and hint else status, b"", call.details(), hint)


def _over_http(doors: Doors, body: bytes, signal: str = "traces", **headers: str) -> Outcome:
    response = doors.post(body, f"/v1/{signal}", **headers)
    message = "" if response.status_code == 200 else Status.FromString(response.content).message
    return Outcome(response.status_code, response.content, message, "retry-after" in response.headers)


@pytest.fixture(params=[_over_grpc, _over_http], ids=["grpc", "http"])
def send(request: pytest.FixtureRequest) -> Send:
    """A client of each door in turn."""
    chosen: Send = request.param
    return chosen


@pytest.fixture(scope="module")
def plain_doors() -> Iterator[Doors]:
    """Doors as they are without any settings; each test clears the list."""
    with open_doors() as doors:
        yield doors


@pytest.fixture
def doors(plain_doors: Doors) -> Doors:
    """With nothing written yet."""
    plain_doors.writer.batches.clear()
    return plain_doors


def small(**changes: Any) -> ReceiverSettings:
    limits: dict[str, Any] = {"max_body_bytes": 1 << 20, "max_bytes_in_flight": 4 << 20, "hold_s": 0.2}
    return ReceiverSettings(grpc_port=0, http_port=0, **(limits | changes))


def shop_and_lab(limits: str = "") -> Projects:
    shop: dict[str, Any] = {"id": "shop"} | ({"limits": {limits: 1}} if limits else {})
    keys = [
        {"name": "shop", "sha256": digest("shop-key"), "projects": ["shop"], "scopes": ["ingest"]},
        {"name": "lab", "sha256": digest("lab-key"), "projects": ["lab"], "scopes": ["ingest"]},
        {"name": "reader", "sha256": digest("reader-key"), "projects": ["shop"], "scopes": ["admin"]},
    ]
    return parse({"projects": [shop, {"id": "lab"}], "keys": keys}, Path("projects.toml"))


def test_what_is_sent_is_written_before_it_is_acknowledged(doors: Doors, send: Send) -> None:
    """Whole success has an empty answer."""
    assert send(doors, GOOD) == Outcome(200, b"")
    assert doors.writer.span_ids == TWO


def test_a_bad_span_costs_itself_and_is_told(doors: Doors, send: Send) -> None:
    """Line 17: 511 are stored, the answer counts the one and says why."""
    sent = traces(*(span(number) for number in range(1, 512)), span(trace_id=b"short"))
    outcome = send(doors, sent.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(outcome.body).partial_success
    assert (outcome.status, partial.rejected_spans) == (200, 1)
    assert partial.error_message == "rejected 1 spans: invalid_trace_id (1)"
    assert len(doors.writer.span_ids) == 511


def test_invalid_utf_8_is_accepted(doors: Doors, send: Send) -> None:
    """Line 36: 512 of 512."""
    sent = traces(*(span(number, name="BAD?") for number in range(1, 513))).SerializeToString()
    assert send(doors, sent.replace(b"BAD?", b"BAD\xff")) == Outcome(200, b"")
    assert len(doors.writer.span_ids) == 512


@pytest.mark.parametrize("junk", [GOOD[:-1], b"\xff\xff", b"\x0b" * 1000, b"\x0a\x7f", b"{}"])
def test_junk_is_refused_for_good(doors: Doors, send: Send, junk: bytes) -> None:
    """Lines 1, 2 and 6: and nothing is stored."""
    outcome = send(doors, junk)
    assert (outcome.status, outcome.message, outcome.hint) == (400, "the body is not OTLP in protobuf", False)
    assert doors.writer.batches == []


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_an_empty_request_is_a_success(doors: Doors, send: Send, signal: str) -> None:
    """Line 3: nothing asked, nothing written."""
    assert send(doors, b"", signal) == Outcome(200, b"")
    assert doors.writer.batches == []


def test_logs_are_written_and_metrics_counted(doors: Doors, send: Send) -> None:
    """One endpoint serves an SDK that sends all three."""
    record = LogRecord(time_unix_nano=NOW, trace_id=TRACE, span_id=SPAN)
    assert send(doors, logs(record).SerializeToString(), "logs") == Outcome(200, b"")
    assert doors.writer.span_ids == [SPAN.hex()]
    before = doors.desk.metrics.data_points.total()
    outcome = send(doors, gauge(3).SerializeToString(), "metrics")
    assert outcome.status == 200
    assert b"metrics are counted, not stored" in outcome.body
    assert doors.desk.metrics.data_points.total() == before + 3


def test_logs_sent_as_traces_are_never_stored(doors: Doors, send: Send) -> None:
    """Line 4: each record is a span without valid ids."""
    outcome = send(doors, logs(LogRecord(time_unix_nano=NOW)).SerializeToString())
    assert b"invalid_trace_id" in outcome.body
    assert doors.writer.batches == []


def test_defaults_for_a_whole_client_come_by_header(doors: Doors, send: Send) -> None:
    """x-session-id and x-user-id, as OTEL_EXPORTER_OTLP_HEADERS sets them; placeholders are none."""
    send(doors, GOOD, x_session_id="nightly", x_user_id="undefined")
    received = doors.writer.batches[0].spans["received"][0]
    assert (received.session_id, received.user_id) == ("nightly", None)


def test_received_counts_what_is_safe_at_the_moment_it_is(send: Send) -> None:
    """The writer has counted it: whoever looks before the answer is on its way finds both."""
    counted = list[float]()

    class Counting(ListWriter):
        async def write(self, batch: Batch, when_safe: Callable[[], None]) -> None:
            await super().write(batch, when_safe)
            counted.append(opened.desk.metrics.spans.received.total())

    with open_doors(writer=Counting()) as opened:
        send(opened, traces(span(1), span(trace_id=b"x")).SerializeToString())
        assert counted == [2]


def test_received_counts_what_was_answered(send: Send) -> None:
    """The doors' part of the identity: received = written + rejected."""
    with open_doors() as doors:
        send(doors, traces(span(1), span(trace_id=b"x")).SerializeToString())
        send(doors, b"junk")
        metrics = doors.desk.metrics
        assert metrics.spans.received.total() == 2
        assert metrics.spans.rejected.value("invalid_trace_id") == 1
        assert len(doors.writer.span_ids) == 1
        assert metrics.refusals.value("malformed") == 1
        assert doors.desk.budget.used == 0


@pytest.mark.parametrize("offset", [0, 1])
def test_the_limit_is_exact(send: Send, offset: int) -> None:
    """Line 11: a body of exactly the limit passes, one byte more does not."""
    with open_doors(small()) as doors:
        most = 1 << 20
        body = traces(span(values={"p": "x" * 1_000_000})).SerializeToString()
        filler = most + offset - len(body)
        body += b"\xba\x3e" + _varint(filler - 2 - len(_varint(filler - 4))) + bytes(filler - 5)
        assert len(body) == most + offset
        outcome = send(doors, body)
        assert (outcome.status, outcome.hint) == ((200, False), (413, False))[offset]
        assert len(doors.writer.batches) == 1 - offset


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded) + bytes([number])


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer nope"}, {"authorization": "Basic ?"}, {"x_api_key": "0"}]
)
def test_strangers_are_refused(send: Send, headers: dict[str, str]) -> None:
    """Lines 56 and 57: 401, whatever they bring, and nothing is written."""
    with open_doors(projects=shop_and_lab()) as doors:
        outcome = send(doors, GOOD, **headers)
        assert (outcome.status, outcome.hint, doors.writer.batches) == (401, False, [])


def test_a_key_without_the_scope_is_forbidden(send: Send) -> None:
    """Line 56: an admin may read everything and send nothing."""
    with open_doors(projects=shop_and_lab()) as doors:
        outcome = send(doors, GOOD, x_api_key="reader-key")
        assert (outcome.status, outcome.message) == (403, "the key has no scope ingest")


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer lab-key"}, {"x_api_key": "lab-key"}, {"authorization": "Basic cHVibGljOmxhYi1rZXk="}],
)
def test_the_key_decides_the_project(send: Send, headers: dict[str, str]) -> None:
    """Never an attribute; in any usual header."""
    with open_doors(projects=shop_and_lab()) as doors:
        body = traces(span(1, {"project": "shop"}), resource={"project_id": "shop"}).SerializeToString()
        assert send(doors, body, **headers).status == 200
        assert doors.writer.batches[0].spans["project_id"] == ["lab"]


@pytest.mark.parametrize("key", ["x' OR sleep(8)--", "k" * 4_000, "../../etc/passwd", "%00"])
def test_no_key_is_told_to_anybody(send: Send, key: str, caplog: pytest.LogCaptureFixture) -> None:
    """Line 57: neither in the answer nor in the log, and at once."""
    with open_doors(projects=shop_and_lab()) as doors:
        started = time.monotonic()
        outcome = send(doors, GOOD, authorization=f"Bearer {key}")
        assert time.monotonic() - started < 5
    assert outcome.status == 401
    assert key not in outcome.message
    assert key not in caplog.text


@pytest.mark.parametrize("unit", ["spans_per_second", "bytes_per_second"])
def test_a_project_over_its_quota_is_told_to_wait_and_others_are_not(send: Send, unit: str) -> None:
    """Line 54: 429 for the noisy one only."""
    with open_doors(projects=shop_and_lab(unit)) as doors:
        body = traces(*(span(number) for number in range(1, 20))).SerializeToString()
        assert send(doors, body, x_api_key="shop-key").status == 200
        outcome = send(doors, body, x_api_key="shop-key")
        assert (outcome.status, outcome.hint) == (429, True)
        assert send(doors, body, x_api_key="lab-key").status == 200


def test_a_writer_that_cannot_take_it_is_told_as_retryable(send: Send) -> None:
    """Line 16: with the hint; nothing is counted as received."""

    async def refuse(_batch: Batch) -> None:
        raise Unavailable("the spool is full")

    with open_doors(writer=ListWriter(before=refuse)) as doors:
        outcome = send(doors, GOOD)
        assert outcome[0:1] + outcome[2:] == (503, "the spool is full", True)
        assert doors.desk.metrics.spans.received.total() == 0
        assert doors.desk.budget.used == 0


def test_an_unforeseen_error_is_retryable_too(send: Send, caplog: pytest.LogCaptureFixture) -> None:
    """Never UNKNOWN, INTERNAL or 500: clients would drop the batch."""

    class Broken(PlainMapper):
        def spans(self, *_: Any) -> Batch:
            raise RuntimeError("secret prompt")

    with open_doors(mapper=Broken()) as doors:
        outcome = send(doors, GOOD)
    assert (outcome.status, outcome.hint) == (503, True)
    assert "secret" not in outcome.message
    assert "unexpected error" in caplog.text


def test_who_finds_no_room_waits_and_then_is_refused(send: Send) -> None:
    """Held for a moment, then retryable; the neighbours' bytes are given back."""
    writer = GatedWriter()
    body = traces(span(values={"p": "x" * 900_000})).SerializeToString()
    with open_doors(small(), writer=writer) as doors, ThreadPoolExecutor(4) as pool:
        first = [pool.submit(send, doors, body) for _ in range(4)]
        until(lambda: doors.desk.budget.used > 3_600_000)
        refused = send(doors, body)
        writer.go_on.set()
        assert [one.result().status for one in first] == [200] * 4
        assert (refused.status, refused.hint) == (503, True)
        assert send(doors, body).status == 200
        assert doors.desk.budget.used == 0


def test_stopping_waits_for_what_is_in_flight(send: Send) -> None:
    """Line 51: a request that was accepted is answered, and written."""
    started = threading.Event()

    async def slow(_batch: Batch) -> None:
        started.set()
        await asyncio.sleep(0.4)

    with ThreadPoolExecutor(1) as pool:
        with open_doors(writer=ListWriter(before=slow)) as doors:
            answer = pool.submit(send, doors, GOOD)
            assert started.wait(5)
        assert answer.result(5).status == 200
        assert doors.writer.span_ids == TWO


def test_many_at_once_are_all_answered(send: Send) -> None:
    """Line 14: each exactly once, and nothing is left in flight."""
    with open_doors() as doors, ThreadPoolExecutor(32) as pool:
        bodies = [traces(span(number)).SerializeToString() for number in range(1, 301)]
        statuses = list(pool.map(lambda body: send(doors, body).status, bodies))
        assert statuses == [200] * 300
        assert sorted(doors.writer.span_ids) == [number.to_bytes(8, "big").hex() for number in range(1, 301)]
        assert doors.desk.budget.used == 0


def test_a_large_body_does_not_hold_up_the_others(send: Send) -> None:
    """It is decoded and mapped beside the loop: a health check is answered while it lasts."""
    mapping, done = threading.Event(), threading.Event()

    class Slow(PlainMapper):
        def spans(self, *_: Any) -> Batch:
            mapping.set()
            assert done.wait(10)
            return Batch({}, {}, 0)

    body = traces(span(values={"p": "x" * OFFLOADED_BYTES})).SerializeToString()
    with open_doors(mapper=Slow()) as doors, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, doors, body)
        assert mapping.wait(5)
        assert doors.http.get("/healthz").status_code == 200
        assert not answer.done()
        done.set()
        assert answer.result(10).status == 200


def _huge() -> bytes:
    """Two pieces of spans, one of them bad."""
    said = {"p": "x" * 20_000}
    return traces(*(span(number + 1, said) for number in range(450)), span(trace_id=b"x")).SerializeToString()


def test_a_huge_body_is_stored_in_pieces(send: Send) -> None:
    """As objects and rows all of it would be a gigabyte; its answer is one, and so is every span."""
    with open_doors() as doors:
        body = _huge()
        assert len(body) > HUGE_BYTES
        assert "invalid_trace_id" in str(send(doors, body).body)
        assert len(doors.writer.batches) == 2
        assert sorted(doors.writer.span_ids) == [f"{number + 1:016x}" for number in range(450)]
        assert doors.desk.metrics.spans.received.total() == 451
        assert doors.desk.budget.used == 0


def test_a_huge_body_may_break_off(send: Send) -> None:
    """What was stored counts, and the client is told to send all of it again: a span twice is a span."""
    refusing = [False]

    async def refuse_the_second(_batch: Batch) -> None:
        if refusing[0]:
            raise Unavailable("the spool is full")
        refusing[0] = True

    with open_doors(writer=ListWriter(before=refuse_the_second)) as doors:
        outcome = send(doors, _huge())
        assert (outcome.status, outcome.hint) == (503, True)
        assert doors.desk.metrics.spans.received.total() == len(doors.writer.span_ids) > 0
        assert doors.desk.budget.used == 0


def test_a_huge_body_of_who_has_a_quota_passes_whole(send: Send) -> None:
    """It may overdraw, as any request; the next one waits for it."""
    with open_doors(projects=shop_and_lab("spans_per_second")) as doors:
        assert send(doors, _huge(), authorization="Bearer shop-key").status == 200
        assert send(doors, GOOD, authorization="Bearer shop-key").status == 429
        assert len(doors.writer.span_ids) == 450
