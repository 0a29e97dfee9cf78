"""What only HTTP can do to us, and what only HTTP promises."""

import contextlib
import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import psutil
import pytest
from google.rpc.status_pb2 import Status

from otel_receiver.batch import Batch
from otel_receiver.errors import Unavailable
from otel_receiver.probes import Readiness
from tests.otel_receiver.doors import Doors, GatedWriter, ListWriter, open_doors, until
from tests.otel_receiver.requests import body as in_encoding
from tests.otel_receiver.requests import span, traces
from tests.otel_receiver.test_both_doors import shop_and_lab, small
from tests.otel_receiver.test_decompress import FORMS

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
GOOD = traces(span(1)).SerializeToString()
GOOD_JSON = in_encoding(traces(span(1)), "json")


@pytest.fixture(scope="module")
def shared() -> Iterator[Doors]:
    """One pair of doors for all."""
    with open_doors() as opened:
        yield opened


@pytest.fixture
def doors(shared: Doors) -> Doors:
    """With nothing written yet."""
    shared.writer.batches.clear()
    return shared


def status_of(response: httpx.Response) -> Status:
    """The body of a refusal, in whichever encoding its type says."""
    if response.headers["content-type"] == PROTOBUF:
        return Status.FromString(response.content)
    assert response.headers["content-type"] == JSON
    return Status(message=orjson.loads(response.content)["message"], code=orjson.loads(response.content)["code"])


@pytest.mark.parametrize("path", ["/v1/traces", "/api/public/otel/v1/traces", "/x/v1/logs/v1/traces", "/%20/v1/traces"])
def test_any_prefix_leads_to_the_door(doors: Doors, path: str) -> None:
    """Some SDKs add one of their own."""
    assert doors.post(GOOD, path).status_code == 200
    assert doors.writer.span_ids == ["0000000000000001"]


@pytest.mark.parametrize(
    "path", ["/", "/v1/traces/", "/v1/tracesX", "/v1", "/v1/profiles", "/xv1/traces", "/v2/traces", "/readyz/x"]
)
def test_other_paths_are_not_found(doors: Doors, path: str) -> None:
    """Line 7: 404, as a Status in the request's encoding."""
    response = doors.post(GOOD, path)
    assert response.status_code == 404
    assert "/v1/traces" in status_of(response).message
    assert response.headers["content-type"] == PROTOBUF


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"])
def test_other_methods_are_not_allowed(doors: Doors, method: str) -> None:
    """Line 7: no CORS either."""
    response = doors.http.request(method, "/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("content_type", [PROTOBUF, "APPLICATION/X-PROTOBUF", f"{PROTOBUF}; x=y", f" {PROTOBUF} "])
def test_protobuf_is_taken_however_it_is_spelt(doors: Doors, content_type: str) -> None:
    """Line 5: parameters and case; the answer is of the same type."""
    response = doors.post(GOOD, content_type=content_type.strip())
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"", PROTOBUF)


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=UTF-8", "Application/JSON"])
def test_json_is_taken_however_it_is_spelt(doors: Doors, content_type: str) -> None:
    """Line 5, and JSON answers JSON."""
    response = doors.post(GOOD_JSON, content_type=content_type)
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"{}", JSON)
    assert doors.writer.span_ids == ["0000000000000001"]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/grpc", "application/x-protobufs", "multipart/form-data"]
)
def test_other_types_are_not_supported(doors: Doors, content_type: str) -> None:
    """Lines 5 and 60: a form of a foreign page sends text/plain, and is refused."""
    response = doors.post(GOOD_JSON, content_type=content_type)
    assert response.status_code == 415
    assert "application/x-protobuf" in status_of(response).message
    assert doors.writer.batches == []


def test_each_encoding_is_refused_in_itself(doors: Doors) -> None:
    """Line 6: and the Status is in the encoding the request claimed."""
    as_json = doors.post(GOOD, content_type=JSON)
    as_protobuf = doors.post(GOOD_JSON, content_type=PROTOBUF)
    assert (as_json.status_code, as_json.headers["content-type"]) == (400, JSON)
    assert (as_protobuf.status_code, as_protobuf.headers["content-type"]) == (400, PROTOBUF)
    assert status_of(as_json).code == status_of(as_protobuf).code == 3


@pytest.mark.parametrize(("raw", "status"), [(b"", 400), (b"{}", 200), (b'{"resourceSpans":[]}', 200)])
def test_an_empty_text_is_no_json(doors: Doors, raw: bytes, status: int) -> None:
    """Line 3: an empty object is an empty request."""
    assert doors.post(raw, content_type=JSON).status_code == status


