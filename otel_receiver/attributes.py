"""Attributes as they are stored: text to text, and what was said apart from the rest."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from otel_receiver.content import KEYS, carries_content
from otel_receiver.span import Attributes, Value

Texts = dict[str, str]

_NOTHING: Texts = {}
"""Shared and never written to: most spans have no attribute left that says something."""


def divided(column: Iterable[Attributes], consumed: Iterable[frozenset[str]]) -> tuple[list[Texts], list[Texts]]:
    """What the dialects did not take whole: what was said, and the rest. The hottest loop here: 15 turns per span."""
    said: list[Texts] = []
    plain: list[Texts] = []
    speaks = KEYS
    for attributes, gone in zip(column, consumed, strict=True):
        rest: Texts = {}
        content = _NOTHING
        for key, value in attributes.items():
            if key in gone:
                continue
            text = value if type(value) is str else as_text(value)
            if speaks[key] and carries_content(key, value):
                content = {**content, key: text}
            else:
                rest[key] = text
        plain.append(rest)
        said.append(content)
    return said, plain


def texts(attributes: Attributes) -> Texts:
    return {key: value if type(value) is str else as_text(value) for key, value in attributes.items()}


def silent(attributes: Attributes) -> Attributes:
    """Without what carries content."""
    return {key: value for key, value in attributes.items() if not carries_content(key, value)}


def as_text(value: Value) -> str:
    """Strings as they are, bytes as hex, everything else as JSON."""
    return _TEXTS[type(value)](value)


def _json(value: Value) -> str:
    try:
        return orjson.dumps(value, default=bytes.hex).decode()
    except TypeError:  # an integer beyond 64 bits, or half a character
        return json.dumps(value, default=bytes.hex)


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: str,
    int: str,
    bool: _json,
    float: repr,  # as JSON has it, and words for what JSON has none
    bytes: bytes.hex,
    list: _json,
    dict: _json,
    type(None): _json,
}


def shared(maps: Sequence[Attributes]) -> list[Texts]:
    """Maps that many spans have in common: each is turned into text once."""
    seen: dict[int, Texts] = {}
    for attributes in maps:
        if id(attributes) not in seen:
            seen[id(attributes)] = texts(attributes)
    return [seen[id(attributes)] for attributes in maps]
