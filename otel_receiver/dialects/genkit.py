"""Genkit (Firebase): everything is in the JSON of an action's input and output."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.mapping.keys import Dialect, Document, Field, Key, kinds
from otel_receiver.span import Span
from otel_receiver.values import as_dict

CORE = "npm genkit 1.42.0, @genkit-ai/core tracing/instrumentation"
CLOUD = "npm @genkit-ai/google-cloud 1.42.0, telemetry/generate: attributes genkit:sessionId, genkit:threadName"

_KINDS = kinds(
    {
        "model": "llm",
        "background-model": "llm",
        "embedder": "embedding",
        "tool": "tool",
        "tool.v2": "tool",
        "retriever": "retrieval",
        "reranker": "retrieval",
        "flow": "",
        "flowStep": "",
        "util": "",
        "prompt": "",
        "executable-prompt": "",
        "evaluator": "",
        "indexer": "",
    }
)
_MODELS = ("model", "background-model", "embedder")


def _model(value: Any, span: Span) -> Any:
    """`openai/gpt-4o-mini`: the plugin, then its model. Other actions have a name as well."""
    if span.attributes.get("genkit:metadata:subtype") not in _MODELS or not isinstance(value, str):
        return None
    return value.partition("/")[2] or value


def _plugin(value: Any, _span: Span) -> Any:
    """`/model/openai/gpt-4o-mini`"""
    steps = value.split("/") if isinstance(value, str) else []
    return steps[2] if len(steps) > 3 and steps[1] in _MODELS else None  # noqa: PLR2004 - the plugin's place


def _output(output: dict[str, Any]) -> Mapping[Field, Any]:
    usage, raw = as_dict(output.get("usage")), as_dict(output.get("raw"))
    return {
        "input_tokens": usage.get("inputTokens"),
        "output_tokens": _with_thoughts(usage),
        "cache_read_tokens": usage.get("cachedContentTokens"),
        "reasoning_tokens": usage.get("thoughtsTokens"),
        "finish_reasons": output.get("finishReason"),
        "response_model": raw.get("model"),
        "response_id": raw.get("id"),
    }


def _with_thoughts(usage: dict[str, Any]) -> Any:
    """Gemini counts thoughts apart; where the total proves it, they belong to the output."""
    output, thoughts = usage.get("outputTokens"), usage.get("thoughtsTokens")
    counts = (usage.get("inputTokens"), output, thoughts, usage.get("totalTokens"))
    if not all(isinstance(count, int) for count in counts):
        return output
    given, said, thought, total = (int(str(count)) for count in counts)
    return said + thought if given + said + thought == total else output


def _name_of(span: Span) -> str:
    return span.name


DIALECT = Dialect(
    name="genkit",
    keys=(
        Key("genkit:metadata:subtype", "kind", 70, CORE, _KINDS),
        Key("genkit:type", "kind", 71, CORE, kinds({"util": "", "flow": "", "flowStep": ""})),
        Key("genkit:key", "provider", 90, CORE, _plugin),
        Key("genkit:name", "request_model", 60, CORE, _model),
        Key("genkit:input", "input", 90, CORE),
        Key("genkit:output", "output", 90, CORE),
        Key("genkit:sessionId", "session", 90, CLOUD),
        Key("genkit:threadName", "conversation", 90, CLOUD),
    ),
    documents=(
        Document(
            "genkit:output",
            frozenset(
                {
                    "input_tokens",
                    "output_tokens",
                    "cache_read_tokens",
                    "reasoning_tokens",
                    "finish_reasons",
                    "response_model",
                    "response_id",
                }
            ),
            _output,
            CORE,
        ),
    ),
    name_of=_name_of,
    recordings=("genkit",),
)
