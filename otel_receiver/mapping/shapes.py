"""What the names of a span's attributes mean together. An app sends few combinations of names, again and again, so each
is looked at once."""

from otel_receiver.mapping.keys import Family
from otel_receiver.mapping.table import HEAD, Meaning, Shape, Table
from otel_receiver.span import Attributes

_MAX_SHAPES = 1_024
_MAX_CHARACTERS = 8_192
"""Of all names of a shape that is remembered: together they may hold some megabytes. Longer ones are conversations, one
attribute per word, and never come again."""


def shape_of(table: Table, attributes: Attributes) -> Shape:
    names, values = tuple(attributes), attributes.values()
    if "" in values or None in values:
        empty = tuple([name for name, value in attributes.items() if value is None or value == ""])
    else:
        empty = ()
    shapes = table.shapes
    shape = shapes.get((names, empty))
    if shape is None:
        shape = _looked_at(table, names, frozenset(empty))
        if sum(map(len, names)) <= _MAX_CHARACTERS:
            if len(shapes) >= _MAX_SHAPES:
                shapes.clear()
            shapes[names, empty] = shape
    return shape


def _looked_at(table: Table, names: tuple[str, ...], empty: frozenset[str]) -> Shape:
    """The one pass. An empty text says nothing: some SDKs send them by the dozen."""
    shape = Shape({}, [], [], {})
    for name in names:
        meaning = table.meanings.get(name)
        if meaning is None:
            _join(shape.members, table.families.get(name[:HEAD], ()), name)
        elif name not in empty:
            _rank(shape, meaning)
    return shape


def _rank(shape: Shape, meaning: Meaning) -> None:
    field, key, document = meaning
    other = shape.best.get(field)
    if other is None:
        shape.best[field] = key
    elif key.rank < other.rank:
        shape.best[field] = key
        shape.others.append(other)
    else:
        shape.others.append(key)
    if document is not None:
        shape.documents.append(document)


def _join(members: dict[str, tuple[Family, list[str]]], families: tuple[Family, ...], name: str) -> None:
    for family in families:
        prefix = family.prefix
        if name.startswith(prefix) and (not family.numbered or name[len(prefix) : len(prefix) + 1].isdecimal()):
            members.setdefault(prefix, (family, []))[1].append(name)
            return
