"""Content of every dialect in the OpenTelemetry GenAI form. Knows shapes, not dialects: see otel_receiver/dialects."""
