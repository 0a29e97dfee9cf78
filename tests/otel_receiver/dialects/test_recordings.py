"""Every recording of a real SDK, read span by span, against what is known to have happened."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from otel_receiver.call import Call
from otel_receiver.values import opened
from tests.oracle import expected_sessions, expected_traces
from tests.otel_receiver.dialects.recordings import NAMES, Told, calls, expected, row, told

every_recording = pytest.mark.parametrize("name", NAMES)

SESSIONLESS = {"mlflow", "mlflow_genai", "genkit"}
"""No span that tells of a call belongs to a session: the SDK exports none, or starts traces of its own."""

CONVERSATIONS = {
    "logfire": "01a1f8dc-d76c-7110-bbca-6a52c417bdf7",  # session.id is scrubbed
    "otel_genai_openai_convctx": "sess-otel_genai_openai_convctx-7f3a",
}
RESOURCES = {"otel_genai_openai_resource"}

WITHOUT_CONTENT = {"anthropic_native", "otel_openai_v2_legacy", "claude_code"}
"""Captured none, or only in log records."""

SILENT_FAILURES = {
    # Their SDKs write content after the answer only.
    "google_adk_legacy",
    "logfire",
    "openai_agents_oi",
    "openlit",
    "pydantic_ai",
    "pydantic_ai_anthropic",
    "pydantic_ai_baggage",
}

MODELS = {
    # Where the telemetry does not say which model answered, or which was asked.
    "strands_default": ["gpt-4o-mini"],
    "openai_agents_oi": ["gpt-4o-mini-2024-07-18"],
}
TOOLS = {
    "openinference_using": "tool_get_weather",  # the function's name, where the tool had another
    "openinference_genai": "tool_get_weather",
    "claude_code": "Read",
}
READ_ANYWAY = {"vercel_ai_v5_anthropic": ("input_tokens", "cache_read_tokens")}
"""Deviations of the attributes that the metadata of the provider, beside them, makes good."""


def truth(name: str) -> dict[str, int]:
    """What all traces of a recording add up to: what happened, less what the SDK lost."""
    said = expected(name)
    tokens, lost = said["tokens"], said["deviations_in_telemetry"]
    numbers = {
        "turns": said["llm_calls"],
        "errors": said["llm_calls_failed"],
        "input_tokens": tokens["input_incl_cache"],
        "output_tokens": lost.get("output_tokens", tokens["output"]),
        "cache_read_tokens": lost.get("cached_input_tokens", tokens["cached_read"]),
        "cache_write_tokens": tokens["cache_write"],
        "reasoning_tokens": lost.get("reasoning_tokens", tokens["reasoning"]),
        "embeddings": said["embedding_calls"],
    }
    if name in READ_ANYWAY:
        numbers["cache_read_tokens"] = tokens["cached_read"]
    if name != "mlflow_genai":  # which reports no usage for embeddings
        numbers["input_tokens"] += said["embedding_input_tokens"]
    return numbers


@every_recording
def test_all_spans_add_up_to_what_happened(name: str) -> None:
    """Calls, failures, embeddings and tokens, merged and counted by the rules of SEMANTICS."""
    traces = expected_traces(map(row, told(name))).values()
    said = truth(name)
    assert {number: sum(trace[number] for trace in traces) for number in said} == said
    assert len({trace["trace_id"] for trace in traces}) == expected(name)["traces"]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in SESSIONLESS | {"litellm_otel"}])
def test_the_session_has_all_of_it(name: str) -> None:
    """One session, with everything that happened."""
    sessions = expected_sessions(map(row, told(name)))
    session_id = CONVERSATIONS.get(name, expected(name)["session_id"])
    assert list(sessions) == [("p", session_id)]
    assert {number: sessions["p", session_id][number] for number in truth(name)} == truth(name)


def test_litellm_leaves_the_streamed_call_out_of_its_session() -> None:
    """It starts a trace of its own there, without any id; the rest is attributed."""
    session = expected_sessions(map(row, told("litellm_otel")))["p", "sess-litellm_otel-7f3a"]
    attributable = expected("litellm_otel")["deviations_in_telemetry"]["attributable"]
    assert session["turns"] == attributable["llm_calls"]
    assert session["input_tokens"] == attributable["input_tokens"] + expected("litellm_otel")["embedding_input_tokens"]
    assert session["output_tokens"] == attributable["output_tokens"]


@pytest.mark.parametrize("name", sorted(SESSIONLESS))
def test_what_names_no_session_gets_none(name: str) -> None:
    """No id is guessed."""
    sessions = expected_sessions(map(row, told(name)))
    assert all(session["turns"] == 0 for session in sessions.values())


@every_recording
def test_ids_are_of_the_kind_that_the_sdk_sent(name: str) -> None:
    """Explicit, conversation and resource ids are kept apart."""
    seen = {kind: {getattr(call.ids, kind) for _, call in told(name)} - {None} for kind in _KINDS_OF_ID}
    if name in CONVERSATIONS:
        assert seen["conversation_id"] == {CONVERSATIONS[name]}
        assert seen["session_id"] == set()
    elif name in RESOURCES:
        assert seen == {"session_id": set(), "conversation_id": set(), "resource_session_id": {_session(name)}}
    elif name in SESSIONLESS - {"genkit"}:
        assert seen == {kind: set() for kind in _KINDS_OF_ID}
    else:
        assert seen["session_id"] == {_session(name)}


_KINDS_OF_ID = ("session_id", "conversation_id", "resource_session_id")


def _session(name: str) -> Any:
    return expected(name)["session_id"]


@every_recording
def test_the_user_is_found_under_whatever_key(name: str) -> None:
    """One user a recording, where the SDK sends it in spans at all."""
    users = {call.ids.user_id or call.ids.resource_user_id for _, call in told(name)} - {None}
    unsaid = name in {"mlflow", "mlflow_genai", "google_adk_legacy"}
    assert users == (set() if unsaid else {expected(name)["user_id"]})


@every_recording
def test_each_call_has_its_own_usage(name: str) -> None:
    """No LLM span says anything but one of the three answers' tokens."""
    lost = expected(name)["deviations_in_telemetry"]
    answers = {(each["input"], each["output"]) for each in expected(name)["per_call"]}
    seen = {(call.usage.input_tokens, call.usage.output_tokens) for call in calls(name, "llm")} - {(None, None)}
    if "output_tokens" in lost:  # Traceloop counts one too many, ADK its thoughts twice
        assert {given for given, _ in seen} == {given for given, _ in answers}
    else:
        assert seen == answers


