"""Strands Agents (AWS): OpenTelemetry names, old and new at once, content in span events, in Bedrock's shapes.

Its agent spans repeat usage, summed over the agent object's life; they are agents, so it never counts.
"""

from otel_receiver.mapping.keys import Dialect, Key

SDK = "strands-agents 1.62.0, telemetry/tracer.py"

DIALECT = Dialect(
    name="strands",
    keys=(
        Key("gen_ai.usage.cache_write_input_tokens", "cache_write_tokens", 35, SDK),
        Key("tags", "tags", 60, "strands-agents 1.62.0: Agent(trace_attributes=...)"),
    ),
    recordings=("strands_default", "strands_anthropic"),
)
