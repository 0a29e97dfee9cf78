"""The Anthropic SDK's built-in spans (since 2.0): OpenTelemetry names without content, and its own stop reason."""

from otel_receiver.mapping.keys import Dialect, Key

SDK = "anthropic 2.11.0, _tracing.py, scope com.anthropic.sdk.python"

DIALECT = Dialect(
    name="anthropic_native",
    keys=(Key("anthropic.message.stop_reason", "finish_reasons", 50, SDK),),
    recordings=("anthropic_native", "anthropic_oi", "anthropic_otel"),
)
