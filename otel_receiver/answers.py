"""Answers as OTLP wants them: in the encoding of the request, and the same words through both doors."""

import math
from typing import Any

import orjson
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otel_receiver.errors import Refused, Unavailable
from otel_receiver.export import Reply, Signal
from otel_receiver.otlp import Encoding

_REJECTED_NAMES: dict[Signal, str] = {
    "traces": "rejectedSpans",
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
}


def reply_body(signal: Signal, reply: Reply, encoding: Encoding) -> bytes:
    """Success; partial where something was rejected, or where there is a warning."""
    whole = reply == Reply()
    if encoding == "protobuf":
        return b"" if whole else _partial(signal, reply).SerializeToString()
    if whole:
        return b"{}"
    partial: dict[str, Any] = {"errorMessage": reply.message}
    if reply.rejected > 0:
        partial[_REJECTED_NAMES[signal]] = str(reply.rejected)
    return orjson.dumps({"partialSuccess": partial})


def _partial(signal: Signal, reply: Reply) -> Message:
    rejected, message = reply
    if signal == "traces":
        spans = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
        return ExportTraceServiceResponse(partial_success=spans)
    if signal == "logs":
        records = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=message)
        return ExportLogsServiceResponse(partial_success=records)
    points = ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=message)
    return ExportMetricsServiceResponse(partial_success=points)


def refusal_body(refused: Refused, encoding: Encoding) -> bytes:
    """google.rpc.Status, whatever went wrong."""
    if encoding == "protobuf":
        body: bytes = _status(refused).SerializeToString()
        return body
    return MessageToJson(_status(refused), indent=None).encode()


def retry_seconds(refused: Unavailable) -> int:
    """HTTP's Retry-After in whole seconds, which every client reads."""
    return max(1, math.floor(refused.retry_after_s))


def grpc_trailers(refused: Refused) -> tuple[tuple[str, bytes], ...]:
    """The hint in both places clients look: Go, Rust, .NET and the Collector in the first, Python in the second."""
    details = ("grpc-status-details-bin", _status(refused).SerializeToString())
    if isinstance(refused, Unavailable):
        return details, ("google.rpc.retryinfo-bin", _retry_info(refused).SerializeToString())
    return (details,)


def _status(refused: Refused) -> Status:
    detail = _detail(refused)
    details = []
    if detail is not None:
        packed = AnyMessage()
        packed.Pack(detail)
        details.append(packed)
    return Status(code=_code(refused), message=refused.message, details=details)


def _code(refused: Refused) -> int:
    number: int = refused.answer.grpc.value[0]
    return number


def _detail(refused: Refused) -> Message | None:
    detail: Message | None = None
    if isinstance(refused, Unavailable):
        detail = _retry_info(refused)
    elif refused.reason == "malformed":
        detail = BadRequest(field_violations=[BadRequest.FieldViolation(field="body", description=refused.message)])
    return detail


def _retry_info(refused: Unavailable) -> RetryInfo:
    delay = Duration()
    delay.FromMilliseconds(round(refused.retry_after_s * 1000))
    return RetryInfo(retry_delay=delay)
