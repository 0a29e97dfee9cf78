"""The recordings of real SDKs, read, and what is known to be true of each."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from otel_receiver.call import Call
from otel_receiver.dialects import read
from otel_receiver.dialects.log_events import LogCall, read_log
from otel_receiver.otlp import decode_logs, decode_traces
from otel_receiver.span import Span
from tests.oracle import Row

PAYLOADS = Path(__file__).parents[2] / "payloads"
NAMES = sorted(path.name for path in PAYLOADS.iterdir() if path.is_dir())

RECORDED_NS = 1_795_177_000 * 1_000_000_000
"""The afternoon of the recordings: to the decoder they have just been received."""


class Told(NamedTuple):
    """A recorded span and the call that was read from it."""

    span: Span
    call: Call


@cache
def told(name: str) -> tuple[Told, ...]:
    bodies = (path.read_bytes() for path in sorted((PAYLOADS / name).glob("[0-9]*.binpb")))
    spans = [span for body in bodies for span in decode_traces(body, "protobuf", RECORDED_NS).spans]
    return tuple(Told(span, read(span)) for span in spans)


@cache
def told_in_logs(name: str) -> tuple[LogCall, ...]:
    bodies = (path.read_bytes() for path in sorted((PAYLOADS / name).glob("logs-*.binpb")))
    records = [record for body in bodies for record in decode_logs(body, "protobuf", RECORDED_NS).records]
    return tuple(call for call in map(read_log, records) if call is not None)


@cache
def expected(name: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((PAYLOADS / name / "expected.json").read_text())
    return truth


def calls(name: str, kind: str) -> list[Call]:
    return [each.call for each in told(name) if each.call.kind == kind]


def row(each: Told) -> Row:
    """The columns of `spans` that numbers depend on."""
    span, call = each
    ids = {name: value if value is not None else "" for name, value in call.ids._asdict().items()}
    return {
        "project_id": "p",
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": span.kind,
        "started_at": span.start_ns,
        "ended_at": span.end_ns,
        "scope_name": span.scope.name,
        "service": span.resource.attributes.get("service.name", ""),
        "call_kind": call.kind,
        **{name: getattr(call, name) for name in _COLUMNS},
        "tags": call.tags,
        "metadata": dict(call.metadata),
        "input_preview": call.content.input_preview,
        "output_preview": call.content.output_preview,
        **ids,
        **call.usage._asdict(),
    }


_COLUMNS = (
    "provider",
    "request_model",
    "response_model",
    "response_id",
    "first_token_ns",
    "finish_reasons",
    "failed",
    "error_type",
    "tool_name",
    "agent_name",
    "prompt_name",
    "release",
    "environment",
)
