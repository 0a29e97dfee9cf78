"""OpenTelemetry GenAI: the current names and all older ones. Most other dialects speak it too, beside their own."""

from collections.abc import Callable
from typing import Any

from otel_receiver.call import CallKind
from otel_receiver.mapping.keys import Dialect, EventKey, Key, NamedSpans, kinds
from otel_receiver.mapping.outcome import milliseconds, seconds
from otel_receiver.span import Event, Span
from otel_receiver.values import opened

_REPO = "https://github.com/open-telemetry/semantic-conventions-genai/blob"
SPANS = f"{_REPO}/9430220eb6f3f8a0e41d2e0e548aeb5cb9ca5f14/docs/gen-ai/gen-ai-spans.md"
AGENTS = f"{_REPO}/e8fc5751506258db1459d1bde47994e01dee922e/docs/gen-ai/gen-ai-agent-spans.md"
EVENTS = f"{_REPO}/997a19cc9be3bcd54fe4f45213df8c274f4776f0/docs/gen-ai/gen-ai-events.md"
REGISTRY = f"{_REPO}/9f1b0bb4320aba1797371a60f19ab07bad938932/docs/registry/attributes/gen-ai.md"
V1_41 = "https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/registry/attributes/gen-ai.md"
V1_36 = "https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md"
V1_26 = "https://github.com/open-telemetry/semantic-conventions/blob/v1.26.0/docs/gen-ai/gen-ai-spans.md"
GENERAL = "opentelemetry-semantic-conventions 0.66b2, attributes: session, user, service, deployment, error"
SENTRY = "sentry-conventions 0.1, gen_ai attributes"

_OPERATIONS: dict[str, CallKind] = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "completion": "llm",  # before 1.27
    "chat.completions": "llm",  # Semantic Kernel up to 1.37
    "chat.streaming_completions": "llm",
    "text.completions": "llm",
    "text.streaming_completions": "llm",
    "llm_call": "llm",  # Gemini CLI, packages/core/src/telemetry
    "embeddings": "embedding",
    "embedding": "embedding",  # litellm 1.106.2
    "execute_tool": "tool",
    "tool_call": "tool",  # Gemini CLI
    "invoke_agent": "agent",
    "create_agent": "agent",
    "agent_call": "agent",  # Gemini CLI
    "retrieval": "retrieval",
    "rerank": "retrieval",  # @ai-sdk/otel, gen-ai-format-messages.ts
    # Wrappers: what is inside them counts.
    "invoke_workflow": "",
    "plan": "",
    "fetch_response": "",
    "chain": "",  # langsmith 0.14.17
    "agent_step": "",  # @ai-sdk/otel
    "execute_task": "",  # opentelemetry-instrumentation-langchain 0.62.4
    "execute_event_loop_cycle": "",  # strands-agents 1.62.0
}

_MESSAGE = frozenset(("role", "content", "parts", "tool_calls"))

_NAMED: dict[str, CallKind] = {
    name: _OPERATIONS[name]
    for name in ("chat", "text_completion", "generate_content", "embeddings", "execute_tool", "invoke_agent")
}


def _named(name: str) -> CallKind | None:
    """Span names are `{operation} {model}`, and there are SDKs whose failed calls carry nothing else."""
    operation, _, about = name.partition(" ")
    return _NAMED.get(operation) if about else None


def _not_a_schema(value: Any, span: Span) -> Any:
    """OpenInference in its GenAI mode copies the tool's JSON schema here (openinference-instrumentation 0.1.72)."""
    return None if value == span.attributes.get("tool.parameters") else value


_FALSE = (False, "false")
"""Also as stores keep it that have texts alone."""


def _server_first_token(value: Any, span: Span) -> Any:
    """The same key in two units: Strands writes whole milliseconds, OpenLIT seconds, and for calls without a stream
    the whole duration."""
    if span.scope.name.startswith("strands."):
        return milliseconds(value, span)
    return None if span.attributes.get("gen_ai.request.stream") in _FALSE else seconds(value, span)


def _message(role: str) -> Callable[[Event], dict[str, Any]]:
    """Content under `content` or `message` (Strands, older logs), or all of it as JSON (Azure AI Inference)."""

    def read(event: Event) -> dict[str, Any]:
        said = dict(event.attributes)
        whole = opened(said.pop("gen_ai.event.content", None))
        said = {**said, **whole} if isinstance(whole, dict) else said
        held = opened(said.pop("content" if "content" in said else "message", None))
        inner = held if isinstance(held, dict) and not held.keys().isdisjoint(_MESSAGE) else {"content": held}
        return {"role": role, **said, **inner}

    return read


def _held(name: str, role: str) -> Callable[[Event], Any]:
    """All messages, or the text of one, in one attribute."""

    def read(event: Event) -> Any:
        held = opened(event.attributes.get(name))
        beside = {key: value for key, value in event.attributes.items() if key != name}
        return held if isinstance(held, list) and not beside else {**beside, "role": role, "content": held}

    return read


def _name_of(span: Span) -> str:
    """`execute_tool get_weather`, `invoke_agent weather_agent`"""
    return span.name.partition(" ")[2]


