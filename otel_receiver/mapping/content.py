"""Content into typed fields: messages, instructions, tools, arguments, results, and the previews of them.

An attribute is consumed only where all it says stands in a typed field; anything else stays where it was.
"""

import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, NamedTuple

from otel_receiver.call import Content
from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import Field
from otel_receiver.mapping.outcome import finish_reason
from otel_receiver.mapping.sources import ContentEvents, Source, content_events, sources
from otel_receiver.messages.conversations import Conversation, read_conversation
from otel_receiver.messages.message import are_form_messages, opened_parts, reason_of
from otel_receiver.messages.parts import is_form
from otel_receiver.messages.previews import any_text, assistant_text, last_assistant_text, last_user_text
from otel_receiver.messages.tools import read_definitions, unwrapped_arguments, unwrapped_result
from otel_receiver.values import Excerpt, dumped, opened

CONTENT_FIELDS: frozenset[Field] = frozenset(
    {
        "input",
        "output",
        "output_text",
        "output_reasoning",
        "output_object",
        "output_tool_calls",
        "system",
        "tools",
        "arguments",
        "result",
    }
)
_LONG_NUMBER = re.compile(r"\d{20}")
"""More digits than a 64-bit number has: JSON would round it, so what holds one is kept as it came as well."""

_CUT_JSON = ('[{"', '{"', '[["')
"""How messages begin. Text that does, but is no JSON, was cut off by a length limit of its SDK."""


class Carried(NamedTuple):
    """What was read, and where from."""

    content: Content = Content()
    consumed: frozenset[str] = frozenset()
    events: frozenset[int] = frozenset()
    finish_reasons: tuple[str, ...] = ()  # as the output messages say


class _Found(NamedTuple):
    """One typed field: its JSON text, the value for a preview, and the attributes and events that it holds whole."""

    text: str = ""
    value: Any = None
    conversation: Conversation | None = None
    names: tuple[str, ...] = ()
    events: tuple[int, ...] = ()


_NOTHING = Carried()
_SILENCE = _Found()
"""Read, and nothing was said: not even worth a preview."""


def read_content(hits: Hits) -> Carried:
    events = content_events(hits)
    if not events and not hits.members and hits.best.keys().isdisjoint(CONTENT_FIELDS):
        return _NOTHING
    return _of_tool(hits, events) if hits.kind == "tool" else _of_messages(hits, events)


def _of_messages(hits: Hits, events: ContentEvents) -> Carried:
    """An LLM call's text may come without a role; what went through any other span is messages only if it says so."""
    is_llm = hits.kind == "llm"
    asker = "user" if is_llm or hits.kind == "embedding" else ""
    asked = _in_form(hits, "input") or _find(sources(hits, "input", events), _messages_of(hits, asker))
    answerer = "assistant" if is_llm else ""
    said = _in_form(hits, "output") or _find(sources(hits, "output", events), _messages_of(hits, answerer))
    system = _find(sources(hits, "system"), _parts)
    tools = _find(sources(hits, "tools"), _definitions)
    if asked.conversation is not None and not asked.conversation.alone:
        asked, system, tools = _with_companions(asked, asked.conversation, system, tools)
    content = Content(
        input_messages=asked.text,
        output_messages=said.text,
        system_instructions=system.text,
        tool_definitions=tools.text,
        input_preview=_preview(asked, last_user_text),
        output_preview=_preview(said, assistant_text if is_llm else last_assistant_text),
    )
    return _carried(content, (asked, said, system, tools), _reasons(said) if is_llm else ())


def _reasons(said: _Found) -> tuple[str, ...]:
    if said.conversation is None:
        return ()
    reasons = [reason_of(message) for message in said.conversation.messages]
    return tuple([finish_reason(reason) for reason in reasons if reason])


def _of_tool(hits: Hits, events: ContentEvents) -> Carried:
    called = chain(sources(hits, "arguments"), sources(hits, "input", events))
    answered = chain(sources(hits, "result", events), sources(hits, "output", events))
    arguments = _find(called, _value_of(unwrapped_arguments))
    result = _find(answered, _value_of(unwrapped_result))
    content = Content(
        tool_arguments=arguments.text,
        tool_result=result.text,
        input_preview=any_text(arguments.value),
        output_preview=any_text(result.value),
    )
    return _carried(content, (arguments, result))


