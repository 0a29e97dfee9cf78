"""Content into typed fields, from attributes, families and events; consumed only where all of it stands there."""

import json
from typing import Any

import pytest

from otel_receiver.call import Content
from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import CHAT, TOOL, call_of, event
from tests.otel_receiver.spans import rows, span

HELLO = '[{"role":"user","parts":[{"type":"text","content":"Hello"}]}]'
LLM: Attributes = {"openinference.span.kind": "LLM"}


def test_what_is_in_the_form_is_kept_to_the_letter() -> None:
    """Spaces, nulls and all: the text that came is the text that stays."""
    text = '[ {"role": "user", "parts": [{"content": "Hello", "type": "text"}], "name": null} ]'
    call = call_of({**CHAT, "gen_ai.input.messages": text})
    assert call.content.input_messages == text
    assert call.consumed == {"gen_ai.input.messages"}


def test_structured_messages_become_text() -> None:
    """Where an SDK sends lists and maps instead of JSON."""
    call = call_of({**CHAT, "gen_ai.input.messages": json.loads(HELLO)})
    assert json.loads(call.content.input_messages) == json.loads(HELLO)
    assert call.consumed == {"gen_ai.input.messages"}


@pytest.mark.parametrize("cut", ['[{"role":"user","parts":[{"type":"te', '{"messages": [{"role"', '[["'])
def test_json_that_was_cut_off_stays_where_it_was(cut: str) -> None:
    """By a length limit of the SDK: flagged, shown as far as it goes, never lost."""
    call = call_of({**CHAT, "gen_ai.input.messages": cut})
    assert call.content == Content(input_preview=cut)
    assert call.consumed == frozenset()
    assert call.flaws == ("messages_unparsed",)


@pytest.mark.parametrize("odd", ["[1, 2]", '{"a": 1}', '[{"role": "user", "parts": 7}]', 7, True, [b"x"]])
def test_what_holds_no_messages_is_kept_and_flagged(odd: Any) -> None:
    """On a call, which must have some."""
    call = call_of({**CHAT, "gen_ai.input.messages": odd})
    assert call.content.input_messages == ""
    assert call.consumed == frozenset()
    assert call.flaws == ("messages_unparsed",)


def test_an_empty_list_says_nothing_and_the_next_key_is_asked() -> None:
    """LiteLLM writes a message without parts and the call it made beside it."""
    call = call_of(
        {
            **CHAT,
            "gen_ai.input.messages": "[]",
            "gen_ai.output.messages": '[{"role": "assistant", "parts": [], "finish_reason": "tool_calls"}]',
            "gen_ai.completion.0.function_call.name": "get_weather",
            "gen_ai.completion.0.function_call.arguments": '{"city": "Paris"}',
        }
    )
    part = {"type": "tool_call", "name": "get_weather", "arguments": {"city": "Paris"}}
    assert json.loads(call.content.output_messages) == [{"role": "assistant", "parts": [part]}]
    assert "gen_ai.output.messages" not in call.consumed
    assert call.content.input_messages == ""
    assert call.flaws == ()


def test_a_request_with_more_than_messages_is_not_consumed() -> None:
    """Its temperature stands nowhere else; its tools and instructions are carried."""
    request = {"model": "m", "temperature": 0.2, "system": "Be terse.", "messages": [{"role": "user", "content": "Hi"}]}
    call = call_of({**LLM, "input.value": json.dumps(request)})
    assert json.loads(call.content.system_instructions) == [{"type": "text", "content": "Be terse."}]
    assert call.consumed == frozenset()
    del request["model"], request["temperature"]
    assert call_of({**LLM, "input.value": json.dumps(request)}).consumed == {"input.value"}


