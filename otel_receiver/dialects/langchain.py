"""No dialect: what LangChain and LangGraph say through every dialect that passes their words on.

Sources: langchain-core 1.7.2 (runnables/config.py, tracers/), langgraph 1.2.22 (pregel/), and the recordings
langchain_langsmith, langchain_traceloop and langchain_oi.
"""

from collections.abc import Mapping
from typing import Any

from otel_receiver.mapping.keys import Field
from otel_receiver.values import as_dict

OWN_HEADS = ("langgraph_", "ls_", "lc_", "LANGSMITH_", "LANGCHAIN_", "checkpoint_", "__pregel")
"""How the framework's own names begin."""

OWN = frozenset({"session_id", "user_id", "thread_id", "conversation_id", "chat_id", "sessionId", "userId", "threadId"})
"""Ids, which have fields of their own."""

PARAMETERS = frozenset({"_type", "model", "model_name", "stream", "temperature", "usage_metadata", "tags"})
"""What the chat model was called with, which LangSmith mixes in."""


def answer(result: dict[str, Any]) -> Mapping[Field, Any]:
    """What the metadata of a model's answer says: `{"generations": [[{"message": {"kwargs": {...}}}]]}`."""
    first: Any = result.get("generations")
    while isinstance(first, list) and first:
        first = first[0]
    message = as_dict(as_dict(first).get("message"))
    said = as_dict(as_dict(message.get("kwargs", message)).get("response_metadata"))
    return {"response_model": said.get("model_name"), "response_id": said.get("id")}