def test_a_partial_success_in_json(doors: Doors) -> None:
    """64-bit counts are text."""
    response = doors.post(in_encoding(traces(span(1), span(trace_id=b"x")), "json"), content_type=JSON)
    assert response.json() == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": "rejected 1 spans: invalid_trace_id (1)"}
    }


@pytest.mark.parametrize("form", FORMS)
def test_each_compression_is_read(doors: Doors, form: Any) -> None:
    """gzip, deflate and zstd, in any case of letters."""
    for name in (form, form.upper()):
        assert doors.post(FORMS[form](GOOD), content_encoding=name).status_code == 200
    assert len(doors.writer.span_ids) == 2


def test_members_may_follow_each_other(doors: Doors) -> None:
    """Line 9."""
    half = len(GOOD) // 2
    assert (
        doors.post(gzip.compress(GOOD[:half]) + gzip.compress(GOOD[half:]), content_encoding="gzip").status_code == 200
    )


@pytest.mark.parametrize("name", ["br", "gzip,gzip", "x", "gzip, identity", "compress"])
def test_other_compressions_are_not_supported(doors: Doors, name: str) -> None:
    """Line 8."""
    response = doors.post(gzip.compress(GOOD), content_encoding=name)
    assert (response.status_code, status_of(response).message) == (
        415,
        "the content encoding is gzip, deflate, zstd or none",
    )


def test_two_headers_do_not_hide_two_codings(doors: Doors) -> None:
    """Line 8: as if they stood in one."""
    headers = [("content-type", PROTOBUF), ("content-encoding", "gzip"), ("content-encoding", "gzip")]
    assert doors.http.post("/v1/traces", content=gzip.compress(GOOD), headers=headers).status_code == 415


@pytest.mark.parametrize(
    "broken", [gzip.compress(GOOD)[:-3], gzip.compress(GOOD) + b"tail", GOOD, b"", zlib.compress(GOOD)]
)
def test_broken_gzip_is_refused_for_good(doors: Doors, broken: bytes) -> None:
    """Line 9: truncated, followed by garbage, not gzip at all."""
    response = doors.post(broken, content_encoding="gzip")
    assert (response.status_code, status_of(response).message) == (400, "the body is not gzip, or not all of it")


@pytest.mark.parametrize("form", FORMS)
def test_fifty_bombs_are_refused_and_cost_little(form: Any) -> None:
    """Line 10: each would be 64 MiB; together they take less than one, and a neighbour is served."""
    bomb = FORMS[form](bytes(64 << 20))
    with open_doors(small(hold_s=5)) as doors, ThreadPoolExecutor(10) as pool:
        before = psutil.Process().memory_info().rss
        answers = [pool.submit(doors.post, bomb, content_encoding=form) for _ in range(50)]
        assert doors.post(GOOD).status_code == 200
        assert {answer.result().status_code for answer in answers} == {413}
        assert psutil.Process().memory_info().rss - before < 64 << 20
        assert doors.desk.budget.used == 0


def test_a_length_over_the_limit_is_refused_unread() -> None:
    """Line 11: by the header alone."""
    with open_doors(small()) as doors:
        answer = raw(doors, _head("/v1/traces", length=(1 << 20) + 1))
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer.lower()


def test_chunks_without_a_length_have_the_same_limit() -> None:
    """Line 11: counted as they come."""

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 17)

    with open_doors(small()) as doors:
        headers = {"content-type": PROTOBUF}
        with contextlib.suppress(httpx.WriteError):  # hung up on in the middle of the rest, which is fine as well
            assert doors.http.post("/v1/traces", content=chunks(), headers=headers).status_code == 413
        assert doors.post(GOOD).status_code == 200
        assert doors.desk.budget.used == 0


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    """Line 12: a byte now and then holds no slot; the client may try again."""
    with open_doors(small(body_deadline_s=0.3)) as doors:
        with _connected(doors) as connection:
            connection.sendall(_head("/v1/traces", length=1000))
            for _ in range(5):
                connection.sendall(b"x")
                time.sleep(0.02)
            answer = _all(connection)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in answer.lower()
        assert doors.desk.budget.used == 0


