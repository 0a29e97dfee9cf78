"""How the demo's apps spell what they do: one file per dialect, as its SDK would write it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple, Protocol, cast

from genai_sessions.demo.story import Conversation, Exchange, Lookup, Tool, Turn


class Said(NamedTuple):
    """A span, but for its times and its place. An attribute that is None is left out."""

    name: str
    attributes: Mapping[str, Any]
    client: bool = False  # of somebody else's service
    around: "Said | None" = None  # a span that holds nothing but this one
    first_token: tuple[str, Mapping[str, Any]] | None = None  # an event at that moment


class Dialect(Protocol):
    SCOPE: str

    def root(self, conversation: Conversation, exchange: Exchange) -> Said: ...

    def turn(self, conversation: Conversation, turn: Turn) -> Said: ...

    def tool(self, conversation: Conversation, tool: Tool) -> Said: ...

    def embedding(self, conversation: Conversation, lookup: Lookup) -> Said: ...

    def search(self, conversation: Conversation, lookup: Lookup) -> Said: ...


def dialect(name: str) -> Dialect:
    """Its module: functions are all there is to one."""
    return cast("Dialect", import_module(f"{__name__}.{name}"))


def provider_of(conversation: Conversation, model: str) -> str:
    """One model is the company's own."""
    return "vllm" if model.startswith("acme-") else conversation.app.provider
