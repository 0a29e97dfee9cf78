"""All dialects, in one list, and the one function that reads a span with them.

To add one: a file beside this one, a line in the list, a recording in tests/payloads, a row in the README. Per field
the first present key by rank wins, whichever dialect it is of; the order of the list decides nothing.
"""

from otel_receiver.call import Call, CallKind
from otel_receiver.dialects import (
    anthropic_native,
    claude_code,
    crewai,
    genkit,
    google_adk,
    laminar,
    langfuse,
    langsmith,
    litellm,
    mcp,
    microsoft,
    mlflow,
    openai_agents,
    openinference,
    openlit,
    otel_genai,
    pydantic_ai,
    strands,
    traceloop,
    vercel_ai,
)
from otel_receiver.mapping.calls import CallReader
from otel_receiver.mapping.table import merge
from otel_receiver.span import Span

DIALECTS = (
    otel_genai.DIALECT,
    openinference.DIALECT,
    traceloop.DIALECT,
    vercel_ai.DIALECT,
    langfuse.DIALECT,
    laminar.DIALECT,
    mlflow.DIALECT,
    langsmith.DIALECT,
    pydantic_ai.DIALECT,
    openai_agents.DIALECT,
    google_adk.DIALECT,
    strands.DIALECT,
    crewai.DIALECT,
    microsoft.DIALECT,
    genkit.DIALECT,
    litellm.DIALECT,
    openlit.DIALECT,
    anthropic_native.DIALECT,
    claude_code.DIALECT,
    mcp.DIALECT,
)

_READER = CallReader(merge(DIALECTS))


def read(span: Span, kind: CallKind | None = None) -> Call:
    """The call a span is. A dialect that fails costs the mapping, never the span. `kind` is for what already knows."""
    try:
        return _READER.read(span, kind)
    except Exception:  # noqa: BLE001 - the one edge: whatever a stranger's attributes do to us, the span is kept
        return Call(failed=span.status == "error", flaws=("mapping_failed",))