DIALECT = Dialect(
    name="otel_genai",
    keys=(
        Key("gen_ai.operation.name", "kind", 90, SPANS, kinds(_OPERATIONS)),
        Key("gen_ai.provider.name", "provider", 10, REGISTRY),
        Key("gen_ai.system", "provider", 20, V1_36),
        Key("gen_ai.request.model", "request_model", 10, REGISTRY),
        Key("gen_ai.response.model", "response_model", 10, REGISTRY),
        Key("gen_ai.response.id", "response_id", 10, REGISTRY),
        Key("gen_ai.response.finish_reasons", "finish_reasons", 10, REGISTRY),
        # Usage
        Key("gen_ai.usage.input_tokens", "input_tokens", 10, REGISTRY),
        Key("gen_ai.usage.prompt_tokens", "input_tokens", 20, V1_26),
        Key("gen_ai.usage.output_tokens", "output_tokens", 10, REGISTRY),
        Key("gen_ai.usage.completion_tokens", "output_tokens", 20, V1_26),
        Key("gen_ai.usage.cache_read.input_tokens", "cache_read_tokens", 10, REGISTRY),
        Key("gen_ai.usage.input_tokens.cached", "cache_read_tokens", 90, SENTRY),
        Key("gen_ai.usage.cache_write.input_tokens", "cache_write_tokens", 10, "opentelemetry-util-genai 1.3b0"),
        Key("gen_ai.usage.cache_creation.input_tokens", "cache_write_tokens", 20, V1_41),
        Key("gen_ai.usage.reasoning.output_tokens", "reasoning_tokens", 10, REGISTRY),
        Key("gen_ai.usage.output_tokens.reasoning", "reasoning_tokens", 90, SENTRY),
        # Time to first token
        Key("gen_ai.response.time_to_first_chunk", "first_token", 10, REGISTRY, seconds),
        Key("gen_ai.client.operation.time_to_first_chunk", "first_token", 20, "pydantic-ai-slim 2.68.0", seconds),
        Key(
            "gen_ai.server.time_to_first_token",
            "first_token",
            50,
            "openlit 1.45.0, strands 1.62.0",
            _server_first_token,
        ),
        # Content
        Key("gen_ai.input.messages", "input", 10, REGISTRY),
        Key("gen_ai.output.messages", "output", 10, REGISTRY),
        Key("gen_ai.system_instructions", "system", 10, REGISTRY),
        Key("gen_ai.tool.definitions", "tools", 10, REGISTRY),
        Key("gen_ai.tool.call.arguments", "arguments", 10, REGISTRY, _not_a_schema),
        Key("gen_ai.tool.call.result", "result", 10, REGISTRY),
        Key("gen_ai.retrieval.query.text", "input", 170, REGISTRY),
        Key("gen_ai.retrieval.documents", "output", 170, REGISTRY),
        # Tools, agents, prompts
        Key("gen_ai.tool.name", "tool_name", 10, REGISTRY),
        Key("gen_ai.tool.call.id", "tool_call_id", 10, REGISTRY),
        Key("gen_ai.agent.name", "agent_name", 10, AGENTS),
        Key("gen_ai.prompt.name", "prompt_name", 10, REGISTRY),
        Key("gen_ai.prompt.version", "prompt_version", 10, f"{_REPO}/32c328e85013588c6fe32ebc30934ab5b1752b6a/docs"),
        # Whose it is
        Key("session.id", "session", 10, GENERAL),
        Key("gen_ai.conversation.id", "conversation", 10, REGISTRY),
        Key("user.id", "user", 10, GENERAL),
        Key("enduser.id", "user", 90, "opentelemetry-semantic-conventions 1.30, enduser (deprecated)"),
        Key("gen_ai.user", "user", 120, "opentelemetry-semantic-conventions-ai 0.5.1"),
        Key("deployment.environment.name", "environment", 10, GENERAL),
        Key("deployment.environment", "environment", 20, "opentelemetry-semantic-conventions 1.26, deployment"),
        Key("service.version", "release", 10, GENERAL),
        # Errors and evaluations
        Key("error.type", "error_type", 10, GENERAL),
        Key("error.message", "error_message", 10, GENERAL),
        Key("gen_ai.evaluation.name", "score_name", 10, EVENTS),
        Key("gen_ai.evaluation.score.value", "score_value", 10, EVENTS),
        Key("gen_ai.evaluation.score.label", "score_label", 10, EVENTS),
        Key("gen_ai.evaluation.explanation", "score_comment", 10, EVENTS),
    ),
    events=(
        EventKey("gen_ai.client.inference.operation.details", "details", EVENTS),
        EventKey("gen_ai.evaluation.result", "score", EVENTS),
        EventKey("gen_ai.system.message", "input", V1_36, _message("system")),
        EventKey("gen_ai.user.message", "input", V1_36, _message("user")),
        EventKey("gen_ai.assistant.message", "input", V1_36, _message("assistant")),
        EventKey("gen_ai.tool.message", "input", V1_36, _message("tool")),
        EventKey("gen_ai.choice", "output", V1_36, _message("assistant")),
        EventKey("gen_ai.content.prompt", "input", V1_26, _held("gen_ai.prompt", "user")),
        EventKey("gen_ai.content.completion", "output", V1_26, _held("gen_ai.completion", "assistant")),
    ),
    named=(
        NamedSpans("opentelemetry.instrumentation.genai.", _named, SPANS),
        NamedSpans("opentelemetry.instrumentation.openai_v2", _named, SPANS),
        NamedSpans("opentelemetry.util.genai", _named, SPANS),
        NamedSpans("openlit.", _named, "openlit 1.45.0: a failed Anthropic call has a name and nothing else"),
    ),
    name_of=_name_of,
    recordings=(
        "otel_genai_openai_root",
        "otel_genai_openai_baggage",
        "otel_genai_openai_convctx",
        "otel_genai_openai_resource",
        "otel_openai_v2_root",
        "otel_openai_v2_legacy",
        "anthropic_otel",
        "double_oi_otel",
    ),
)
