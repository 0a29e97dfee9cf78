"""Attributes and values in protobuf: decoded one by one, the short ones only once."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from otel_receiver.otlp import limits
from otel_receiver.otlp.limits import Flaws, decoded_text
from otel_receiver.otlp.schema import AnyValue, KeyValue
from otel_receiver.span import Attributes, Value

_REMEMBERED_BYTES = 96
"""Attributes up to this size are remembered: models, providers, flags; not prompts."""

_REMEMBERED = 8_192
"""How many: a few megabytes, and most of what repeats within a batch."""

_STRING_TAG = 0x0A
_LONGEST_SHORT = 127  # lengths up to here are one byte on the wire


def read_name(raw: bytes, flaws: Flaws) -> str:
    if not raw:
        return ""
    return decoded_text(raw, limits.MAX_NAME, "name_cut", flaws)


def read_attributes(raws: Sequence[bytes], flaws: Flaws) -> tuple[Attributes, int]:
    """The attributes and how many had to be left out; of a repeated key the last one counts."""
    kept = limits.first(raws, limits.MAX_ATTRIBUTES, "attributes_cut", flaws)
    attributes = _pairs(kept, flaws, 0)
    return attributes, len(raws) - len(kept)


def _pairs(raws: Iterable[bytes], flaws: Flaws, depth: int) -> Attributes:
    attributes: Attributes = {}
    count = 0
    for raw in raws:
        if depth == 0 and len(raw) <= _REMEMBERED_BYTES:
            key, value, found = _remembered(raw)
            if found:
                flaws |= found
        else:
            key, value = _pair(raw, flaws, depth)
        attributes[key] = value
        count += 1
    if len(attributes) < count:
        flaws.add("repeated_key")
    return attributes


@lru_cache(maxsize=_REMEMBERED)
def _remembered(raw: bytes) -> tuple[str, Value, Flaws]:
    flaws: Flaws = set()
    key, value = _pair(raw, flaws, 0)
    return key, value, flaws


def _pair(raw: bytes, flaws: Flaws, depth: int) -> tuple[str, Value]:
    try:
        pair = KeyValue.FromString(raw)
    except DecodeError:
        flaws.add("value_unreadable")
        return "", limits.UNREADABLE
    return _key(pair.key, flaws), read_value(pair.value, flaws, depth)


def _key(raw: bytes, flaws: Flaws) -> str:
    return decoded_text(raw, limits.MAX_KEY, "key_cut", flaws)


def read_value(raw: bytes, flaws: Flaws, depth: int = 0) -> Value:
    size = len(raw)
    if size == 0:
        return None
    if raw[0] == _STRING_TAG and size <= _LONGEST_SHORT + 2 and raw[1] == size - 2:  # the most frequent form
        return decoded_text(raw[2:], limits.MAX_TEXT, "text_cut", flaws)
    try:
        value = AnyValue.FromString(raw)
    except DecodeError:
        flaws.add("value_unreadable")
        return limits.UNREADABLE
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return decoded_text(value.string_value, limits.MAX_TEXT, "text_cut", flaws)
    if kind in _SCALARS:
        scalar: Value = getattr(value, kind)
        return scalar
    return _compound(kind, value, flaws, depth)


_SCALARS = frozenset({"int_value", "double_value", "bool_value"})


def _compound(kind: str | None, value: Any, flaws: Flaws, depth: int) -> Value:
    if kind == "bytes_value":
        return limits.kept_bytes(value.bytes_value, flaws)
    if kind not in {"array_value", "kvlist_value"}:  # empty, or an index into a dictionary that spans do not have
        return None
    if depth == limits.MAX_DEPTH:
        flaws.add("too_deep")
        return limits.TOO_DEEP
    items = limits.first(getattr(value, kind).values, limits.MAX_ITEMS, "items_cut", flaws)
    if kind == "kvlist_value":
        return _pairs(items, flaws, depth + 1)
    return [read_value(item, flaws, depth + 1) for item in items]
