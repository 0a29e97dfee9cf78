"""Messages of every provider's and framework's shape in the OpenTelemetry form."""

import json
from typing import Any

import pytest

from otel_receiver.messages.conversations import read_conversation
from otel_receiver.messages.message import opened_parts
from otel_receiver.messages.tools import read_definitions

TEXT = {"type": "text", "content": "Hello"}
CALL = {"type": "tool_call", "id": "c", "name": "w", "arguments": {"city": "Paris"}}
ANSWER = {"type": "tool_call_response", "id": "c", "response": "rainy"}


def _only(value: Any, role: str = "") -> Any:
    conversation = read_conversation(value, role)
    assert conversation is not None
    (message,) = conversation.messages
    return message


@pytest.mark.parametrize(
    ("shape", "role", "parts"),
    [
        # OpenAI chat
        ({"role": "user", "content": "Hello"}, "user", [TEXT]),
        ({"role": "user", "content": [{"type": "text", "text": "Hello"}]}, "user", [TEXT]),
        ({"role": "developer", "content": "Hello"}, "system", [TEXT]),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "w", "arguments": '{"city": "Paris"}'}}
                ],
            },
            "assistant",
            [CALL],
        ),
        (
            {"role": "assistant", "function_call": {"name": "w", "arguments": "{}"}},
            "assistant",
            [{"type": "tool_call", "name": "w", "arguments": {}}],
        ),
        ({"role": "tool", "tool_call_id": "c", "content": "rainy"}, "tool", [ANSWER]),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}]},
            "user",
            [{"type": "uri", "modality": "image", "uri": "https://x", "detail": "low"}],
        ),
        (
            {"role": "assistant", "reasoning_content": "hm", "content": "Hello"},
            "assistant",
            [{"type": "reasoning", "content": "hm"}, TEXT],
        ),
        # OpenAI Responses
        (
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
            "assistant",
            [TEXT],
        ),
        ({"type": "function_call", "call_id": "c", "name": "w", "arguments": '{"city": "Paris"}'}, "assistant", [CALL]),
        ({"type": "function_call_output", "call_id": "c", "output": "rainy"}, "tool", [ANSWER]),
        # Anthropic
        (
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c", "name": "w", "input": {"city": "Paris"}}],
            },
            "assistant",
            [CALL],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "rainy"}]},
            "user",
            [ANSWER],
        ),
        (
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]},
            "assistant",
            [{"type": "reasoning", "content": "hm"}],
        ),
        # Gemini
        ({"role": "model", "parts": [{"text": "Hello"}]}, "assistant", [TEXT]),
        (
            {"role": "model", "parts": [{"text": "hm", "thought": True}]},
            "assistant",
            [{"type": "reasoning", "content": "hm"}],
        ),
        (
            {
                "role": "model",
                "parts": [{"function_call": {"id": "c", "name": "w", "args": {"city": "Paris"}}, "text": None}],
            },
            "assistant",
            [CALL],
        ),
        ({"role": "user", "parts": [{"functionResponse": {"id": "c", "response": "rainy"}}]}, "user", [ANSWER]),
        (
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
            "user",
            [{"type": "blob", "mime_type": "image/png", "content": "AA==", "modality": "image"}],
        ),
        # Bedrock, as Strands has it
        (
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c", "name": "w", "input": {"city": "Paris"}}}],
            },
            "assistant",
            [CALL],
        ),
        ({"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": "rainy"}}]}, "user", [ANSWER]),
        (
            {
                "role": "assistant",
                "content": [{"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}],
            },
            "assistant",
            [{"type": "reasoning", "content": "hm", "signature": "s"}],
        ),
        # Genkit
        (
            {"role": "model", "content": [{"toolRequest": {"ref": "c", "name": "w", "input": {"city": "Paris"}}}]},
            "assistant",
            [CALL],
        ),
        ({"role": "tool", "content": [{"toolResponse": {"ref": "c", "output": "rainy"}}]}, "tool", [ANSWER]),
        # Vercel AI SDK
        (
            {
                "role": "assistant",
                "content": [{"type": "tool-call", "toolCallId": "c", "toolName": "w", "input": {"city": "Paris"}}],
            },
            "assistant",
            [CALL],
        ),
        (
            {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c", "output": "rainy"}]},
            "tool",
            [ANSWER],
        ),
        # LangChain
        ({"type": "human", "content": "Hello"}, "user", [TEXT]),
        ({"type": "ai", "data": {"content": "Hello"}}, "assistant", [TEXT]),
        (
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "schema", "HumanMessage"],
                "kwargs": {"content": "Hello"},
            },
            "user",
            [TEXT],
        ),
        (
            {
                "type": "ai",
                "content": "",
                "tool_calls": [{"name": "w", "args": {"city": "Paris"}, "id": "c", "type": "tool_call"}],
            },
            "assistant",
            [CALL],
        ),
        (
            {
                "type": "ai",
                "content": [{"type": "tool_use", "id": "c", "name": "w", "input": {"city": "Paris"}}],
                "tool_calls": [{"name": "w", "args": {"city": "Paris"}, "id": "c"}],
            },
            "assistant",
            [CALL],
        ),
        ({"type": "tool", "content": "rainy", "tool_call_id": "c"}, "tool", [ANSWER]),
        # OpenTelemetry's own older word, and parts nobody knows
        ({"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "result": "rainy"}]}, "tool", [ANSWER]),
        ({"role": "user", "parts": [{"type": "hologram", "beam": 1}]}, "user", [{"type": "hologram", "beam": 1}]),
        ({"role": "user", "content": [{"json": {"a": 1}}]}, "user", [{"type": "json", "json": {"a": 1}}]),
        ({"role": "user", "content": [{"type": 7}]}, "user", [{"type": "unknown", "content": {"type": 7}}]),
    ],
)
def test_a_message_of_any_shape(shape: dict[str, Any], role: str, parts: list[dict[str, Any]]) -> None:
    """Told apart by its keys, whoever sent it."""
    message = _only([shape])
    assert (message["role"], message["parts"]) == (role, parts)


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ({"messages": [{"role": "user", "content": "Hello"}]}, True),
        ({"messages": [[{"role": "user", "content": "Hello"}]]}, True),
        ({"messages": [{"role": "user", "content": "Hello"}], "model": "m"}, False),
        ({"messages": [{"role": "user", "content": "Hello"}], "model": None, "tools": []}, True),
        ({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}, True),
        ({"choices": [{"index": 0, "message": {"role": "user", "content": "Hello"}}]}, True),
        ({"candidates": [{"content": {"role": "user", "parts": [{"text": "Hello"}]}}]}, True),
        ({"content": {"role": "user", "parts": [{"text": "Hello"}]}, "usage_metadata": {"n": 1}}, False),
        ({"generations": [[{"text": "Hello", "message": {"type": "human", "content": "Hello"}}]]}, True),
        ({"message": {"role": "user", "content": [{"text": "Hello"}]}, "finishReason": "stop"}, True),
        ({"output": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]}, True),
        ({"inputs": {"messages": [{"role": "user", "content": "Hello"}]}}, True),
        ({"role": "user", "content": "Hello"}, True),
    ],
)
def test_messages_inside_anything(value: Any, whole: bool) -> None:
    """Requests, responses, results and states; whole where nothing else was in them."""
    assert _only(value)["parts"] == [TEXT]
    conversation = read_conversation(value, "")
    assert conversation is not None
    assert conversation.whole is whole


