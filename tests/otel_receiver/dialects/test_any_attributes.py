"""Whatever a client sends, a span is read: nothing raises, and every field keeps its promise."""

import json
import math
from itertools import chain
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clickhouse.ids import MAX_ID_CHARACTERS
from otel_receiver.call import Call
from otel_receiver.dialects import DIALECTS, read
from otel_receiver.dialects.log_events import read_log
from otel_receiver.mapping.table import merge
from otel_receiver.mapping.usage import MAX_TOKENS
from otel_receiver.otlp import LogRecord
from otel_receiver.span import Attributes, Event, Resource, Scope, Span, Value
from tests.otel_receiver.dialects.spans import KINDS, START_NS, span_of

_KEYS = sorted(merge(DIALECTS).meanings)
_PREFIXES = sorted({family.prefix for dialect in DIALECTS for family in dialect.families})
_EVENTS = sorted({event.name for dialect in DIALECTS for event in dialect.events})
_SCOPES = ["", "openlit.x", "gcp.vertex.agent", "strands.x", "pydantic-ai", "com.anthropic.claude_code.events"]
_NAMES = ["span", "chat gpt-4o", "execute_tool x", "call_llm", "openai.embeddings", "agent run"]

_KINDS_OF_SPAN = st.sampled_from(
    [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.operation.name", "execute_tool"),
        ("openinference.span.kind", "LLM"),
        ("openinference.span.kind", "CHAIN"),
        ("langfuse.observation.type", "generation"),
        ("mlflow.spanType", '"CHAT_MODEL"'),
        ("langsmith.span.kind", "llm"),
        ("genkit:metadata:subtype", "model"),
        ("ai.operationId", "ai.generateText.doGenerate"),
        ("span.type", "tool"),
    ]
)

_MESSAGE_WORDS = st.sampled_from(
    """role type content parts text message messages choices generations kwargs lc data id name arguments input output
    result tool_calls function function_call toolUse toolResult functionResponse inline_data uri url args update tools
    input_str thought reasoning system config prompt_tokens input_tokens usage response_metadata""".split()  # noqa: SIM905
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["user", "assistant", "tool", "text", "tool_call", "ai", "null", "NaN", "1e999", "12", "-1", "{", '[{"']
    )
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_MESSAGE_WORDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
_JSON = _TREES.map(json.dumps)  # NaN included: Python's SDKs write it
_VALUES: st.SearchStrategy[Value] = _TREES | _JSON | st.binary(max_size=4)
_MEMBERS = st.builds(
    lambda prefix, path: prefix + ".".join(path),
    st.sampled_from(_PREFIXES),
    st.lists(_MESSAGE_WORDS | st.sampled_from(["0", "1", "00", "99999999999", "²", ""]), min_size=1, max_size=5),
)
_ATTRIBUTES: st.SearchStrategy[Attributes] = st.builds(
    lambda pairs, kind: {**dict(pairs), **dict(kind)},
    st.lists(st.tuples(st.sampled_from(_KEYS) | _MEMBERS | st.text(max_size=30), _VALUES), max_size=12),
    st.lists(_KINDS_OF_SPAN, max_size=1),
)
_EVENT_NAMES = st.sampled_from([*_EVENTS, "exception"]) | st.text(max_size=5)
_EVENT_KEYS = st.sampled_from(
    ["content", "message", "role", "id", "gen_ai.event.content", "exception.type", *_KEYS[:3]]
)
_EVENT_LISTS = st.lists(
    st.tuples(st.integers(0, 2**63 - 1), _EVENT_NAMES, st.dictionaries(_EVENT_KEYS, _VALUES, max_size=3)).map(
        lambda drawn: Event(*drawn)
    ),
    max_size=3,
).map(tuple)
_SCOPE = st.sampled_from(_SCOPES).map(Scope)
_RESOURCE = _ATTRIBUTES.map(Resource)


@st.composite
def _spans(draw: st.DrawFn) -> Span:
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        parent_span_id="",
        name=draw(st.sampled_from(_NAMES) | st.text(max_size=8)),
        kind="client",
        start_ns=START_NS,
        end_ns=START_NS + 1,
        status=draw(st.sampled_from(["unset", "ok", "error"])),
        status_message=draw(st.text(max_size=4)),
        attributes=draw(_ATTRIBUTES),
        events=draw(_EVENT_LISTS),
        links=(),
        resource=draw(_RESOURCE),
        scope=draw(_SCOPE),
    )


@st.composite
def _records(draw: st.DrawFn) -> LogRecord:
    return LogRecord(
        time_ns=draw(st.integers(0, 2**63 - 1)),
        observed_ns=START_NS,
        severity="",
        event_name=draw(st.sampled_from(_LOG_EVENTS)),
        body=draw(_VALUES),
        attributes=draw(_ATTRIBUTES),
        trace_id="",
        span_id="",
        resource=Resource({}),
        scope=draw(_SCOPE),
    )


_LOG_EVENTS = [
    "gen_ai.client.inference.operation.details",
    "gen_ai.client.operation.exception",
    "gen_ai.choice",
    "gen_ai.tool.message",
    "gen_ai.evaluation.result",
    "api_request",
    "api_error",
    "claude_code.tool_result",
]


def _keeps_its_promises(call: Call) -> None:
    assert "mapping_failed" not in call.flaws
    assert call.kind in KINDS
    assert all(count is None or 0 <= count <= 3 * MAX_TOKENS for count in call.usage)
    assert call.reported_cost_usd is None or (call.reported_cost_usd.is_finite() and call.reported_cost_usd >= 0)
    assert call.first_token_ns is None or call.first_token_ns >= 0
    ids = (*call.ids[:3], *call.ids[4:6])
    assert all(each is None or (each == each.strip() and 0 < len(each) <= MAX_ID_CHARACTERS) for each in ids)
    assert all(math.isfinite(score.value) for score in call.scores if score.value is not None)
    *texts, asked, answered = call.content
    assert max(len(asked), len(answered)) <= 500
    for text in filter(None, texts):
        json.loads(text)
    for text in filter(None, texts[:2]):
        assert all(isinstance(message["parts"], list) for message in json.loads(text))
    for text in (call.provider, call.request_model, call.operation, call.tool_name, *call.tags, *call.finish_reasons):
        assert isinstance(text, str)
    assert all(isinstance(text, str) for text in chain.from_iterable(call.metadata))


@settings(max_examples=150, deadline=None)
@given(_spans())
def test_any_span_is_read(span: Span) -> None:
    """Keys of every dialect with values of every shape, in every mixture."""
    before = repr(span)
    call = read(span)
    _keeps_its_promises(call)
    assert call.consumed <= span.attributes.keys()
    assert call.consumed_events <= set(range(len(span.events)))
    assert repr(span) == before


@settings(max_examples=75, deadline=None)
@given(_records())
def test_any_log_record_is_read(record: LogRecord) -> None:
    """Or left alone, where it tells of no call."""
    told = read_log(record)
    if told is not None:
        _keeps_its_promises(told.call)
        assert told.start_ns <= told.end_ns


def test_a_span_that_breaks_its_dialect_is_still_a_span() -> None:
    """What no decoder hands over costs the mapping and says so; that the span failed is still known."""
    no_value: Any = object()
    call = read(span_of({"gen_ai.operation.name": "chat", "session.id": no_value}, status="error"))
    assert (call.kind, call.failed, call.flaws) == ("", True, ("mapping_failed",))
