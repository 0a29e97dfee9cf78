"""Claude Code and the Claude Agent SDK: bare names, milliseconds, and input tokens without the cached ones."""

from typing import Any

from otel_receiver.mapping.keys import Dialect, EventKey, Key, kinds
from otel_receiver.mapping.outcome import milliseconds
from otel_receiver.span import Event, Span

DOCS = "https://code.claude.com/docs/en/monitoring-usage (traces, beta); Claude Code 2.1.197"
EVENTS = "https://code.claude.com/docs/en/monitoring-usage (events: user_prompt, assistant_response)"

_SCOPE = "com.anthropic.claude_code"
_KINDS = kinds(
    {
        "llm_request": "llm",
        "claude_code.llm_request": "llm",
        "tool": "tool",
        "claude_code.tool": "tool",
        "interaction": "agent",
        "claude_code.interaction": "agent",
        # Parts of a tool call, and of the program around it
        "tool.execution": "",
        "tool.blocked_on_user": "",
        "hook": "",
    }
)


def _prompt(value: Any, _span: Span) -> Any:
    return None if value == "<REDACTED>" else value


def _argument(name: str) -> Any:
    def read(value: Any, _span: Span) -> dict[str, Any]:
        return {name: value}

    return read


def _output(event: Event) -> Any:
    return event.attributes.get("content")


def _caches_apart(span: Span) -> bool:
    return "input_tokens" in span.attributes and ("span.type" in span.attributes or span.scope.name.startswith(_SCOPE))


DIALECT = Dialect(
    name="claude_code",
    keys=(
        Key("span.type", "kind", 80, DOCS, _KINDS),
        Key("input_tokens", "input_tokens", 60, DOCS),
        Key("output_tokens", "output_tokens", 60, DOCS),
        Key("cache_read_tokens", "cache_read_tokens", 70, DOCS),
        Key("cache_creation_tokens", "cache_write_tokens", 70, DOCS),
        Key("cost_usd", "cost", 60, DOCS),
        Key("ttft_ms", "first_token", 40, DOCS, milliseconds),
        Key("stop_reason", "finish_reasons", 60, DOCS),
        Key("error", "error_message", 30, DOCS),
        Key("user_prompt", "input", 110, DOCS, _prompt),
        Key("new_context", "input", 112, DOCS, _prompt),
        Key("prompt", "input", 115, EVENTS, _prompt),
        Key("response", "output", 115, EVENTS),
        Key("response.model_output", "output", 110, DOCS),
        Key("tool_name", "tool_name", 40, DOCS),
        Key("tool_use_id", "tool_call_id", 30, DOCS),
        Key("tool_input", "arguments", 50, DOCS),
        Key("file_path", "arguments", 60, DOCS, _argument("file_path")),
        Key("full_command", "arguments", 70, DOCS, _argument("command")),
    ),
    events=(EventKey("tool.output", "result", DOCS, _output),),
    caches_apart=_caches_apart,
    recordings=("claude_code",),
)
