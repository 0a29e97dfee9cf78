"""Microsoft Agent Framework and Semantic Kernel: OpenTelemetry names, lists as JSON texts, enums as Python prints them.

The framework's `invoke_agent` sums up its calls; it is an agent, so it never counts. Semantic Kernel's content comes
in log records that carry their name in the attribute `event.name` and JSON as their body.
"""

from typing import Any

from otel_receiver.mapping.keys import Dialect, Key
from otel_receiver.span import Span

SK = "semantic-kernel 1.36 (Python), utils/telemetry/model_diagnostics/decorators.py"


def _reasons(value: Any, _span: Span) -> Any:
    """`FinishReason.STOP,FinishReason.STOP`: a list in one text."""
    return value.split(",") if isinstance(value, str) else value


DIALECT = Dialect(
    name="microsoft",
    keys=(Key("gen_ai.response.finish_reason", "finish_reasons", 20, SK, _reasons),),
    recordings=("ms_agent_framework",),
)
