"""The vocabulary of dialects: which attribute key means which field of a call, with what rank, and who says so."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from otel_receiver.call import CallKind
from otel_receiver.span import Event, Span

Field = Literal[
    "kind",
    "provider",
    "request_model",
    "response_model",
    "response_id",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost",
    "first_token",  # nanoseconds
    "finish_reasons",
    "error_type",
    "error_message",
    "tool_name",
    "tool_call_id",
    "agent_name",
    "prompt_name",
    "prompt_version",
    "release",
    "environment",
    "tags",
    "metadata",
    "session",
    "conversation",
    "user",
    "input",  # what went into the span: messages, or anything
    "output",
    "output_text",  # an output in pieces, by dialects that have no one key for it
    "output_reasoning",
    "output_object",
    "output_tool_calls",
    "system",
    "tools",
    "arguments",
    "result",
    "score_name",
    "score_value",
    "score_label",
    "score_comment",
    "document",  # nothing by itself; see Document
]

Read = Callable[[Any, Span], Any]
"""An attribute's value as its field wants it; None where the value says nothing, so that the next key is asked."""


class Document(NamedTuple):
    """An attribute whose JSON says several things. It is opened only for what no key of the span says."""

    name: str
    gives: frozenset[Field]
    unfold: Callable[[dict[str, Any]], Mapping[Field, Any]]
    source: str
    kinds: frozenset[CallKind] = frozenset({"llm", "embedding"})


class Key(NamedTuple):
    name: str
    field: Field
    rank: int  # among the keys of one field; the lowest that is present wins
    source: str  # who says so: a URL, or a package with its version
    read: Read | None = None
    dialect: str = ""  # filled in by the table


class Family(NamedTuple):
    """Keys that share a prefix: numbered messages, or pairs of the user's own."""

    prefix: str
    field: Field
    rank: int
    source: str
    numbered: bool = False  # a number follows the prefix
    read: Callable[[Any], Any] | None = None  # what its nested leaves mean
    skip: frozenset[str] = frozenset()  # names after the prefix that are no pairs of the user's: the framework's own
    skip_heads: tuple[str, ...] = ()  # likewise, by how they begin


class EventKey(NamedTuple):
    """A span event that carries content, or an evaluation, or marks the first token."""

    name: str
    field: Literal["input", "output", "result", "details", "score", "first_token"]
    source: str
    read: Callable[[Event], Any] | None = None  # the message it carries, or the result


class NamedSpans(NamedTuple):
    """Spans that say what they are by their name alone, believed only from a scope that is known for it."""

    scope: str  # how the scope's name begins
    kind: Callable[[str], CallKind | None]
    source: str
    dialect: str = ""


class Dialect(NamedTuple):
    name: str
    keys: tuple[Key, ...] = ()
    documents: tuple[Document, ...] = ()
    families: tuple[Family, ...] = ()
    events: tuple[EventKey, ...] = ()
    named: tuple[NamedSpans, ...] = ()
    name_of: Callable[[Span], str] | None = None  # a tool's or agent's name where no key says it
    caches_apart: Callable[[Span], bool] | None = None  # its input tokens leave cached ones out
    recordings: tuple[str, ...] = ()  # folders of tests/payloads
    unrecorded: str = ""  # why there is none


def kinds(table: dict[str, CallKind]) -> Read:
    """Reads a kind by its name in any case. A name that is not in the table decides nothing."""
    folded = {name.lower(): kind for name, kind in table.items()}

    def read(value: Any, _span: Span) -> CallKind | None:
        return folded.get(value.strip('"').lower()) if isinstance(value, str) else None

    return read
