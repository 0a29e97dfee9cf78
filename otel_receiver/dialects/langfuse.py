"""Langfuse SDK 3 to 5: observations, with usage and cost as JSON."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.dialects import langchain
from otel_receiver.mapping.keys import Dialect, Document, Family, Field, Key, kinds
from otel_receiver.mapping.outcome import since_start
from otel_receiver.span import Span
from otel_receiver.values import as_dict

SDK = (
    "https://github.com/langfuse/langfuse-python/blob/04d65767f406a20e6d7d2535450e9144e1badd69"
    "/langfuse/_client/attributes.py"
)
SERVER = "https://github.com/langfuse/langfuse/blob/6275144, OtelIngestionProcessor.ts"
OPENAI = "langfuse 3.15.0, openai.py"

_KINDS = kinds(
    {
        "generation": "llm",
        "embedding": "embedding",
        "tool": "tool",
        "agent": "agent",
        "retriever": "retrieval",
        "span": "",
        "chain": "",
        "event": "",
        "evaluator": "",
        "guardrail": "",
    }
)
_BUCKETS = ("input", "output")
_CACHES = ("cache_read_input_tokens", "cache_creation_input_tokens")
_APART = {"input": _CACHES, "input_tokens": _CACHES}


def _usage(details: dict[str, Any]) -> Mapping[Field, Any]:
    """Either the provider's own shape, or Langfuse's buckets, which take every kind of token out of `input`."""
    prompt, completion = (
        as_dict(details.get("prompt_tokens_details")),
        as_dict(details.get("completion_tokens_details")),
    )
    inputs, outputs = as_dict(details.get("input_tokens_details")), as_dict(details.get("output_tokens_details"))
    return {
        "input_tokens": _first(details.get("prompt_tokens"), _with(details, "input_tokens"), _with(details, "input")),
        "output_tokens": _first(
            details.get("completion_tokens"), details.get("output_tokens"), _with(details, "output")
        ),
        "cache_read_tokens": _first(
            prompt.get("cached_tokens"),
            inputs.get("cached_tokens"),
            *(details.get(name) for name in ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens")),
        ),
        "cache_write_tokens": _first(
            *(details.get(name) for name in ("input_cache_creation", "cache_creation_input_tokens")),
        ),
        "reasoning_tokens": _first(
            completion.get("reasoning_tokens"),
            outputs.get("reasoning_tokens"),
            *(details.get(name) for name in ("output_reasoning_tokens", "output_reasoning")),
        ),
    }


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _with(details: dict[str, Any], bucket: str) -> Any:
    """A bucket and those taken out of it (langfuse 3.15.0, langchain/CallbackHandler, _parse_usage_model); Anthropic's
    own `input_tokens` leaves its caches out as well."""
    total = details.get(bucket)
    if not isinstance(total, int):
        return total
    taken = [
        value
        for name, value in details.items()
        if name in _APART.get(bucket, ())
        or (bucket in _BUCKETS and name.startswith(f"{bucket}_") and not name.startswith(f"{bucket}_modality"))
    ]
    return total + sum(value for value in taken if isinstance(value, int) and value > 0)


def _cost(details: dict[str, Any]) -> Mapping[Field, Any]:
    return {"cost": details.get("total")}


def _name_of(span: Span) -> str:
    return span.name


DIALECT = Dialect(
    name="langfuse",
    keys=(
        Key("langfuse.observation.type", "kind", 20, SDK, _KINDS),
        Key("langfuse.observation.model.name", "response_model", 60, SDK),
        Key("langfuse.observation.metadata.finish_reason", "finish_reasons", 70, OPENAI),
        Key("langfuse.observation.completion_start_time", "first_token", 60, SDK, since_start),
        Key("langfuse.observation.input", "input", 50, SDK),
        Key("langfuse.observation.output", "output", 50, SDK),
        Key("langfuse.trace.input", "input", 160, SDK),
        Key("langfuse.trace.output", "output", 160, SDK),
        Key("langfuse.observation.status_message", "error_message", 20, SDK),
        Key("langfuse.observation.prompt.name", "prompt_name", 30, SDK),
        Key("langfuse.observation.prompt.version", "prompt_version", 30, SDK),
        Key("langfuse.session.id", "session", 20, SERVER),
        Key("langfuse.trace.metadata.langfuse_session_id", "session", 21, SERVER),
        Key("langfuse.observation.metadata.langfuse_session_id", "session", 22, SERVER),
        Key("langfuse.user.id", "user", 20, SERVER),
        Key("langfuse.trace.metadata.langfuse_user_id", "user", 21, SERVER),
        Key("langfuse.observation.metadata.langfuse_user_id", "user", 22, SERVER),
        Key("langfuse.trace.tags", "tags", 20, SDK),
        Key("langfuse.environment", "environment", 30, SDK),
        Key("langfuse.release", "release", 20, SDK),
    ),
    documents=(
        Document(
            "langfuse.observation.usage_details",
            frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"}),
            _usage,
            SDK,
        ),
        Document("langfuse.observation.cost_details", frozenset({"cost"}), _cost, SDK),
    ),
    families=(
        Family("langfuse.trace.metadata.", "metadata", 0, SDK, skip=langchain.OWN, skip_heads=langchain.OWN_HEADS),
        Family(
            "langfuse.observation.metadata.", "metadata", 0, SDK, skip=langchain.OWN, skip_heads=langchain.OWN_HEADS
        ),
    ),
    name_of=_name_of,
    recordings=("langfuse_v3",),
)
