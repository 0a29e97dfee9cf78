"""OpenLIT: OpenTelemetry names, a cost that is 0 where it found no price, and Anthropic's input as Anthropic counts it.

`gen_ai.client.token.usage` is an attribute here: the total, never read.
"""

from otel_receiver.mapping.keys import Dialect, Key
from otel_receiver.span import Span

SDK = "openlit 1.45.0, semcov/__init__.py"


def _caches_apart(span: Span) -> bool:
    """Anthropic and Bedrock leave cached tokens out of the input, and OpenLIT passes that on."""
    return span.scope.name.startswith(("openlit.instrumentation.anthropic", "openlit.instrumentation.bedrock"))


DIALECT = Dialect(
    name="openlit",
    keys=(
        Key("gen_ai.usage.cost", "cost", 10, SDK),
        Key("gen_ai.usage.prompt_tokens_details.cached_tokens", "cache_read_tokens", 80, "openlit 1.34"),
        Key("gen_ai.tool.args", "arguments", 25, SDK),
        Key("gen_ai.request.user", "user", 121, SDK),
    ),
    caches_apart=_caches_apart,
    recordings=("openlit",),
)
