"""The few words of a call that a list shows. Whole here: they are cut once they are redacted, see `keeping`."""

from typing import Any

from otel_receiver.messages.message import Message
from otel_receiver.values import dumped, opened

_SPOKEN = ("raw", "output", "result", "answer", "response", "text", "content", "message", "input", "query", "question")
"""Where a function that takes or returns an object keeps the words; the first one present. `raw` is CrewAI's."""


def last_user_text(messages: list[Message]) -> str:
    """The last thing a user said. Tool results that come in a user's name are not said by one."""
    for message in reversed(messages):
        if message["role"] == "user" and (text := message_text(message)):
            return text
    return ""


def assistant_text(messages: list[Message]) -> str:
    """What the model said: of several answers every one, but not what it was asked."""
    texts = [text for message in messages if message["role"] == "assistant" and (text := message_text(message))]
    return "\n".join(texts)


def last_assistant_text(messages: list[Message]) -> str:
    """The answer at the end of a history."""
    return assistant_text([message for message in messages if message_text(message)][-1:])


def message_text(message: Message) -> str:
    texts = [part.get("content") for part in message["parts"] if part.get("type") == "text"]
    if len(texts) != 1:
        return "\n".join([text for text in texts if isinstance(text, str)]).strip()
    text = texts[0]
    return text.strip() if isinstance(text, str) else ""


def any_text(value: Any) -> str:
    """Anything in a few words: a text as it is, an object by the words in it, the rest as JSON."""
    value = opened(value)
    if isinstance(value, dict):
        spoken = next((value[name] for name in _SPOKEN if isinstance(value.get(name), str) and value[name]), value)
        value = spoken
    if isinstance(value, str):
        return value.strip()
    return "" if value in (None, [], {}) else dumped(value) or ""
