"""Pydantic AI, alone or through Logfire: OpenTelemetry names, with details and a whole history of its own.

Its `gen_ai.aggregated_usage.*` sums what the calls inside already say and is never read. Logfire scrubs ids by
default (`[Scrubbed due to 'session']`); the normaliser of ids knows that this is nobody.
"""

from otel_receiver.call import CallKind
from otel_receiver.mapping.keys import Dialect, Key, NamedSpans

SDK = "pydantic-ai-slim 2.68.0, models/instrumented.py"
V1 = "pydantic-ai-slim 1.0, models/instrumented.py and _tool_manager.py"


def _named(name: str) -> CallKind | None:
    """Version 1 named no operation."""
    if name == "agent run":
        return "agent"
    return "tool" if name.startswith("running tool: ") else None


DIALECT = Dialect(
    name="pydantic_ai",
    keys=(
        Key("gen_ai.usage.details.cache_read_tokens", "cache_read_tokens", 30, SDK),
        Key("gen_ai.usage.details.cache_write_tokens", "cache_write_tokens", 40, SDK),
        Key("gen_ai.usage.details.reasoning_tokens", "reasoning_tokens", 30, SDK),
        Key("operation.cost", "cost", 40, SDK),
        Key("model_name", "request_model", 80, SDK),
        Key("agent_name", "agent_name", 30, SDK),
        Key("pydantic_ai.all_messages", "input", 95, SDK),
        Key("all_messages_events", "input", 96, V1),
        Key("final_result", "output", 95, SDK),
        Key("tool_arguments", "arguments", 30, V1),
        Key("tool_response", "result", 30, V1),
        Key("logfire.tags", "tags", 70, "logfire 5.2.0, _internal/constants.py"),
    ),
    named=(NamedSpans("pydantic-ai", _named, V1),),
    recordings=("pydantic_ai", "pydantic_ai_anthropic", "pydantic_ai_baggage", "logfire"),
)