def _carried(content: Content, found: tuple[_Found, ...], finish_reasons: tuple[str, ...] = ()) -> Carried:
    names: tuple[str, ...] = ()
    events: tuple[int, ...] = ()
    for each in found:
        names += each.names
        events += each.events
    return Carried(content, frozenset(names), frozenset(events), finish_reasons)


def _preview(found: _Found, of_messages: Callable[[list[dict[str, Any]]], str]) -> str:
    return any_text(found.value) if found.conversation is None else of_messages(found.conversation.messages)


def _with_companions(
    asked: _Found, conversation: Conversation, system: _Found, tools: _Found
) -> tuple[_Found, _Found, _Found]:
    """Instructions and tools that came inside the request, unless the span says them itself; then they stay there."""
    if (conversation.system is not None and system.text) or (conversation.tools is not None and tools.text):
        asked = asked._replace(names=(), events=())
    if conversation.system is not None and not system.text:
        system = _parts(Source(conversation.system)) or system
    if conversation.tools is not None and not tools.text:
        tools = _definitions(Source(conversation.tools)) or tools
    return asked, system, tools


# What can be read of it


_Reader = Callable[[Source], _Found | None]


def _find(candidates: Iterable[Source], read: _Reader) -> _Found:
    """The first that can be read; else what the first of them says, for a preview."""
    said = None
    for source in candidates:
        if source.value is None:
            continue
        found = read(source)
        if found is None:
            said = source.value if said is None else said
        elif found is not _SILENCE:
            return found
    return _SILENCE if said is None else _Found(value=said)


def _in_form(hits: Hits, field: Field) -> _Found | None:
    """What nearly every call carries, in a third of the time: its first source is a text that is in the form already.
    All else is None here, and found as anything is."""
    key = hits.best.get(field)
    if key is None or key.read is not None or hits.members:
        return None
    text = hits.span.attributes[key.name]
    if type(text) is not str or not text.startswith("[{"):
        return None
    messages = opened(text)
    if type(messages) is not list or not are_form_messages(messages):
        return None
    for message in messages:
        if message["parts"]:
            return _Found(text, messages, Conversation(messages, None, None, True, True), (key.name,))
    return None


def _messages_of(hits: Hits, role: str) -> _Reader:
    def read(source: Source) -> _Found | None:
        value = opened(source.value)
        cut = value is source.value and isinstance(value, str) and value.lstrip().startswith(_CUT_JSON)
        conversation = None if cut else read_conversation(value, role)
        if conversation is None:
            if cut or role:
                hits.flaws.append("messages_unparsed")
            return None
        for message in conversation.messages:
            if message["parts"]:
                return _written(source, value, conversation.messages, conversation.as_it_came, conversation)
        return _SILENCE

    return read


def _parts(source: Source) -> _Found | None:
    value = opened(source.value)
    parts = opened_parts(value)
    if not parts:
        return None
    return _written(source, value, parts, parts is value or (parts == value and all(map(is_form, parts))))


def _definitions(source: Source) -> _Found | None:
    value = opened(source.value)
    definitions = read_definitions(value)
    return _written(source, value, definitions, definitions == value) if definitions else None


def _value_of(unwrap: Callable[[Any], Any]) -> _Reader:
    def read(source: Source) -> _Found | None:
        if source.events:
            source = source._replace(value=_told(source.value))
        value = opened(source.value)
        plain = unwrap(value)
        if isinstance(plain, Excerpt):
            source, plain = source._replace(whole=False), plain.value
        return None if plain is None else _written(source, value, plain, plain is value)

    return read


def _told(values: list[Any]) -> Any:
    """What the last of several events says, out of the message it says it in."""
    last = values[-1]
    return last["content"] if isinstance(last, dict) and "role" in last and "content" in last else last


def _written(
    source: Source, value: Any, written: Any, verbatim: bool, conversation: Conversation | None = None
) -> _Found | None:
    """As JSON text: the very text that came where it was JSON in this form, so that not even a space is lost."""
    raw, whole = source.value, source.whole and (conversation is None or conversation.whole)
    if verbatim and isinstance(raw, str) and value is not raw:
        text: str | None = raw
    else:
        text = dumped(written)
        whole = whole and (verbatim or not _rounds(raw))
    if text is None:
        return None
    if not whole:
        return _Found(text, written, conversation)
    return _Found(text, written, conversation, source.names, source.events)


def _rounds(raw: Any) -> bool:
    return _LONG_NUMBER.search(raw if isinstance(raw, str) else dumped(raw) or "") is not None
