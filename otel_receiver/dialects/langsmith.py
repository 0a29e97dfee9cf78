"""LangSmith's OpenTelemetry export. `langsmith.trace.session_name` is the project, whatever it looks like."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.dialects import langchain
from otel_receiver.mapping.keys import Dialect, Document, Family, Field, Key, kinds
from otel_receiver.span import Span
from otel_receiver.values import as_dict, texts

SDK = "langsmith 0.14.17, _internal/otel/_otel_exporter.py"

_KINDS = kinds(
    {
        "llm": "llm",
        "embedding": "embedding",
        "tool": "tool",
        "retriever": "retrieval",
        "chain": "",
        "prompt": "",
        "parser": "",
    }
)


def _usage(usage: dict[str, Any]) -> Mapping[Field, Any]:
    """Cached and reasoning tokens are nowhere else; LangChain's input includes the cached ones."""
    inputs, outputs = as_dict(usage.get("input_token_details")), as_dict(usage.get("output_token_details"))
    return {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cache_read_tokens": inputs.get("cache_read"),
        "cache_write_tokens": inputs.get("cache_creation"),
        "reasoning_tokens": outputs.get("reasoning"),
    }


def _tags(value: Any, _span: Span) -> tuple[str, ...]:
    """One text with commas, in which LangGraph counts its steps."""
    tags = (tag.strip() for text in texts(value) for tag in text.split(","))
    return tuple(tag for tag in tags if tag and not tag.startswith(("seq:step:", "graph:step:")))


def _name_of(span: Span) -> str:
    return span.name


DIALECT = Dialect(
    name="langsmith",
    keys=(
        Key("langsmith.span.kind", "kind", 50, SDK, _KINDS),
        Key("langsmith.metadata.ls_provider", "provider", 60, SDK),
        Key("langsmith.metadata.ls_model_name", "request_model", 70, SDK),
        Key("langsmith.metadata.lc_agent_name", "agent_name", 40, SDK),
        Key("gen_ai.prompt", "input", 60, SDK),
        Key("gen_ai.completion", "output", 60, SDK),
        Key("langsmith.span.tags", "tags", 50, SDK, _tags),
        Key("langsmith.metadata.session_id", "session", 70, SDK),
        Key("langsmith.metadata.conversation_id", "conversation", 70, SDK),
        Key("langsmith.metadata.thread_id", "conversation", 71, SDK),
        Key("langsmith.metadata.user_id", "user", 70, SDK),
    ),
    documents=(
        Document(
            "langsmith.metadata.usage_metadata",
            frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"}),
            _usage,
            "langchain-core 1.7.2, messages/ai.py, UsageMetadata",
        ),
        Document("gen_ai.completion", frozenset({"response_model", "response_id"}), langchain.answer, SDK),
    ),
    families=(
        Family(
            "langsmith.metadata.",
            "metadata",
            0,
            SDK,
            skip=langchain.OWN | langchain.PARAMETERS,
            skip_heads=langchain.OWN_HEADS,
        ),
    ),
    name_of=_name_of,
    recordings=("langchain_langsmith",),
)
