"""Laminar (lmnr): the OpenTelemetry names with OpenAI's shapes inside, and ids on every span."""

from typing import Any

from otel_receiver.call import CallKind
from otel_receiver.mapping.keys import Dialect, Family, Key
from otel_receiver.span import Span

SDK = "lmnr 0.8.2, opentelemetry_lib/tracing/attributes.py"

_KINDS: dict[str, CallKind] = {
    "LLM": "llm",
    "CACHED": "llm",
    "TOOL": "tool",
    "EXECUTOR": "",
    "EVALUATOR": "",
    "HUMAN_EVALUATOR": "",
    "EVALUATION": "",
    "PIPELINE": "",
}
"""DEFAULT, which any decorated function is, decides nothing."""


def _kind(value: Any, span: Span) -> CallKind | None:
    """Embeddings call themselves LLM; only their name tells (openai.embeddings)."""
    kind = _KINDS.get(value) if isinstance(value, str) else None
    return "embedding" if kind == "llm" and span.name.endswith(".embeddings") else kind


def _name_of(span: Span) -> str:
    return span.name


DIALECT = Dialect(
    name="laminar",
    keys=(
        Key("lmnr.span.type", "kind", 30, SDK, _kind),
        Key("lmnr.span.input", "input", 130, SDK),
        Key("lmnr.span.output", "output", 130, SDK),
        Key("lmnr.association.properties.session_id", "session", 40, SDK),
        Key("lmnr.association.properties.user_id", "user", 40, SDK),
        Key("lmnr.association.properties.tags", "tags", 40, SDK),
    ),
    families=(Family("lmnr.association.properties.metadata.", "metadata", 0, SDK),),
    name_of=_name_of,
    recordings=("lmnr",),
)