@pytest.mark.parametrize("begun", [b"", b"POST /v1/tra", b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nX-"])
def test_a_head_that_does_not_arrive_is_given_up(begun: bytes) -> None:
    """Line 12: slowloris; also for the second request of a connection."""
    with open_doors(small(head_deadline_s=0.2)) as doors:
        for first in (b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            if first and not begun:
                continue  # an idle connection between requests is welcome
            with _connected(doors) as connection:
                connection.sendall(first + begun)
                started = time.monotonic()
                answer = _all(connection)
                assert time.monotonic() - started < 2
                assert answer.count(b"HTTP/1.1 200") == (1 if first else 0)


def test_an_idle_connection_is_kept() -> None:
    """Between batches, longer than a head may take."""
    with open_doors(small(head_deadline_s=0.1)) as doors, _connected(doors) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            received = b""
            while not received.endswith(b'{"alive":true}'):
                received += connection.recv(4096)
            time.sleep(0.4)


def test_a_client_that_hangs_up_in_the_body_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Line 13: nothing stored, nothing held, no storm of errors."""
    with open_doors() as doors:
        for _ in range(20):
            with _connected(doors) as connection:
                connection.sendall(_head("/v1/traces", length=len(GOOD)) + GOOD[:-1])
        assert doors.post(GOOD).status_code == 200
        until(lambda: doors.desk.budget.used == 0)
        assert len(doors.writer.batches) == 1
    assert caplog.text == ""


def test_a_client_that_hangs_up_after_the_body_is_stored_once() -> None:
    """Line 13: the commit goes on."""
    writer = GatedWriter()
    with open_doors(writer=writer) as doors:
        with _connected(doors) as connection:
            connection.sendall(_head("/v1/traces", length=len(GOOD)) + GOOD)
            assert writer.begun.wait(5)
        writer.go_on.set()
        until(lambda: doors.desk.budget.used == 0)
        assert writer.span_ids == ["0000000000000001"]


def test_a_session_id_in_a_header_may_be_in_any_script(doors: Doors) -> None:
    """UTF-8 where it is UTF-8, else byte for byte."""
    for raw_id, session_id in (("gespräch-✓".encode(), "gespräch-✓"), (b"caf\xe9", "café")):
        headers = [(b"content-type", PROTOBUF.encode()), (b"x-session-id", raw_id)]
        doors.http.post("/v1/traces", content=GOOD, headers=headers)
        assert doors.writer.batches.pop().spans["received"][0].session_id == session_id


def test_pipelined_requests_are_answered_in_turn(doors: Doors) -> None:
    """Line 14."""
    one = _head("/v1/traces", length=len(GOOD)) + GOOD
    last = _head("/v1/traces", "Connection: close", length=len(GOOD)) + GOOD
    assert raw(doors, one * 4 + last).count(b"HTTP/1.1 200") == 5
    assert len(doors.writer.span_ids) == 5


def test_a_refused_body_does_not_end_the_connection() -> None:
    """A short one is read away, so that the client hears the answer and goes on."""
    with open_doors(projects=shop_and_lab()) as doors:
        bad = _head("/v1/traces", length=len(GOOD)) + GOOD
        good = _head("/v1/traces", "X-Api-Key: shop-key", "Connection: close", length=len(GOOD)) + GOOD
        answers = raw(doors, bad + good)
        assert answers.count(b"HTTP/1.1 401") == answers.count(b"HTTP/1.1 200") == 1
        assert b"www-authenticate: bearer" in answers.lower()


def test_a_stranger_who_waits_to_be_asked_is_not_asked() -> None:
    """R3: `Expect: 100-continue` without a key hears 401, and its body is never sent."""
    with open_doors(projects=shop_and_lab()) as doors:
        answer = raw(doors, _head("/v1/traces", "Expect: 100-continue", length=1000))
        assert answer.startswith(b"HTTP/1.1 401")


def test_a_strangers_large_body_is_never_read() -> None:
    """R3: refused by its headers; of what comes anyway a megabyte is read, then the connection ends."""
    with open_doors(projects=shop_and_lab()) as doors:
        with _connected(doors) as connection:
            connection.sendall(_head("/v1/traces", length=60 << 20))
            sent = 0
            try:
                while sent < 60 << 20:
                    sent += connection.send(bytes(1 << 16))
            except OSError:
                pass
            assert sent < 20 << 20
        assert doors.desk.budget.used == 0


@pytest.mark.parametrize("host", ["evil.com", "127.0.0.1.evil.com", "a/?x=", "localhost.", "", "[::2]:4318"])
def test_foreign_names_for_this_machine_are_refused(doors: Doors, host: str) -> None:
    """Line 60: a page that rebinds its own name to loopback cannot send us anything, nor read our metrics."""
    for head in (_head("/v1/traces", "Connection: close", host=host, length=len(GOOD)) + GOOD, _get("/metrics", host)):
        answer = raw(doors, head)
        assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))
    assert doors.writer.batches == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:4318", "127.0.0.1", "127.0.0.1:80", "[::1]:4318"])
def test_local_names_are_fine(doors: Doors, host: str) -> None:
    """With or without a port."""
    assert raw(doors, _get("/healthz", host)).startswith(b"HTTP/1.1 200")


def test_further_names_can_be_allowed() -> None:
    """For a tunnel, or a name in /etc/hosts."""
    with open_doors(small(host_names=("traces.local",))) as doors:
        assert raw(doors, _get("/healthz", "traces.local:1")).startswith(b"HTTP/1.1 200")


def test_probes_tell_alive_from_ready(doors: Doors) -> None:
    """Alive is alive; ready is what the receiver says, with a word on why not."""
    assert doors.http.get("/healthz").json() == {"alive": True}
    assert doors.http.get("/readyz").json() == {"ready": True, "detail": ""}
    doors.state[0] = Readiness(ready=False, detail="the schema is not there yet")
    answer = doors.http.get("/readyz")
    doors.state[0] = Readiness(ready=True)
    assert (answer.status_code, answer.json()["detail"]) == (503, "the schema is not there yet")
    assert doors.http.head("/readyz").content == b""
    assert doors.http.post("/readyz").headers["allow"] == "GET, HEAD"


def test_metrics_count_requests_by_code(doors: Doors) -> None:
    """In Prometheus' text, with what the doors saw."""
    doors.post(GOOD)
    doors.post(b"junk", content_type=JSON)
    doors.post(GOOD, "/nowhere")
    response = doors.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    for labels in (
        'signal="traces",transport="http",encoding="protobuf",code="200"',
        'signal="traces",transport="http",encoding="json",code="400"',
        'signal="none",transport="http",encoding="protobuf",code="404"',
    ):
        assert f"genai_sessions_receiver_requests_total{{{labels}}}" in response.text
    assert "genai_sessions_receiver_in_flight_bytes 0" in response.text


def test_a_hint_is_whole_seconds() -> None:
    """Line 16: Retry-After as every client reads it."""

    async def refuse(_batch: Batch) -> None:
        raise Unavailable("later", 2.9)

    with open_doors(writer=ListWriter(before=refuse)) as doors:
        for body, content_type in ((GOOD, PROTOBUF), (GOOD_JSON, JSON)):
            response = doors.post(body, content_type=content_type)
            assert (response.status_code, response.headers["retry-after"]) == (503, "2")
            assert status_of(response).message == "later"


def test_answers_are_not_sniffed(doors: Doors) -> None:
    """A browser that gets here somehow shows nothing as HTML."""
    assert doors.post(b"<script>", content_type=JSON).headers["x-content-type-options"] == "nosniff"


def test_a_huge_header_is_refused(doors: Doors) -> None:
    """Line 57: bounded before anybody looks at it."""
    assert raw(doors, _head("/v1/traces", "Authorization: Bearer " + "k" * 1_000_000)).startswith(b"HTTP/1.1 400")


def test_a_thousand_connections_are_served(doors: Doors) -> None:
    """Line 14: open at once, and nothing is left."""
    connections = [socket.create_connection(("127.0.0.1", doors.http_port), timeout=10) for _ in range(400)]
    try:
        for connection in connections:
            connection.sendall(_head("/v1/traces", length=len(GOOD)) + GOOD)
        for connection in connections:
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for connection in connections:
            connection.close()
    assert len(doors.writer.span_ids) == 400
    assert threading.active_count() < 50


def _head(path: str, *lines: str, host: str = "localhost", length: int = 0) -> bytes:
    head = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Type: {PROTOBUF}", f"Content-Length: {length}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


def _get(path: str, host: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def _connected(doors: Doors) -> socket.socket:
    return socket.create_connection(("127.0.0.1", doors.http_port), timeout=5)


def raw(doors: Doors, sent: bytes) -> bytes:
    """What comes back on a connection until the server ends it, or says nothing for a while."""
    with _connected(doors) as connection:
        connection.sendall(sent)
        return _all(connection)


def _all(connection: socket.socket) -> bytes:
    connection.settimeout(2)
    received = b""
    try:
        while chunk := connection.recv(1 << 16):
            received += chunk
    except OSError:
        pass
    return received
