"""MCP: a tool called on a server. `mcp.session.id` is a transport's, not a user's session, and is never read."""

from typing import Any

from otel_receiver.call import CallKind
from otel_receiver.mapping.keys import Dialect, Key
from otel_receiver.span import Span

SPEC = (
    "https://github.com/open-telemetry/semantic-conventions-genai/blob/1e01e830ef3c17b939ab7db8d25c7061e4239c0b"
    "/docs/gen-ai/mcp.md"
)


def _kind(value: Any, _span: Span) -> CallKind:
    return "tool" if value == "tools/call" else ""


DIALECT = Dialect(
    name="mcp",
    keys=(Key("mcp.method.name", "kind", 95, SPEC, _kind),),
    unrecorded="MCP servers and clients speak it beside the dialect of their SDK; no set-up here ran one",
)
