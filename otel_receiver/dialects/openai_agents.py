"""OpenAI Agents SDK. It has no OpenTelemetry words of its own: instrumentors bring those of OpenTelemetry,
OpenInference or Traceloop. Its `group_id` arrives as `gen_ai.conversation.id` from the first and from nobody else."""

from otel_receiver.mapping.keys import Dialect

DIALECT = Dialect(name="openai_agents", recordings=("openai_agents_otel", "openai_agents_oi"))
