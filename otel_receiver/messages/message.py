"""Messages of every dialect in the OpenTelemetry form: a list of {role, parts}, whatever shape they came in.

The form: open-telemetry/semantic-conventions-genai docs/gen-ai/gen-ai-input-messages.json (b49cb9d) and
gen-ai-output-messages.json (8f24f0e). Shapes are told apart by their keys, not by who sent them: the same OpenAI
message arrives through a dozen SDKs.
"""

from collections.abc import Mapping
from typing import Any

from otel_receiver.messages.parts import TYPED, Part, is_form, read_part, read_parts, text_part
from otel_receiver.values import as_dict, opened

Message = dict[str, Any]

_ROLES: Mapping[str, str] = {
    # LangChain's types and classes (langchain-core 1.7.2, messages/)
    "human": "user",
    "HumanMessage": "user",
    "HumanMessageChunk": "user",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "function": "tool",
    "FunctionMessage": "tool",
    # Gemini and Genkit; OpenAI's newer word for instructions
    "model": "assistant",
    "developer": "system",
}
_KNOWN_ROLES = frozenset({*_ROLES, "system", "user", "assistant", "tool"})
_ANSWERS = frozenset({"tool_call_response"})
_REASONS = ("finish_reason", "finishReason", "stop_reason")

_SPENT = frozenset({"role", "parts", "content", "tool_calls", "function_call", "type", "index", "reasoning_content"})
"""Keys of a message that are carried over, or that its role and its place in the list already say."""


def are_form_messages(items: list[Any]) -> bool:
    """Whether they are in the form already, so that their text can be kept as it came. Mostly so: hence the loops."""
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get("role"), str):
            return False
        parts = item.get("parts")
        if not isinstance(parts, list):
            return False
        for part in parts:
            if not is_form(part):
                return False
    return True


def read_message(item: Any, role: str) -> Message | None:
    """One message; `role` is for those that name none, and empty where they must."""
    if isinstance(item, str):
        return {"role": role, "parts": [text_part(item)]} if role else None
    if not isinstance(item, dict):
        return None
    item = _bare(item)
    if isinstance(item.get("message"), dict):
        return _choice(item, role)
    own = _role_of(item)
    if not own and isinstance(item.get("type"), str) and item["type"] in TYPED:
        return _loose(item, role)
    role = own or role
    parts = _parts_of(item, role)
    if parts is None or not role:
        return None
    beside = _beside(item)
    if parts and parts[0].get("id") == beside.get("tool_call_id"):
        beside.pop("tool_call_id", None)
    return {"role": role, "parts": parts, **beside}


def _bare(item: Message) -> Message:
    """LangChain wraps a message in the call that would build it, or in its type and its data."""
    inner = item.get("kwargs") if "lc" in item else item.get("data")
    if not isinstance(inner, dict):
        return item
    path = item.get("id")
    built = path[-1] if "lc" in item and isinstance(path, list) and path else item.get("type")
    return {"type": built, **inner}


def _choice(item: Message, role: str) -> Message | None:
    """An alternative answer: the message inside, why it ended beside it."""
    message = read_message(item["message"], role)
    if message is None:
        return None
    spent = {"message", "text", *_SPENT}  # LangChain repeats the message's text beside it
    beside = {name: value for name, value in item.items() if name not in spent and value is not None}
    reason = reason_of(item) or reason_of(as_dict(item.get("generation_info")))
    return {**beside, **message, **({"finish_reason": reason} if reason else {})}


def reason_of(item: Mapping[str, Any]) -> str:
    for name in _REASONS:
        reason = item.get(name)
        if isinstance(reason, str):
            return reason
    return ""


def _role_of(item: Message) -> str:
    for name in ("role", "type"):
        value = item.get(name)
        if isinstance(value, str) and (name == "role" or value in _KNOWN_ROLES):
            return _ROLES.get(value, value)
    return ""


def _loose(item: Message, role: str) -> Message:
    """A part on its own, as the OpenAI Responses API lists them: calls and answers stand beside messages."""
    part = read_part(item)
    if part["type"] == "tool_call_response":
        role = "tool"
    elif part["type"] in ("tool_call", "reasoning"):
        role = "assistant"
    return {"role": role or "user", "parts": [part]}


def _parts_of(item: Message, role: str) -> list[Part] | None:
    if item.keys().isdisjoint(("parts", "content", "tool_calls", "function_call")):
        return None
    content = item.get("content") if item.get("parts") is None else item["parts"]
    parts = read_parts(content)
    if parts is None:
        return None
    if role == "tool" and not any(part["type"] in _ANSWERS for part in parts):
        return [_answer(item, content)]
    thought = item.get("reasoning_content")  # DeepSeek's, and what LiteLLM makes of everyone's
    thoughts = [{"type": "reasoning", "content": thought}] if isinstance(thought, str) and thought else []
    return [*thoughts, *parts, *_calls(item, parts)]


def _answer(item: Message, content: Any) -> Part:
    answer: Part = {"type": "tool_call_response", "response": content}
    call = item.get("tool_call_id", item.get("id"))
    return answer if call is None else {**answer, "id": call}


def _calls(item: Message, parts: list[Part]) -> list[Part]:
    """Calls beside the content, unless the content has them too, as LangChain's messages from Anthropic do."""
    calls = item.get("tool_calls")
    calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    if isinstance(item.get("function_call"), dict):
        calls = [*calls, item["function_call"]]
    seen = {str(part["id"]) for part in parts if part.get("id") is not None}
    return [call for call in map(_call, calls) if str(call.get("id")) not in seen]


def _call(item: dict[str, Any]) -> Part:
    function = as_dict(item.get("function"))
    beside = {name: value for name, value in item.items() if name != "function"}
    return read_part({**beside, **function, "type": "tool-call"})


def _beside(item: Message) -> Message:
    """What else a message says; empty things say nothing."""
    return {name: value for name, value in item.items() if name not in _SPENT and value not in (None, "", [], {})}


def opened_parts(value: Any) -> list[Part] | None:
    """Instructions: parts, or a text, or either as JSON."""
    value = opened(value)
    if isinstance(value, dict) and ("parts" in value or "content" in value):
        value = value.get("parts", value.get("content"))
    return read_parts(value)
