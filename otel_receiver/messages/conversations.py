"""Messages out of whatever holds them: a list, a request, a response, or a text."""

from typing import Any, NamedTuple

from otel_receiver.messages.message import Message, are_form_messages, read_message, reason_of
from otel_receiver.values import as_dict

_MAX_DEPTH = 4
"""Envelopes inside envelopes; real ones are three deep (LangChain through Traceloop)."""

_HOLDERS = (
    "messages",  # OpenAI, Anthropic, Genkit, AI SDK, Langfuse, LangChain state
    "contents",  # Gemini requests
    "choices",  # OpenAI chat responses
    "candidates",  # Gemini responses
    "generations",  # LangChain results
    "output",  # OpenAI Responses
    "input",  # OpenAI Responses and embeddings
    "inputs",  # what LangChain's callbacks pass to Traceloop
    "outputs",
    "update",  # a LangGraph command
    "prompt",  # AI SDK, OpenAI completions
)
_SYSTEM = ("system", "system_instruction", "systemInstruction", "instructions")


class Conversation(NamedTuple):
    messages: list[Message]
    system: Any = None  # instructions that came beside the messages
    tools: Any = None  # definitions, likewise
    whole: bool = True  # nothing else was there
    as_it_came: bool = False  # already in the form

    @property
    def alone(self) -> bool:
        return self.system is None and self.tools is None


def read_conversation(value: Any, role: str, depth: int = _MAX_DEPTH) -> Conversation | None:
    """None where it holds no messages. `role` is for those that name none; where it is empty, they must."""
    if isinstance(value, list):
        return _of_list(value, role, depth)
    if isinstance(value, dict):
        return _of_dict(value, role, depth)
    message = read_message(value, role)
    return None if message is None else Conversation([message])


def _of_list(items: list[Any], role: str, depth: int) -> Conversation | None:
    if items and isinstance(items[0], list) and all(isinstance(item, list) for item in items):
        items = [inner for item in items for inner in item]  # LangChain sends batches, mostly of one
    if are_form_messages(items):
        return Conversation(items, None, None, True, True)
    messages = [message for item in items if (message := read_message(item, role)) is not None]
    if len(messages) == len(items):
        return Conversation(messages)
    return read_conversation(items[0], role, depth - 1) if len(items) == 1 and depth > 0 else None


def _of_dict(value: dict[str, Any], role: str, depth: int) -> Conversation | None:
    if isinstance(value.get("message"), dict):
        return _of_choice(value, role)
    message = read_message(value, "")
    if message is not None:
        return Conversation([message])
    if isinstance(value.get("content"), dict):  # one candidate of Gemini's, as ADK writes it
        return _of_choice({**value, "message": value["content"], "content": None}, role)
    holder = next((name for name in _HOLDERS if value.get(name) not in (None, [], {}, "")), None)
    inner = read_conversation(value[holder], role, depth - 1) if holder is not None and depth > 0 else None
    return None if inner is None else _with_companions(inner, value, {str(holder)})


def _of_choice(value: dict[str, Any], role: str) -> Conversation | None:
    message = read_message(value["message"], role)
    if message is None:
        return None
    reason = reason_of(value)
    if reason:
        message = {**message, "finish_reason": reason}
    spent = {"message", "finish_reason", "finishReason"}
    return Conversation([message], whole=not _rest(value, spent))


def _with_companions(inner: Conversation, value: dict[str, Any], spent: set[str]) -> Conversation:
    """What stands beside the messages of a request: instructions and tools are carried, the rest stays behind."""
    config = as_dict(value.get("config"))  # Gemini keeps both there
    found: dict[str, Any] = {}
    for field, names in (("system", _SYSTEM), ("tools", ("tools",))):
        name = next((name for name in names if value.get(name) or config.get(name)), None)
        if name is not None:
            found[field] = value.get(name) or config[name]
            spent.add(name)
    return inner._replace(**found, whole=inner.whole and not _rest(value, spent), as_it_came=False)


def _rest(value: dict[str, Any], spent: set[str]) -> bool:
    return any(name not in spent and held not in (None, [], {}, "") for name, held in value.items())