@every_recording
def test_models_are_those_asked_and_those_that_answered(name: str) -> None:
    """Of turns and embeddings, without the route some SDKs put before a model's name."""
    traces = expected_traces(map(row, told(name))).values()
    said = expected(name)
    models = {*said["response_models"], *said["request_models"], *said["embedding_models"]}
    assert sorted({model for trace in traces for model in trace["models"]}) == MODELS.get(name, sorted(models))


@every_recording
def test_a_tool_has_its_name_arguments_and_result(name: str) -> None:
    """Wherever the SDK has a span for it, without what its framework wrapped around."""
    truth_of_tool = expected(name)["tool_calls"][0]
    tools = calls(name, "tool")
    assert len(tools) == truth_of_tool["own_span"]
    for tool in tools:
        assert tool.tool_name == TOOLS.get(name, truth_of_tool["name"])
        arguments = json.loads(tool.content.tool_arguments)
        assert arguments == ("Paris" if name == "langchain_oi" else truth_of_tool["args"])
        assert json.loads(tool.content.tool_result).strip() == truth_of_tool["result"]
        assert tool.content.output_preview == truth_of_tool["result"]


@every_recording
def test_the_failed_call_says_so(name: str) -> None:
    """Its span and nothing below it is to blame; the message is the provider's, in whatever wrapping."""
    failed = [call for call in calls(name, "llm") if call.failed]
    assert len(failed) > 0
    status = str(expected(name)["failed_http_status"][0])
    for call in failed:
        assert call.usage.output_tokens is None
        told_why = call.error_message + call.error_type
        assert status in told_why or "fake 500" in told_why or call.error_type == "rate_limit_error"


@every_recording
def test_why_the_model_stopped_has_one_word_for_each_reason(name: str) -> None:
    """`tool_calls`, `tool-calls` and `tool_use` are one thing."""
    reasons = Counter(reason for call in calls(name, "llm") for reason in call.finish_reasons)
    assert set(reasons) <= {"stop", "tool_call"}
    assert reasons["stop"] > 0


