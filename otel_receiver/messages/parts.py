"""One part of a message, from the shape of any provider or SDK into the OpenTelemetry one.

The form: open-telemetry/semantic-conventions-genai docs/gen-ai/gen-ai-input-messages.json (b49cb9d).
What a shape says beyond the form stays beside it under its own name, so that nothing is lost on the way.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_receiver.values import opened

Part = dict[str, Any]


class Shape(NamedTuple):
    becomes: str
    names: Mapping[str, str]  # its name for a thing -> the form's; what is not named here keeps its own
    implies: Mapping[str, str] = {}


_TEXT = Shape("text", {"text": "content"})
_REASONING = Shape("reasoning", {"thinking": "content", "text": "content", "reasoning": "content"})
_CALL = Shape("tool_call", {"args": "arguments", "input": "arguments", "toolCallId": "id", "toolName": "name"})
_ANSWER = Shape(
    "tool_call_response",
    {
        "tool_use_id": "id",
        "toolCallId": "id",
        "tool_call_id": "id",
        "toolName": "name",
        "content": "response",
        "output": "response",
        "result": "response",
    },
)

TYPED: Mapping[str, Shape] = {
    # OpenAI chat and Responses: https://platform.openai.com/docs/api-reference (openai 3.52.0, types/)
    "text": _TEXT,
    "input_text": _TEXT,
    "output_text": _TEXT,
    "refusal": Shape("refusal", {"refusal": "content"}),
    "function_call": Shape("tool_call", {"call_id": "id", "id": "item_id"}),
    "function_call_output": Shape("tool_call_response", {"call_id": "id", "id": "item_id", "output": "response"}),
    "image_url": Shape("uri", {"image_url": "uri"}, {"modality": "image"}),
    "input_image": Shape("uri", {"image_url": "uri"}, {"modality": "image"}),
    # Anthropic messages (anthropic 2.11.0, types/)
    "tool_use": _CALL,
    "tool_result": _ANSWER,
    "thinking": _REASONING,
    # Vercel AI SDK (ai 6.0.326, ModelMessage)
    "tool-call": _CALL,
    "tool-result": _ANSWER,
    "reasoning": _REASONING,
    # LangChain (langchain-core 1.7.2, messages/) and OpenTelemetry, whose older drafts said `result`
    "tool_call": _CALL,
    "tool_call_response": Shape("tool_call_response", {"result": "response"}),
}

KEYED: Mapping[str, Shape] = {
    # Gemini (google-genai 2.34.0, types.Part), in both spellings
    "function_call": _CALL,
    "functionCall": _CALL,
    "function_response": _ANSWER,
    "functionResponse": _ANSWER,
    "inline_data": Shape("blob", {"data": "content", "mimeType": "mime_type"}),
    "inlineData": Shape("blob", {"data": "content", "mimeType": "mime_type"}),
    "file_data": Shape("uri", {"file_uri": "uri", "fileUri": "uri", "mimeType": "mime_type"}),
    "fileData": Shape("uri", {"file_uri": "uri", "fileUri": "uri", "mimeType": "mime_type"}),
    # Bedrock Converse, as Strands writes it (strands-agents 1.62.0, types/content.py)
    "toolUse": Shape("tool_call", {"toolUseId": "id", "input": "arguments"}),
    "toolResult": Shape("tool_call_response", {"toolUseId": "id", "content": "response"}),
    "reasoningContent": Shape("reasoning", {"reasoningText": "content"}),
    # Genkit (genkit 1.42.0, Part)
    "toolRequest": Shape("tool_call", {"ref": "id", "input": "arguments"}),
    "toolResponse": Shape("tool_call_response", {"ref": "id", "output": "response"}),
    "media": Shape("uri", {"url": "uri", "contentType": "mime_type"}),
    "reasoning": _REASONING,
    "text": _TEXT,
}


def read_parts(content: Any) -> list[Part] | None:
    """The parts of a message's content, or None where it is nothing a message can hold."""
    if content in (None, ""):
        return []
    if isinstance(content, str):
        return [text_part(content)]
    if isinstance(content, dict):
        return [read_part(content)]
    if not isinstance(content, list) or not all(isinstance(item, str | dict) for item in content):
        return None
    return [text_part(item) if isinstance(item, str) else read_part(item) for item in content]


def text_part(text: str) -> Part:
    return {"type": "text", "content": text}


def read_part(item: dict[str, Any]) -> Part:
    kind = item.get("type")
    if isinstance(kind, str):
        shape = TYPED.get(kind)
        return item if shape is None else _shaped(shape, item)
    for key, shape in KEYED.items():
        if item.get(key) is not None:
            return _keyed(shape, key, item)
    return {"type": "unknown", "content": item} if "type" in item else {"type": next(iter(item), "unknown"), **item}


def _shaped(shape: Shape, item: dict[str, Any]) -> Part:
    """The same part in the form's words. What is null says nothing."""
    part: Part = {"type": shape.becomes, **shape.implies}
    for name, value in item.items():
        if name != "type" and value is not None:
            target = shape.names.get(name, name)
            part[name if target in part else target] = value
    if "arguments" in part:
        part["arguments"] = opened(part["arguments"])
    return _unwrapped(part)


def _keyed(shape: Shape, key: str, item: dict[str, Any]) -> Part:
    """A part that is named by its only key, what it holds inside or, for a text, right there."""
    inner = item[key]
    beside = {name: value for name, value in item.items() if name != key}
    if key == "text" and beside.pop("thought", None) is True:  # Gemini: a thought is a text with a mark
        shape = _REASONING
    part = _shaped(shape, {**inner, **beside} if isinstance(inner, dict) else {_only_name(shape): inner, **beside})
    if part["type"] in ("blob", "uri"):
        part.setdefault("modality", _modality(part.get("mime_type")))
    return part


def _only_name(shape: Shape) -> str:
    """What the shape calls its one value when it is not wrapped."""
    return next(iter(shape.names))


def _unwrapped(part: Part) -> Part:
    """Some wrap the text or address once more: `{"url": ...}`, `{"text": ...}`; what lies beside it is kept."""
    for name, inside in (("uri", "url"), ("content", "text")):
        value = part.get(name)
        if isinstance(value, dict) and isinstance(value.get(inside), str):
            part = {**value, **part, name: value[inside]}
            del part[inside]
    return part


def _modality(mime_type: object) -> str:
    head = mime_type.partition("/")[0] if isinstance(mime_type, str) else ""
    return head if head in ("image", "audio", "video") else "document"


def is_form(part: Any) -> bool:
    """Whether a part is already in the form, so that its text can be kept as it came."""
    if not isinstance(part, dict):
        return False
    kind = part.get("type")
    if kind in ("text", "reasoning"):
        return "content" in part
    if kind == "tool_call":
        return "args" not in part and "input" not in part and not isinstance(part.get("arguments"), str)
    if kind == "tool_call_response":
        return "response" in part or "result" not in part
    return isinstance(kind, str) and kind not in TYPED
