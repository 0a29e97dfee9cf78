"""CrewAI, as OpenInference instruments it: crews and tasks around the spans of whatever calls the model."""

from typing import Any

from otel_receiver.mapping.keys import Dialect, Key
from otel_receiver.span import Span

OI = "openinference-instrumentation-crewai 1.1.21, _wrappers.py"


def _role(value: Any, span: Span) -> Any:
    """A graph's node is an agent only where its span says so; CrewAI names its agents nowhere else."""
    return value if str(span.attributes.get("openinference.span.kind")).upper() == "AGENT" else None


DIALECT = Dialect(
    name="crewai",
    keys=(Key("graph.node.id", "agent_name", 60, OI, _role),),
    recordings=("crewai_oi",),
)
