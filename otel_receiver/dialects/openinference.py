"""OpenInference (Arize Phoenix): a message is taken apart into one attribute per leaf. CrewAI, LangChain and the
OpenAI Agents SDK arrive in it as well."""

from collections.abc import Mapping
from typing import Any

from otel_receiver.dialects import langchain
from otel_receiver.mapping.keys import Dialect, Document, EventKey, Family, Field, Key, kinds
from otel_receiver.span import Span
from otel_receiver.values import as_dict, opened

SPEC = (
    "https://github.com/Arize-ai/openinference/blob/00e2b51591f324f020677beba37b14a8fd4e517f"
    "/spec/semantic_conventions.md; openinference-semantic-conventions 0.1.42"
)
ANTHROPIC = "openinference-instrumentation-anthropic 3.1.0"
STREAMS = "openinference-instrumentation-openai 0.1.66, _stream.py"

_KINDS = kinds(
    {
        "LLM": "llm",
        "EMBEDDING": "embedding",
        "TOOL": "tool",
        "AGENT": "agent",
        "RETRIEVER": "retrieval",
        "RERANKER": "retrieval",
        "CHAIN": "",
        "GUARDRAIL": "",
        "EVALUATOR": "",
        "PROMPT": "",
        "DECISION": "",
    }
)


def _messages(nested: Any) -> Any:
    """`[{"message": {...}}]` with its contents and calls one level too deep."""
    if not isinstance(nested, list):
        return None
    return [_message(as_dict(as_dict(item).get("message"))) for item in nested]


def _message(item: dict[str, Any]) -> dict[str, Any]:
    spent = ("contents", "content", "tool_calls", "function_call_name", "function_call_arguments_json")
    message = {name: value for name, value in item.items() if name not in spent}
    calls = [_call(as_dict(each)) for each in _list(item.get("tool_calls"))]
    if "function_call_name" in item:
        calls.append({"name": item["function_call_name"], "arguments": item.get("function_call_arguments_json")})
    contents = [_content(as_dict(each)) for each in _list(item.get("contents"))]
    if calls:  # said twice, then: as a call and as a content
        contents = [part for part in contents if part.get("type") != "tool_use"]
    if item.get("content") is not None and not any(part.get("type") == "text" for part in contents):
        contents.insert(0, {"type": "text", "text": item["content"]})
    return {**message, "content": contents, "tool_calls": calls} if calls else {**message, "content": contents}


def _content(item: dict[str, Any]) -> dict[str, Any]:
    part = as_dict(item.get("message_content"))
    image = as_dict(as_dict(part.get("image")).get("image"))
    if "url" in image:
        return {"type": "image_url", "image_url": image["url"]}
    return {**part, **_call(item)} if "tool_call" in item else part


def _call(item: dict[str, Any]) -> dict[str, Any]:
    call = as_dict(item.get("tool_call"))
    function = as_dict(call.get("function"))
    beside = {name: value for name, value in call.items() if name != "function"}
    return {**beside, **function}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tools(nested: Any) -> Any:
    return [opened(as_dict(as_dict(item).get("tool")).get("json_schema")) for item in _list(nested)] or None


def _invocation(parameters: dict[str, Any]) -> Mapping[Field, Any]:
    return {"request_model": parameters.get("model", parameters.get("model_name"))}


def _response(output: dict[str, Any]) -> Mapping[Field, Any]:
    """The id of a model's answer, not of anything else that has one."""
    is_answer = not output.keys().isdisjoint(("choices", "object", "stop_reason"))
    return {"response_id": output.get("id")} if is_answer else langchain.answer(output)


def _filed(metadata: dict[str, Any]) -> Mapping[Field, Any]:
    return {"user": metadata.get("user_id"), "tags": metadata.get("tags")}


def _prompt(value: Any, span: Span) -> Any:
    """Claude Code numbers what a user types under the same key."""
    return value if "openinference.span.kind" in span.attributes else None


def _own_metadata(value: Any, _span: Span) -> dict[str, Any]:
    pairs = as_dict(opened(value))
    own = langchain.OWN | {"tags"}
    return {k: v for k, v in pairs.items() if k not in own and not k.startswith(langchain.OWN_HEADS)}


DIALECT = Dialect(
    name="openinference",
    keys=(
        Key("openinference.span.kind", "kind", 10, SPEC, _KINDS),
        Key("llm.provider", "provider", 30, SPEC),
        Key("llm.system", "provider", 40, SPEC),
        Key("llm.request.model_name", "request_model", 20, ANTHROPIC),
        Key("llm.response.model_name", "response_model", 20, ANTHROPIC),
        Key("llm.model_name", "response_model", 30, SPEC),
        Key("embedding.model_name", "response_model", 50, SPEC),
        Key("llm.token_count.prompt", "input_tokens", 30, SPEC),
        Key("llm.token_count.completion", "output_tokens", 30, SPEC),
        Key("llm.token_count.prompt_details.cache_read", "cache_read_tokens", 40, SPEC),
        Key("llm.token_count.prompt_details.cache_input", "cache_read_tokens", 45, SPEC),
        Key("llm.token_count.prompt_details.cache_write", "cache_write_tokens", 50, SPEC),
        Key("llm.token_count.completion_details.reasoning", "reasoning_tokens", 40, SPEC),
        Key("llm.cost.total", "cost", 50, SPEC),
        Key("llm.finish_reason", "finish_reasons", 30, SPEC),
        Key("input.value", "input", 140, SPEC),
        Key("output.value", "output", 140, SPEC),
        Key("tool.name", "tool_name", 20, SPEC),
        Key("tool_call.id", "tool_call_id", 40, SPEC),
        Key("agent.name", "agent_name", 20, SPEC),
        Key("prompt.id", "prompt_name", 40, SPEC, _prompt),
        Key("llm.prompt_template.version", "prompt_version", 40, SPEC),
        Key("tag.tags", "tags", 10, SPEC),
        Key("metadata", "metadata", 10, SPEC, _own_metadata),
    ),
    documents=(
        Document("llm.invocation_parameters", frozenset({"request_model"}), _invocation, SPEC),
        Document("embedding.invocation_parameters", frozenset({"request_model"}), _invocation, SPEC),
        Document("output.value", frozenset({"response_id", "response_model"}), _response, SPEC, frozenset({"llm"})),
        Document(
            "metadata",
            frozenset({"user", "tags"}),
            _filed,
            "openinference-instrumentation-langchain 0.1.80, _tracer.py",
            frozenset({"", "llm", "embedding", "tool", "agent", "retrieval"}),
        ),
    ),
    families=(
        Family("llm.input_messages.", "input", 20, SPEC, numbered=True, read=_messages),
        Family("llm.output_messages.", "output", 20, SPEC, numbered=True, read=_messages),
        Family("llm.tools.", "tools", 20, SPEC, numbered=True, read=_tools),
    ),
    events=(EventKey("First Token Stream Event", "first_token", STREAMS),),
    recordings=("openinference_using", "openinference_genai", "langchain_oi", "anthropic_oi", "double_oi_otel"),
)