def test_what_a_message_says_beyond_the_form_stays_beside_it() -> None:
    """Names, ids, metadata; nothing that is empty."""
    message = _only(
        [{"role": "user", "name": "Ann", "content": "Hello", "refusal": None, "annotations": [], "index": 0}]
    )
    assert message == {"role": "user", "parts": [TEXT], "name": "Ann"}


def test_why_an_answer_ended_stands_on_it() -> None:
    """From the choice around it, or from LangChain's generation."""
    assert (
        _only({"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]})[
            "finish_reason"
        ]
        == "stop"
    )
    generated = {"message": {"type": "ai", "content": "x"}, "generation_info": {"finish_reason": "length"}}
    assert _only({"generations": [[generated]]})["finish_reason"] == "length"


def test_a_text_is_a_message_only_where_a_role_is_known() -> None:
    """Of a call it is; of any other span it may be anything."""
    assert _only("Hello", "user") == {"role": "user", "parts": [TEXT]}
    assert read_conversation("Hello", "") is None
    assert read_conversation({"input": "Hello"}, "") is None
    assert _only({"input": "Hello"}, "user") == {"role": "user", "parts": [TEXT]}


@pytest.mark.parametrize("value", [None, 7, [1], {"a": 1}, [{"content": "no role"}], {"messages": {"a": {"b": 1}}}])
def test_what_is_no_conversation_is_none(value: Any) -> None:
    """Rather than half of one."""
    assert read_conversation(value, "") is None


def test_envelopes_end() -> None:
    """However deep somebody nests them."""
    value: Any = {"messages": [{"role": "user", "content": "Hello"}]}
    for _ in range(1_000):
        value = {"inputs": value}
    assert read_conversation(value, "user") is None


def test_the_form_is_recognised() -> None:
    """Arguments as a text are opened, so that they look alike everywhere."""
    form = [{"role": "assistant", "parts": [{"type": "tool_call", "name": "w", "arguments": {"city": "Paris"}}]}]
    conversation = read_conversation(form, "")
    assert conversation is not None
    assert conversation.as_it_came
    assert conversation.messages is form
    quoted = json.loads(json.dumps(form).replace('{"city": "Paris"}', '"{\\"city\\": \\"Paris\\"}"'))
    reread = read_conversation(quoted, "")
    assert reread is not None
    assert not reread.as_it_came
    assert reread.messages == form


@pytest.mark.parametrize(
    "value", ["Hello", '["Hello"]', [TEXT], [{"text": "Hello"}], {"parts": [{"text": "Hello"}]}, {"content": "Hello"}]
)
def test_instructions_are_parts(value: Any) -> None:
    """A text, a list, a message."""
    assert opened_parts(value) == [TEXT]


@pytest.mark.parametrize(
    "value",
    [
        [{"type": "function", "function": {"name": "w", "description": "d", "parameters": {"type": "object"}}}],
        [{"name": "w", "description": "d", "input_schema": {"type": "object"}}],
        ['{"type":"function","name":"w","description":"d","inputSchema":{"type":"object"}}'],
        [{"function_declarations": [{"name": "w", "description": "d", "parameters_json_schema": {"type": "object"}}]}],
        '[{"name": "w", "description": "d", "parameters": "{\\"type\\": \\"object\\"}"}]',
        {"name": "w", "description": "d", "parameters": {"type": "object"}},
    ],
)
def test_tool_definitions_look_alike(value: Any) -> None:
    """OpenAI's, Anthropic's, AI SDK's, Gemini's and OpenTelemetry's."""
    assert read_definitions(value) == [
        {"type": "function", "name": "w", "description": "d", "parameters": {"type": "object"}}
    ]


def test_what_defines_no_tool_is_none() -> None:
    """Names alone define nothing."""
    assert read_definitions(["w"]) is None
