"""What a client hears: the table, the hints, and both encodings of them."""

from typing import get_args

import orjson
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from otel_receiver.answers import grpc_trailers, refusal_body, reply_body, retry_seconds
from otel_receiver.errors import ANSWERS, LONGEST_WAIT_S, MAX_MESSAGE, Permanent, Reason, Unavailable
from otel_receiver.export import Reply, Signal
from otel_receiver.metrics import Metrics
from otel_receiver.refusals import Refusals

RETRIED_HTTP = {429, 502, 503, 504}
RETRIED_GRPC = {StatusCode.UNAVAILABLE, StatusCode.RESOURCE_EXHAUSTED}


def test_every_reason_has_an_answer() -> None:
    """A new reason without one would be an exception while refusing."""
    assert set(ANSWERS) == set(get_args(Reason))


@pytest.mark.parametrize(
    "reason", [reason for reason in get_args(Reason) if reason not in {"unavailable", "over_quota"}]
)
def test_a_permanent_refusal_is_never_retried(reason: Reason) -> None:
    """By HTTP status, and by gRPC code without RetryInfo."""
    refused = Permanent(reason, "no")
    assert refused.answer.http not in RETRIED_HTTP
    assert refused.answer.grpc is not StatusCode.UNAVAILABLE
    assert [name for name, _ in grpc_trailers(refused)] == ["grpc-status-details-bin"]
    assert b"RetryInfo" not in refusal_body(refused, "protobuf")


@pytest.mark.parametrize("reason", ["unavailable", "over_quota"])
def test_a_transient_refusal_is_always_retried(reason: Reason) -> None:
    """Line 16: a retryable code, and the hint where each client looks for it."""
    refused = Unavailable("later", 2.5, reason)
    assert refused.answer.http in RETRIED_HTTP
    assert refused.answer.grpc in RETRIED_GRPC
    trailers = dict(grpc_trailers(refused))
    assert RetryInfo.FromString(trailers["google.rpc.retryinfo-bin"]).retry_delay.ToMilliseconds() == 2500
    (packed,) = Status.FromString(trailers["grpc-status-details-bin"]).details
    detail = RetryInfo()
    assert packed.Unpack(detail)
    assert detail.retry_delay.ToMilliseconds() == 2500
    assert retry_seconds(refused) == 2


def test_nothing_is_answered_with_a_code_that_loses_data() -> None:
    """UNKNOWN, INTERNAL and 500 make clients drop the batch, whatever was meant."""
    assert not {StatusCode.UNKNOWN, StatusCode.INTERNAL} & {answer.grpc for answer in ANSWERS.values()}
    assert 500 not in {answer.http for answer in ANSWERS.values()}


def test_hints_are_short_and_spread() -> None:
    """Longer than four seconds exceeds what SDKs have left; all at once would be a herd."""
    hints = [Unavailable("later").retry_after_s for _ in range(100)]
    assert min(hints) >= 1
    assert max(hints) <= 2
    assert len(set(hints)) > 50
    assert Unavailable("later", 60).retry_after_s == LONGEST_WAIT_S
    assert retry_seconds(Unavailable("later", 0.2)) == 1


def test_messages_are_short() -> None:
    """Clients read little of an error; some have crashed on long ones."""
    assert len(Permanent("malformed", "x" * 100_000).message) == MAX_MESSAGE


def test_a_refusal_is_a_status_in_either_encoding() -> None:
    """With the code, the sentence and, for bad data, a BadRequest."""
    refused = Permanent("malformed", "no protobuf")
    status = Status.FromString(refusal_body(refused, "protobuf"))
    assert (status.code, status.message) == (3, "no protobuf")
    assert status.details[0].Is(BadRequest.DESCRIPTOR)
    in_json = orjson.loads(refusal_body(refused, "json"))
    assert (in_json["code"], in_json["message"]) == (3, "no protobuf")
    assert in_json["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


def test_whole_success_leaves_partial_success_unset() -> None:
    """In both encodings."""
    assert reply_body("traces", Reply(), "protobuf") == b""
    assert reply_body("logs", Reply(), "json") == b"{}"


@pytest.mark.parametrize(("signal", "name"), [("traces", "rejectedSpans"), ("logs", "rejectedLogRecords")])
def test_partial_success_counts_as_text(signal: Signal, name: str) -> None:
    """64-bit integers are text in JSON."""
    body = orjson.loads(reply_body(signal, Reply(2, "why"), "json"))
    assert body == {"partialSuccess": {name: "2", "errorMessage": "why"}}


def test_a_flood_of_refusals_is_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """All are counted, and the next line says how many were not told."""
    now = [100.0]
    metrics = Metrics()
    refusals = Refusals(metrics, lambda: now[0])
    for _ in range(50):
        refusals.note(Permanent("unauthenticated", "who?"), "http", "traces")
    refusals.note(Permanent("malformed", "what?"), "http", "traces", "shop")
    now[0] += 2
    refusals.note(Permanent("unauthenticated", "who?"), "http", "traces")
    assert [record.getMessage() for record in caplog.records] == ["refused: who?", "refused: what?", "refused: who?"]
    assert [vars(record)["untold"] for record in caplog.records] == [0, 0, 49]
    assert metrics.refusals.value("unauthenticated") == 51


def test_an_unexpected_error_is_told_by_number_only(caplog: pytest.LogCaptureFixture) -> None:
    """The trace is for us; the client gets a number to ask about, and may retry."""
    refusals = Refusals(Metrics())
    try:
        raise RuntimeError("prompt text")  # noqa: TRY301 - has to be caught to have a trace
    except RuntimeError:
        refused = refusals.unexpected("grpc", "traces")
    assert refused.answer.http == 503
    assert "prompt text" not in refused.message
    assert refused.message.split()[2].rstrip(";") in caplog.records[0].getMessage()
