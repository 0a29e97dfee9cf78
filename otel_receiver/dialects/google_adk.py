"""Google ADK. Since version 2 it speaks OpenTelemetry; before, requests and responses were Gemini's JSON on `call_llm`,
which newer releases of that format wrap around a `generate_content` span saying the same: one call, merged later."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.call import CallKind
from otel_receiver.mapping.keys import Dialect, Document, Field, Key, NamedSpans
from otel_receiver.span import Span
from otel_receiver.values import as_dict, opened

V1 = "google-adk 2.13.0, telemetry/tracing.py, ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN=1"


def _named(name: str) -> CallKind | None:
    if name == "call_llm":
        return "llm"
    if name.startswith("execute_tool "):
        return "tool"
    return "agent" if name.startswith(("agent_run", "invoke_agent ")) else None


def _said(value: Any, _span: Span) -> Any:
    """`{}` is how it says that content is not captured."""
    content = opened(value)
    return None if content == {} else value


def _result(value: Any, _span: Span) -> Any:
    """A function's plain answer is wrapped, because Gemini only takes objects."""
    answer = opened(value)
    return answer["result"] if isinstance(answer, dict) and answer.keys() == {"result"} else value


def _response(response: dict[str, Any]) -> Mapping[Field, Any]:
    usage = as_dict(response.get("usage_metadata"))
    return {
        "response_model": response.get("model_version"),
        "response_id": response.get("response_id"),
        "input_tokens": usage.get("prompt_token_count"),
        "output_tokens": usage.get("candidates_token_count"),
        "cache_read_tokens": usage.get("cached_content_token_count"),
        "reasoning_tokens": usage.get("thoughts_token_count"),
    }


DIALECT = Dialect(
    name="google_adk",
    keys=(
        Key("gcp.vertex.agent.llm_request", "input", 70, V1, _said),
        Key("gcp.vertex.agent.llm_response", "output", 70, V1, _said),
        Key("gcp.vertex.agent.tool_call_args", "arguments", 40, V1),
        Key("gcp.vertex.agent.tool_response", "result", 40, V1, _result),
        Key("gcp.vertex.agent.session_id", "session", 100, V1),
    ),
    documents=(
        Document(
            "gcp.vertex.agent.llm_response",
            frozenset(
                {
                    "response_model",
                    "response_id",
                    "input_tokens",
                    "output_tokens",
                    "cache_read_tokens",
                    "reasoning_tokens",
                }
            ),
            _response,
            V1,
            frozenset({"llm"}),
        ),
    ),
    named=(NamedSpans("gcp.vertex.agent", _named, V1),),
    recordings=("google_adk_legacy",),
)
