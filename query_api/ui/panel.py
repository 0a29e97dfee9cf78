"""What one span says of itself, laid out for people: messages, attributes, events, links, and all of it as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from query_api.ui.said import Text, Typist, answer_words, as_text, direction, parts_of, pretty, words_of

Row = Mapping[str, Any]

VALUE_CHARACTERS = 2_000
RAW_CHARACTERS = 200_000
SHOWN_MESSAGES = 4
"""At the end of a history; what came before is folded."""
_READ = (
    "dialect", "operation", "response_id", "tool_call_id", "agent_name", "prompt_name", "prompt_version", "release",
    "environment", "session_id", "session_key", "conversation_id", "resource_session_id", "user_id", "user_key",
    "price_source", "received_at", "trace_state", "scope_version",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a message. `name`: of the tool it calls, or answers for."""

    role: str
    kind: str
    text: Text
    name: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    title: str
    lines: Sequence[Line]
    folded: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Value:
    key: str
    text: str
    left: int

    @property
    def direction(self) -> str:
        return direction(self.text)


def blocks(span: Row, typist: Typist) -> list[Block]:
    made = []
    system = span["system_instructions"]
    if system is not None:
        made.append(Block("System", _lines("system", {"parts": system}, typist)))
    for title, name, role in (("Input", "input_messages", "user"), ("Output", "output_messages", "assistant")):
        if span[name] is not None:
            made.append(_block(title, span[name], role, typist))
    for title, name in (("Arguments", "tool_arguments"), ("Result", "tool_result"), ("Tools", "tool_definitions")):
        if span[name] is not None:
            line = Line("", "data", typist.text(pretty(span[name])))
            made.append(Block(title, [], [line]) if name == "tool_definitions" else Block(title, [line]))
    return made or _previews(span, typist)


def _block(title: str, messages: Any, role: str, typist: Typist) -> Block:
    if not isinstance(messages, list):
        return Block(title, [Line(role, "text", typist.text(as_text(messages), role))])
    last = [line for each in messages[-SHOWN_MESSAGES:] for line in _lines(role, each, typist)]
    plain = Typist(raw=True, limit=typist.limit)
    return Block(title, last, [line for each in messages[:-SHOWN_MESSAGES] for line in _lines(role, each, plain)])


def _previews(span: Row, typist: Typist) -> list[Block]:
    call = span["call"] or {}
    found = ((title, role, call.get(name)) for title, role, name in _PREVIEWED)
    return [Block(title, [Line(role, "text", typist.text(text, role))]) for title, role, text in found if text]


_PREVIEWED = (("Input", "user", "input_preview"), ("Output", "assistant", "output_preview"))


def _lines(role: str, message: Any, typist: Typist) -> list[Line]:
    role = as_text(message["role"]) if isinstance(message, dict) and message.get("role") else role
    if not isinstance(message, dict):
        return [Line(role, "text", typist.text(as_text(message), role))]
    return [_line(role, part, typist) for part in parts_of(message)]


def _line(role: str, part: Row, typist: Typist) -> Line:
    kind = as_text(part.get("type", "text"))
    if kind == "tool_call":
        return Line(role, "call", typist.text(pretty(part.get("arguments", ""))), as_text(part.get("name", "")))
    if kind == "tool_call_response":
        return Line(
            "tool", "result", typist.text(answer_words(part.get("response", ""))), as_text(part.get("name", ""))
        )
    return Line(role, kind, typist.text(words_of(dict(part)), role if kind == "text" else ""))


def attribute_groups(span: Row, *, full: bool) -> list[tuple[str, list[Value]]]:
    groups = (
        ("Attributes", span["attributes"]),
        ("Resource", span["resource_attributes"]),
        ("Scope", span["scope_attributes"]),
        ("Read as", {name: span[name] for name in _READ if span[name] is not None} | _lists(span)),
    )
    return [(title, values_of(pairs, full=full)) for title, pairs in groups if pairs]


def _lists(span: Row) -> dict[str, Any]:
    return {name: span[name] for name in ("tags", "metadata", "flaws") if span[name]}


def values_of(pairs: Mapping[str, Any], *, full: bool) -> list[Value]:
    limit = None if full else VALUE_CHARACTERS
    texts = ((key, as_text(pairs[key])) for key in sorted(pairs))
    return [Value(key, text[:limit], max(0, len(text) - len(text[:limit]))) for key, text in texts]


def raw(span: Row, *, full: bool) -> Value:
    text = pretty(dict(span))
    shown = text if full else text[:RAW_CHARACTERS]
    return Value("", shown, len(text) - len(shown))