def _contents(name: str) -> list[Told]:
    return [each for each in told(name) if each.call.kind == "llm" and each.call.content.input_messages]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_CONTENT])
def test_previews_show_what_was_said(name: str) -> None:
    """The user's last words and the assistant's answer, in every dialect alike."""
    asked = {_words(call.content.input_preview) for _, call in _contents(name)}
    answered = {call.content.output_preview for _, call in _contents(name)} - {""}
    failing = {"Please FAIL500 now", "Please FAIL429 now"}
    assert asked - failing == {"Hello, who are you?", "What is the weather in Paris?"}
    assert (asked & failing == set()) == (name in SILENT_FAILURES)
    assert {answer.strip() for answer in answered} == {
        "Hello, I am a fake Claude." if _is_claude(name) else "Hello, I am a fake assistant.",
        "It is rainy and 14C in Paris.",
    }


def _words(preview: str) -> str:
    """CrewAI writes a whole page around a question."""
    return preview.removeprefix("Current Task: ").partition("\n")[0]


def _is_claude(name: str) -> bool:
    return bool(expected(name)["request_models"] == ["claude-sonnet-4-5"])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_CONTENT])
def test_messages_are_in_the_open_telemetry_form(name: str) -> None:
    """Roles and typed parts; the tool that was asked for with arguments as an object."""
    asked_for = []
    for _, call in _contents(name):
        for text in (call.content.input_messages, call.content.output_messages):
            messages = json.loads(text) if text else []
            assert all(message["role"] in {"system", "user", "assistant", "tool"} for message in messages)
            parts = [part for message in messages for part in message["parts"]]
            assert {part["type"] for part in parts} <= {"text", "tool_call", "tool_call_response"}
        output = json.loads(call.content.output_messages or "[]")
        asked_for += [part for message in output for part in message["parts"] if part["type"] == "tool_call"]
    assert {part["name"] for part in asked_for} == {"get_weather"}
    assert all(part["arguments"] == {"city": "Paris"} for part in asked_for)


@every_recording
def test_tool_definitions_have_a_name_and_parameters(name: str) -> None:
    """Also where a provider nests or names them otherwise."""
    texts = {call.content.tool_definitions for _, call in told(name)} - {""}
    for definition in (definition for text in texts for definition in json.loads(text)):
        assert definition["name"] == "get_weather"
        assert "city" in definition["parameters"]["properties"]


@every_recording
def test_nothing_is_lost_and_nothing_is_flagged(name: str) -> None:
    """What is consumed was there, and stands in a typed field; no recording has anything to refuse."""
    for span, call in told(name):
        assert call.flaws == ()
        assert call.consumed <= span.attributes.keys()
        assert call.consumed_events <= set(range(len(span.events)))
        if call.consumed or call.consumed_events:
            assert any(call.content[:6])


SHAPES = {
    # What a message's role, a part's type and a place in the form say instead: words of the shape it came in.
    *("ai", "human", "model", "tool", "function", "constructor", "langchain", "schema", "messages", "tool_use"),
    *("tool-call", "tool-result", "AIMessage", "HumanMessage", "SystemMessage", "ToolMessage", 0, 1),
}


@every_recording
def test_all_that_is_consumed_stands_in_the_typed_fields(name: str) -> None:
    """Down to the last leaf, but for the words of the shape it came in."""
    for span, call in told(name):
        kept = {call.tool_call_id, *(leaf for text in call.content[:6] for leaf in _leaves(text))}
        gone = [span.attributes[key] for key in call.consumed]
        gone += [value for index in call.consumed_events for value in span.events[index].attributes.values()]
        assert {leaf for value in gone for leaf in _leaves(value)} <= kept | SHAPES


def _leaves(value: Any) -> Iterator[Any]:
    value = opened(value)
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)
    elif value is not None and value != "":
        yield value


@every_recording
def test_the_dialect_that_decided_is_named(name: str) -> None:
    """And a span of the application's own is of none."""
    for span, call in told(name):
        assert (call.dialect != "") >= (call.kind != "")
        if span.scope.name.startswith(("my-app", "my-chat-app")):
            assert call[:3] == Call()[:3]
