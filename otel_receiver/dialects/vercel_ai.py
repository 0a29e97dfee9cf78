"""Vercel AI SDK 5 to 7. Up to 6 it has names of its own (`ai.*`); 7 speaks OpenTelemetry, its context aside."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.call import CallKind
from otel_receiver.dialects import langchain
from otel_receiver.mapping.keys import Dialect, Document, EventKey, Family, Field, Key
from otel_receiver.mapping.outcome import milliseconds
from otel_receiver.span import Span
from otel_receiver.values import as_dict, opened

V6 = "ai 6.0.326, src/telemetry; https://ai-sdk.dev/docs/ai-sdk-core/telemetry"
V5 = "ai 5.0.277, src/telemetry"
V4 = "ai 4.3, core/telemetry"
V7 = (
    "https://github.com/vercel/ai/blob/0bae72bf0ddf2cacc20917d6d90cca6804187faf"
    "/packages/otel/src/supplemental-attributes.ts"
)
FREE = "free-form telemetry metadata: as people spell it"

_INNER = ".doGenerate", ".doStream"


_EMBEDDINGS = ("ai.embed", "ai.embedMany")


def _kind(value: Any, _span: Span) -> CallKind | None:
    """The inner span is the call; the outer one repeats the usage of all its steps. Of embeddings both are, and merge:
    an outer one alone in its trace would otherwise count as a wrapper beside them."""
    if not isinstance(value, str) or not value.startswith("ai."):
        return None
    if value.endswith(_INNER):
        return "llm"
    if value.endswith(".doEmbed") or value in _EMBEDDINGS:
        return "embedding"
    if value.endswith(".doRerank"):
        return "retrieval"
    return "tool" if value == "ai.toolCall" else ""


def _calls(value: Any, _span: Span) -> Any:
    calls = opened(value)
    return [{**as_dict(call), "type": "tool-call"} for call in calls] if isinstance(calls, list) else None


def _texts(value: Any, _span: Span) -> Any:
    """What was embedded: a list of JSON values, one text each."""
    return [opened(item) for item in value] if isinstance(value, list) else value


def _provider_usage(metadata: dict[str, Any]) -> Mapping[Field, Any]:
    """AI SDK 5 says how much was cached nowhere else."""
    anthropic = as_dict(as_dict(metadata.get("anthropic")).get("usage"))
    bedrock = as_dict(as_dict(metadata.get("bedrock")).get("usage"))
    return {
        "cache_read_tokens": anthropic.get("cache_read_input_tokens", bedrock.get("cacheReadInputTokens")),
        "cache_write_tokens": anthropic.get("cache_creation_input_tokens", bedrock.get("cacheWriteInputTokens")),
    }


def _caches_apart(span: Span) -> bool:
    """AI SDK 5 passes on what Anthropic and Bedrock call input, which leaves cached tokens out; 6 adds them up."""
    attributes = span.attributes
    provider = attributes.get("ai.model.provider")
    return (
        "ai.operationId" in attributes
        and "ai.usage.inputTokenDetails.noCacheTokens" not in attributes
        and "ai.usage.inputTokenDetails.cacheReadTokens" not in attributes
        and isinstance(provider, str)
        and provider.startswith(("anthropic", "amazon-bedrock", "bedrock", "vertex.anthropic"))
    )


DIALECT = Dialect(
    name="vercel_ai",
    keys=(
        Key("ai.operationId", "kind", 60, V6, _kind),
        Key("ai.model.provider", "provider", 50, V6),
        Key("ai.model.id", "request_model", 30, V6),
        Key("ai.response.model", "response_model", 40, V6),
        Key("ai.response.id", "response_id", 20, V6),
        Key("ai.response.finishReason", "finish_reasons", 40, V6),
        Key("ai.usage.inputTokens", "input_tokens", 40, V6),
        Key("ai.usage.promptTokens", "input_tokens", 50, V5),
        Key("ai.usage.tokens", "input_tokens", 55, V6),
        Key("ai.usage.outputTokens", "output_tokens", 40, V6),
        Key("ai.usage.completionTokens", "output_tokens", 50, V5),
        Key("ai.usage.inputTokenDetails.cacheReadTokens", "cache_read_tokens", 50, V6),
        Key("ai.usage.cachedInputTokens", "cache_read_tokens", 60, V5),
        Key("ai.usage.inputTokenDetails.cacheWriteTokens", "cache_write_tokens", 60, V6),
        Key("ai.usage.outputTokenDetails.reasoningTokens", "reasoning_tokens", 50, V6),
        Key("ai.usage.reasoningTokens", "reasoning_tokens", 60, V5),
        Key("ai.response.msToFirstChunk", "first_token", 30, V6, milliseconds),
        Key("ai.stream.msToFirstChunk", "first_token", 35, V4, milliseconds),
        Key("ai.prompt.messages", "input", 40, V6),
        Key("ai.prompt", "input", 100, V6),
        Key("ai.values", "input", 105, V6, _texts),
        Key("ai.value", "input", 106, V6),
        Key("ai.response.reasoning", "output_reasoning", 10, V6),
        Key("ai.response.text", "output_text", 10, V6),
        Key("ai.result.text", "output_text", 20, V4),
        Key("ai.response.object", "output_object", 10, V6),
        Key("ai.result.object", "output_object", 20, V4),
        Key("ai.response.toolCalls", "output_tool_calls", 10, V6, _calls),
        Key("ai.result.toolCalls", "output_tool_calls", 20, V4, _calls),
        Key("ai.prompt.tools", "tools", 40, V6),
        Key("ai.toolCall.name", "tool_name", 30, V6),
        Key("ai.toolCall.id", "tool_call_id", 20, V6),
        Key("ai.toolCall.args", "arguments", 20, V6),
        Key("ai.toolCall.result", "result", 20, V6),
        Key("ai.telemetry.metadata.sessionId", "session", 50, V6),
        Key("ai.telemetry.metadata.session_id", "session", 51, FREE),
        Key("ai.settings.context.sessionId", "session", 60, V7),
        Key("ai.settings.context.session_id", "session", 61, FREE),
        Key("ai.telemetry.metadata.conversationId", "conversation", 40, FREE),
        Key("ai.telemetry.metadata.threadId", "conversation", 41, FREE),
        Key("ai.telemetry.metadata.chatId", "conversation", 42, FREE),
        Key("ai.settings.context.conversationId", "conversation", 50, FREE),
        Key("ai.settings.context.threadId", "conversation", 51, FREE),
        Key("ai.settings.context.chatId", "conversation", 52, FREE),
        Key("ai.telemetry.metadata.userId", "user", 50, V6),
        Key("ai.telemetry.metadata.user_id", "user", 51, FREE),
        Key("ai.settings.context.userId", "user", 60, V7),
        Key("ai.settings.context.user_id", "user", 61, FREE),
        Key("ai.telemetry.metadata.tags", "tags", 30, V6),
        Key("ai.settings.context.tags", "tags", 35, V7),
    ),
    documents=(
        Document(
            "ai.response.providerMetadata",
            frozenset({"cache_read_tokens", "cache_write_tokens"}),
            _provider_usage,
            "@ai-sdk/anthropic 2.0.112, @ai-sdk/amazon-bedrock 3",
            frozenset({"llm"}),
        ),
    ),
    families=(
        Family("ai.telemetry.metadata.", "metadata", 0, V6, skip=langchain.OWN),
        Family("ai.settings.context.", "metadata", 0, V7, skip=langchain.OWN),
    ),
    events=(EventKey("ai.stream.firstChunk", "first_token", V6),),
    caches_apart=_caches_apart,
    recordings=("vercel_ai_v6", "vercel_ai_v6chat", "vercel_ai_v6_anthropic", "vercel_ai_v5_anthropic"),
)
