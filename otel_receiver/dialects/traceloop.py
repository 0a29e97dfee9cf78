"""OpenLLMetry by Traceloop: the OpenTelemetry names of their day, flattened messages before 0.60, and its own words
for workflows and for what belongs together."""

from typing import Any

from otel_receiver.dialects import langchain
from otel_receiver.mapping.keys import Dialect, EventKey, Family, Key, kinds
from otel_receiver.span import Span
from otel_receiver.values import Excerpt, as_dict, opened, text_or_none

AI = "opentelemetry-semantic-conventions-ai 0.5.1"
OLD = "opentelemetry-instrumentation-openai 0.47.3"
SDK = "traceloop-sdk 0.62.4"
LANGCHAIN = "opentelemetry-instrumentation-langchain 0.62.4"

_KINDS = kinds({"tool": "tool", "agent": "agent", "workflow": "", "task": ""})
_REQUESTS = kinds({"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "retrieval"})


def _messages(nested: Any) -> Any:
    """Their content is JSON where it was more than a text."""
    if not isinstance(nested, list):
        return None
    return [
        {"role": "assistant", **as_dict(item), "content": _content(as_dict(item).get("content"))} for item in nested
    ]


def _content(value: Any) -> Any:
    parts = opened(value)
    is_parts = isinstance(parts, list) and all(isinstance(part, dict) and "type" in part for part in parts)
    return parts if is_parts else value


def _taken(value: Any, _span: Span) -> Any:
    """LangChain's callbacks pass the inputs among tags, metadata and settings."""
    return _inside(value, "inputs")


def _given(value: Any, _span: Span) -> Any:
    return _inside(value, "outputs")


def _inside(value: Any, name: str) -> Any:
    held = opened(value)
    if isinstance(held, dict) and name in held and "input_str" not in held:
        return Excerpt(held[name])
    return value


def _name_of(span: Span) -> str:
    return text_or_none(span.attributes.get("traceloop.entity.name")) or ""


DIALECT = Dialect(
    name="traceloop",
    keys=(
        Key("traceloop.span.kind", "kind", 100, AI, _KINDS),
        Key("llm.request.type", "kind", 110, AI, _REQUESTS),
        Key("traceloop.association.properties.ls_provider", "provider", 70, LANGCHAIN),
        Key("traceloop.association.properties.ls_model_name", "request_model", 75, LANGCHAIN),
        Key("gen_ai.usage.cache_read_input_tokens", "cache_read_tokens", 20, AI),
        Key("gen_ai.usage.cache_creation_input_tokens", "cache_write_tokens", 30, AI),
        Key("gen_ai.usage.reasoning_tokens", "reasoning_tokens", 20, AI),
        Key("llm.usage.reasoning_tokens", "reasoning_tokens", 70, OLD),
        Key("llm.usage.prompt_tokens", "input_tokens", 70, "opentelemetry-semantic-conventions-ai 0.1"),
        Key("llm.usage.completion_tokens", "output_tokens", 70, "opentelemetry-semantic-conventions-ai 0.1"),
        Key("traceloop.entity.input", "input", 120, AI, _taken),
        Key("traceloop.entity.output", "output", 120, AI, _given),
        Key("traceloop.association.properties.lc_agent_name", "agent_name", 50, LANGCHAIN),
        Key("traceloop.prompt.key", "prompt_name", 20, AI),
        Key("traceloop.prompt.version", "prompt_version", 20, AI),
        Key("traceloop.association.properties.session_id", "session", 30, SDK),
        Key("traceloop.association.properties.sessionId", "session", 31, "free-form: as people spell it"),
        Key("traceloop.association.properties.conversation_id", "conversation", 30, "free-form: as people spell it"),
        Key("traceloop.association.properties.thread_id", "conversation", 31, LANGCHAIN),
        Key("traceloop.association.properties.chat_id", "conversation", 32, SDK),
        Key("traceloop.association.properties.user_id", "user", 30, SDK),
        Key("traceloop.association.properties.userId", "user", 31, "free-form: as people spell it"),
        Key("traceloop.association.properties.tags", "tags", 80, "free-form: as people spell it"),
    ),
    families=(
        Family("gen_ai.prompt.", "input", 30, OLD, numbered=True, read=_messages),
        Family("gen_ai.completion.", "output", 30, OLD, numbered=True, read=_messages),
        Family(
            "traceloop.association.properties.",
            "metadata",
            0,
            SDK,
            skip=langchain.OWN,
            skip_heads=langchain.OWN_HEADS,
        ),
    ),
    events=(
        EventKey("gen_ai.content.completion.chunk", "first_token", "opentelemetry-instrumentation-openai 0.62.4"),
        EventKey("llm.content.completion.chunk", "first_token", OLD),
    ),
    name_of=_name_of,
    recordings=("traceloop_wf", "traceloop_bare", "langchain_traceloop", "anthropic0_traceloop"),
)
