"""What surrounds a tool: its definition in the OpenTelemetry form, and arguments and results without their wrapping."""

from typing import Any

from otel_receiver.values import Excerpt, as_dict, opened

_SCHEMAS = ("parameters", "input_schema", "inputSchema", "parameters_json_schema", "json_schema")


def read_definitions(value: Any) -> list[dict[str, Any]] | None:
    """Tool definitions as {type, name, description, parameters}; None where it is no list of them."""
    value = opened(value)
    items = value if isinstance(value, list) else [value]
    definitions: list[dict[str, Any]] = []
    for item in map(opened, items):
        if not isinstance(item, dict):
            return None
        declared = item.get("function_declarations", item.get("functionDeclarations"))  # Gemini groups them
        group = declared if isinstance(declared, list) else [item]
        definitions.extend(_definition(each) for each in group if isinstance(each, dict))
    return definitions


def _definition(item: dict[str, Any]) -> dict[str, Any]:
    function = as_dict(item.get("function"))
    merged = {**{name: value for name, value in item.items() if name != "function"}, **function}
    schema = next((name for name in _SCHEMAS if merged.get(name) is not None), None)
    rest = {name: value for name, value in merged.items() if name != schema and value is not None}
    rest.setdefault("type", "function")
    return rest if schema is None else {**rest, "parameters": opened(merged[schema])}


def unwrapped_arguments(value: Any) -> Any:
    """The arguments a function was called with, where a decorator wrote down how it was called."""
    value = opened(value)
    if not isinstance(value, dict):
        return value
    if value.keys() == {"args", "kwargs"}:
        return value["kwargs"] if value["args"] in ([], {}, None) else value
    if "input_str" in value:  # LangChain's on_tool_start, through Traceloop
        return Excerpt(value.get("inputs") or value["input_str"])
    return value


def unwrapped_result(value: Any) -> Any:
    """What a tool answered, where a framework wrote down the message it put it in."""
    value = opened(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and value[0].keys() == {"text"}:
        return value[0]["text"]  # Bedrock's form, of Strands
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("output"), dict) and value.keys() <= {"output", "kwargs"}:
        value = value["output"]
    inner = value.get("kwargs") if "lc" in value else value.get("data")
    message = inner if isinstance(inner, dict) else value
    if "tool_call_id" in message and "content" in message:
        return Excerpt(message["content"])
    return value