def test_tools_inside_a_request_count_only_where_nothing_else_says_them() -> None:
    """And what is not carried keeps its attribute."""
    request = json.dumps({"messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "inside"}]})
    span: Attributes = {"langfuse.observation.type": "generation", "langfuse.observation.input": request}
    alone, beside = call_of(span), call_of({**span, "gen_ai.tool.definitions": '[{"type": "function", "name": "own"}]'})
    assert json.loads(alone.content.tool_definitions) == [{"name": "inside", "type": "function"}]
    assert alone.consumed == {"langfuse.observation.input"}
    assert json.loads(beside.content.tool_definitions) == [{"type": "function", "name": "own"}]
    assert beside.consumed == {"gen_ai.tool.definitions"}


def test_a_number_too_long_for_json_keeps_its_attribute() -> None:
    """Rewriting would round it; what is kept to the letter is not rewritten."""
    content = '[{"role": "user", "content": [{"type": "x", "id": 123456789012345678901234567890}]}]'
    call = call_of({"langfuse.observation.type": "generation", "langfuse.observation.input": content})
    assert call.content.input_messages != ""
    assert call.consumed == frozenset()
    arguments = '{"id": 123456789012345678901234567890}'
    call = call_of({**TOOL, "gen_ai.tool.call.arguments": arguments})
    assert call.content.tool_arguments == arguments
    assert call.consumed == {"gen_ai.tool.call.arguments"}


def test_content_nested_beyond_all_measure_stays_where_it_was() -> None:
    """The JSON writer has a limit, the span has none."""
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    call = call_of({**CHAT, "gen_ai.input.messages": [{"role": "user", "content": {"type": "odd", "x": deep}}]})
    assert (call.content.input_messages, call.consumed) == ("", frozenset())
    assert call_of({**TOOL, "gen_ai.tool.call.arguments": deep}).content.tool_arguments == ""


def test_bytes_are_written_as_base64() -> None:
    """As OTLP's JSON does."""
    call = call_of({**TOOL, "gen_ai.tool.call.result": {"image": b"\x00\xff"}})
    assert json.loads(call.content.tool_result) == {"image": "AP8="}


def test_flattened_messages_are_put_together_in_the_order_of_their_numbers() -> None:
    """However the attributes are ordered, and however high the numbers are."""
    call = call_of(
        {
            **LLM,
            "llm.input_messages.10.message.role": "user",
            "llm.input_messages.10.message.content": "last",
            "llm.input_messages.2.message.role": "user",
            "llm.input_messages.2.message.contents.0.message_content.type": "text",
            "llm.input_messages.2.message.contents.0.message_content.text": "first",
            "llm.input_messages.2.message.contents.1.message_content.type": "image",
            "llm.input_messages.2.message.contents.1.message_content.image.image.url": "https://x/y.png",
        }
    )
    assert json.loads(call.content.input_messages) == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "first"},
                {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
            ],
        },
        {"role": "user", "parts": [{"type": "text", "content": "last"}]},
    ]
    assert len(call.consumed) == 7
    assert call.content.input_preview == "last"


@pytest.mark.parametrize("path", ["0.message", "0.message.role.x", "9999999999.message.role", "0" + ".x" * 40])
def test_paths_that_contradict_each_other_cost_nothing_else(path: str) -> None:
    """The family stays among the attributes."""
    call = call_of({**LLM, "llm.input_messages.0.message.role": "user", f"llm.input_messages.{path}": "x"})
    assert call.content.input_messages == ""
    assert call.consumed == frozenset()


def test_traceloop_s_older_messages() -> None:
    """One attribute per field, calls included; parts as JSON in a text."""
    call = call_of(
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": '[{"type": "text", "text": "Hello"}]',
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.finish_reason": "tool_calls",
            "gen_ai.completion.0.tool_calls.0.id": "c",
            "gen_ai.completion.0.tool_calls.0.name": "get_weather",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"city": "Paris"}',
            "gen_ai.prompt.name": "greet",
        }
    )
    assert json.loads(call.content.input_messages) == json.loads(HELLO)
    part = {"type": "tool_call", "id": "c", "name": "get_weather", "arguments": {"city": "Paris"}}
    assert json.loads(call.content.output_messages)[0]["parts"] == [part]
    assert call.finish_reasons == ("tool_call",)
    assert call.prompt_name == "greet"


def test_an_output_in_pieces_is_one_message() -> None:
    """AI SDK has an attribute each for thoughts, text, object and calls."""
    call = call_of(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.response.reasoning": "hm",
            "ai.response.text": "Let me look.",
            "ai.response.toolCalls": json.dumps(
                [{"toolCallId": "c", "toolName": "get_weather", "input": '{"city":"Paris"}'}]
            ),
        }
    )
    assert json.loads(call.content.output_messages) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "Let me look."},
                {"type": "tool_call", "id": "c", "name": "get_weather", "arguments": {"city": "Paris"}},
            ],
        }
    ]
    assert call.consumed == {"ai.response.reasoning", "ai.response.text", "ai.response.toolCalls"}
    assert call.content.output_preview == "Let me look."


def test_events_carry_messages_where_no_attribute_does() -> None:
    """Strands' default, and OpenTelemetry's before the attributes."""
    events = [
        event("gen_ai.user.message", {"content": '[{"text": "Hello"}]'}),
        event("something.else", {}),
        event("gen_ai.choice", {"message": '[{"text": "Hi"}]', "finish_reason": "end_turn"}),
    ]
    call = call_of(CHAT, events=events)
    assert json.loads(call.content.input_messages) == json.loads(HELLO)
    assert call.content.output_preview == "Hi"
    assert call.finish_reasons == ("stop",)
    assert call.consumed_events == {0, 2}
    call = call_of({**CHAT, "gen_ai.input.messages": HELLO}, events=events)
    assert call.consumed_events == {2}


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "Hello"}]'}),
        ("gen_ai.user.message", {"gen_ai.event.content": '{"role": "user", "content": "Hello"}'}),
        ("gen_ai.user.message", {"content": "Hello"}),
    ],
)
def test_events_of_older_conventions(name: str, attributes: Attributes) -> None:
    """Before 1.28, of Azure's SDK, and of the plain kind."""
    assert call_of(CHAT, events=[event(name, attributes)]).content.input_preview == "Hello"


