"""All dialects merged into one table, once; a span is then read in one pass over its attributes."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from otel_receiver.mapping.keys import Dialect, Document, EventKey, Family, Field, Key, NamedSpans
from otel_receiver.span import Span

HEAD = 9
"""So many first characters tell a family's keys from nearly all others with one look-up and no search."""


Meaning = tuple[Field, Key, Document | None]
"""What an attribute's name means. Its field is in its key as well; here it costs nothing to reach."""


class Shape(NamedTuple):
    """What names of attributes mean together. Shared by all spans that have just these, and never changed."""

    best: dict[Field, Key]  # by rank
    others: list[Key]  # beaten by a better rank
    documents: list[Document]
    members: dict[str, tuple[Family, list[str]]]  # a family and its names, by its prefix


class Table(NamedTuple):
    meanings: dict[str, Meaning]  # by the name of an attribute
    families: dict[str, tuple[Family, ...]]  # by the head of their prefix
    events: dict[str, EventKey]
    named: tuple[NamedSpans, ...]
    scopes: tuple[str, ...]  # of `named`, to reject a stranger with one call
    name_of: dict[str, Callable[[Span], str]]  # by dialect
    caches_apart: tuple[Callable[[Span], bool], ...]
    shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], Shape]  # seen so far: see shapes.py


def merge(dialects: Iterable[Dialect]) -> Table:
    dialects = tuple(dialects)
    named = tuple(spans._replace(dialect=each.name) for each in dialects for spans in each.named)
    return Table(
        meanings=_meanings(dialects),
        families=_by_head(family for each in dialects for family in each.families),
        events={event.name: event for each in dialects for event in each.events},
        named=named,
        scopes=tuple(spans.scope for spans in named),
        name_of={each.name: each.name_of for each in dialects if each.name_of is not None},
        caches_apart=tuple(each.caches_apart for each in dialects if each.caches_apart is not None),
        shapes={},
    )


def _meanings(dialects: Iterable[Dialect]) -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    for dialect in dialects:
        for key in dialect.keys:
            meanings[key.name] = (key.field, key._replace(dialect=dialect.name), None)
        for document in dialect.documents:
            own = Key(document.name, "document", 0, document.source, dialect=dialect.name)
            field, key, _ = meanings.get(document.name, ("document", own, None))
            meanings[document.name] = (field, key, document)
    return meanings


def _by_head(families: Iterable[Family]) -> dict[str, tuple[Family, ...]]:
    heads: dict[str, tuple[Family, ...]] = {}
    for family in families:
        head = family.prefix[:HEAD]
        heads[head] = (*heads.get(head, ()), family)
    return heads
