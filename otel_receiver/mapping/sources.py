"""Where the content of a span is found: keys and flattened families by rank, an output's pieces, span events."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import EventKey, Field
from otel_receiver.messages.flattened import nest
from otel_receiver.span import Event
from otel_receiver.values import Excerpt, opened

ContentEvents = list[tuple[int, Event, EventKey]]

_PIECES: tuple[Field, ...] = ("output_reasoning", "output_text", "output_object", "output_tool_calls")


_LAST = 1_000
"""Behind every rank."""


class Source(NamedTuple):
    """Content as it came, and the attributes and events that it came in."""

    value: Any
    names: tuple[str, ...] = ()
    events: tuple[int, ...] = ()
    whole: bool = True  # all they say is in the value


def content_events(hits: Hits) -> ContentEvents:
    if not hits.span.events:
        return []
    known = hits.table.events
    found = ((index, event, known.get(event.name)) for index, event in enumerate(hits.span.events))
    return [(index, event, key) for index, event, key in found if key is not None and key.read is not None]


def sources(hits: Hits, field: Field, events: ContentEvents | None = None) -> Iterable[Source]:
    """Keys and families by rank, then an output's pieces, then events."""
    if field not in hits.best and field != "output" and not hits.members and not events:
        return ()
    return _all(hits, field, events)


def _all(hits: Hits, field: Field, events: ContentEvents | None) -> Iterator[Source]:
    if hits.members:
        yield from _ranked(hits, field)
    elif field in hits.best:
        for key in hits.keys(field):
            yield _of_key(key.name, hits.value(key))
    if field == "output" and not hits.best.keys().isdisjoint(_PIECES):
        yield _of_pieces(hits)
    if events:
        yield _of_events(field, events)


def _ranked(hits: Hits, field: Field) -> list[Source]:
    """Around a call flattened messages come last: of a chain's, OpenInference's LangChain has only the first."""
    late = 0 if hits.kind == "llm" else _LAST
    ranked = [(key.rank, _of_key(key.name, hits.value(key))) for key in hits.keys(field)]
    for family, names in hits.members.values():
        if family.field == field:
            ranked.append((family.rank + late, _of_family(hits, family.prefix, names, family.read)))
    return [source for _, source in sorted(ranked, key=lambda pair: pair[0])]


def _of_key(name: str, value: Any) -> Source:
    whole = not isinstance(value, Excerpt)
    said = value if whole else value.value
    return Source(None if said == "null" else said, (name,), whole=whole)


def _of_family(hits: Hits, prefix: str, names: list[str], read: Callable[[Any], Any] | None) -> Source:
    attributes = hits.span.attributes
    nested = nest({name[len(prefix) :]: attributes[name] for name in names})
    return Source(nested if read is None or nested is None else read(nested), tuple(names))


def _of_pieces(hits: Hits) -> Source:
    """One message from the attributes that hold its thoughts, its text, its object and its calls."""
    names: list[str] = []
    parts: list[Any] = []
    for field in _PIECES:
        value, name = hits.first(field, opened if field == "output_tool_calls" else _as_is)
        if value is not None:
            names.append(name)
            kind = "reasoning" if field == "output_reasoning" else "text"
            parts.extend(value if isinstance(value, list) else [{"type": kind, "content": value}])
    return Source([{"role": "assistant", "parts": parts}], tuple(names))


def _as_is(value: Any) -> Any:
    return value


def _of_events(field: Field, events: ContentEvents) -> Source:
    found = [(index, key.read(event)) for index, event, key in events if key.field == field and key.read is not None]
    said = [value for _, value in found]
    return Source(said or None, events=tuple(index for index, _ in found))
