"""MLflow 3: every value is JSON, texts in quotes. Session and user are trace metadata that its exporter leaves out;
they are read where somebody sets them as attributes or tags."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.mapping.keys import Dialect, Document, EventKey, Family, Field, Key, kinds
from otel_receiver.span import Span
from otel_receiver.values import json_text

SDK = "mlflow 3.17.2, tracing/constant.py"

_KINDS = kinds(
    {
        "CHAT_MODEL": "llm",
        "LLM": "llm",
        "EMBEDDING": "embedding",
        "TOOL": "tool",
        "AGENT": "agent",
        "RETRIEVER": "retrieval",
        "RERANKER": "retrieval",
        "CHAIN": "",
        "PARSER": "",
        "MEMORY": "",
        "WORKFLOW": "",
        "TASK": "",
        "GUARDRAIL": "",
        "EVALUATOR": "",
    }
)


def _usage(usage: dict[str, Any]) -> Mapping[Field, Any]:
    return {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cache_read_tokens": usage.get("cache_read_input_tokens"),
        "cache_write_tokens": usage.get("cache_creation_input_tokens"),
    }


def _embedding_usage(outputs: dict[str, Any]) -> Mapping[Field, Any]:
    """Embeddings have no token usage of their own, only the provider's answer."""
    usage = outputs.get("usage")
    return {"input_tokens": usage.get("prompt_tokens")} if isinstance(usage, dict) else {}


def _outputs(outputs: dict[str, Any]) -> Mapping[Field, Any]:
    return {"response_id": outputs.get("id"), **_embedding_usage(outputs)}


def _cost(cost: dict[str, Any]) -> Mapping[Field, Any]:
    return {"cost": cost.get("total_cost")}


def _name_of(span: Span) -> str:
    return span.name


DIALECT = Dialect(
    name="mlflow",
    keys=(
        Key("mlflow.spanType", "kind", 40, SDK, _KINDS),
        Key("model", "request_model", 40, "mlflow 3.17.2, openai/autolog.py; Claude Code 2.1.197", json_text),
        Key("mlflow.llm.model", "response_model", 70, SDK, json_text),
        Key("mlflow.llm.provider", "provider", 80, SDK, json_text),
        Key("mlflow.spanInputs", "input", 80, SDK),
        Key("mlflow.spanOutputs", "output", 80, SDK),
        Key("mlflow.chat.tools", "tools", 50, SDK),
        Key("mlflow.trace.session", "session", 80, SDK, json_text),
        Key("mlflow.traceTag.mlflow.trace.session", "session", 81, SDK, json_text),
        Key("mlflow.trace.user", "user", 80, SDK, json_text),
        Key("mlflow.traceTag.mlflow.trace.user", "user", 81, SDK, json_text),
    ),
    documents=(
        Document(
            "mlflow.chat.tokenUsage",
            frozenset({"input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"}),
            _usage,
            SDK,
        ),
        Document("mlflow.spanOutputs", frozenset({"response_id", "input_tokens"}), _outputs, SDK),
        Document("mlflow.llm.cost", frozenset({"cost"}), _cost, SDK),
    ),
    families=(Family("mlflow.traceTag.", "metadata", 0, SDK, skip_heads=("mlflow.",)),),
    events=(EventKey("mlflow.chunk.item.0", "first_token", "mlflow 3.17.2, tracing/utils (streamed chunks)"),),
    name_of=_name_of,
    recordings=("mlflow", "mlflow_genai"),
)