def test_details_on_an_event_are_the_span_s() -> None:
    """Strands, newer: one event of the convention's name for each field."""
    details = "gen_ai.client.inference.operation.details"
    events = [
        event(details, {"gen_ai.input.messages": HELLO}),
        event(details, {"gen_ai.output.messages": HELLO, "x": 1}),
    ]
    call = call_of(CHAT, events=events)
    assert call.content.input_messages == HELLO
    assert call.consumed == frozenset()
    assert call.consumed_events == {0}


@pytest.mark.parametrize(
    ("attributes", "arguments", "result"),
    [
        ({"gen_ai.tool.call.arguments": '{"city": "Paris"}'}, {"city": "Paris"}, None),
        ({"gen_ai.tool.call.result": "rainy"}, None, "rainy"),
        ({"gen_ai.tool.call.result": "[rainy"}, None, "[rainy"),
        ({"ai.toolCall.result": '"rainy"'}, None, "rainy"),
        ({"traceloop.entity.input": '{"args": [], "kwargs": {"city": "Paris"}}'}, {"city": "Paris"}, None),
        ({"traceloop.entity.input": '{"args": [1], "kwargs": {}}'}, {"args": [1], "kwargs": {}}, None),
        ({"gcp.vertex.agent.tool_response": '{"result": "rainy"}'}, None, "rainy"),
        ({"output.value": '{"type": "tool", "data": {"content": "rainy", "tool_call_id": "c"}}'}, None, "rainy"),
        ({"input.value": "Paris"}, "Paris", None),
        ({"tool_arguments": {"city": "Paris"}}, {"city": "Paris"}, None),
        ({"full_command": "ls"}, {"command": "ls"}, None),
        ({"output.value": "null"}, None, None),
        ({"gen_ai.tool.call.arguments": 0}, 0, None),
    ],
)
def test_arguments_and_results_are_json(attributes: Attributes, arguments: Any, result: Any) -> None:
    """Without the wrapping of decorators and frameworks."""
    content = call_of({**TOOL, **attributes}).content
    assert (json.loads(content.tool_arguments) if content.tool_arguments else None) == arguments
    assert (json.loads(content.tool_result) if content.tool_result else None) == result


def test_a_schema_is_not_the_arguments() -> None:
    """OpenInference's GenAI mode writes it where the arguments belong."""
    schema = '{"type": "object"}'
    call = call_of({**TOOL, "gen_ai.tool.call.arguments": schema, "tool.parameters": schema, "input.value": '{"a": 1}'})
    assert call.content.tool_arguments == '{"a": 1}'


def test_what_a_framework_wrapped_away_keeps_its_attribute() -> None:
    """LangChain's callback passes tags and metadata with the input."""
    wrapped = '{"input_str": "x", "inputs": {"city": "Paris"}, "tags": ["a"]}'
    call = call_of({**TOOL, "gen_ai.tool.call.arguments": wrapped})
    assert json.loads(call.content.tool_arguments) == {"city": "Paris"}
    assert call.consumed == frozenset()


def test_a_span_that_is_no_call_has_a_preview_of_anything() -> None:
    """And messages only where it says so itself."""
    call = call_of({"traceloop.entity.input": '{"i": 1}', "traceloop.entity.output": '"It is rainy."'})
    assert call.content == Content(input_preview='{"i":1}', output_preview="It is rainy.")
    assert call.consumed == frozenset()
    call = call_of(
        {
            "traceloop.span.kind": "workflow",
            "traceloop.entity.input": '{"messages": [{"role": "user", "content": "Hi"}]}',
        }
    )
    assert call.content.input_preview == "Hi"
    assert call.consumed == {"traceloop.entity.input"}


def test_previews_end_on_a_character() -> None:
    """Five hundred of them, whatever their width. They are cut when they are kept, as they are redacted before."""
    call = call_of({**CHAT, "gen_ai.input.messages": json.dumps([{"role": "user", "content": "🌧" * 600}])})
    assert rows(span(), call=call).spans["input_preview"] == ["🌧" * 500]


def test_the_last_user_message_is_one_a_user_wrote() -> None:
    """Tool results come in a user's name at Anthropic's."""
    messages = [
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "w", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "rainy"}]},
    ]
    call = call_of({**CHAT, "gen_ai.input.messages": json.dumps(messages)})
    assert call.content.input_preview == "What is the weather?"


def test_content_that_was_not_captured_is_none() -> None:
    """SDKs have words for it."""
    claude = call_of({"span.type": "interaction", "user_prompt": "<REDACTED>"})
    adk = call_of({"gcp.vertex.agent.llm_request": "{}"}, name="call_llm", scope="gcp.vertex.agent")
    assert claude.content == adk.content == Content()
    assert call_of({**TOOL, "traceloop.entity.output": "null"}).content == Content()
