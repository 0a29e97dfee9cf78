"""Attributes and values in protobuf: decoded one by one, the short ones only once."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from otel_receiver.otlp import limits
from otel_receiver.otlp.limits import Flaws, decoded_text
from otel_receiver.otlp.schema import AnyValue, KeyValue
from otel_receiver.otlp.wire import STRING_TAG, content_at, small_int, split_pair
from otel_receiver.span import Attributes, Value

_REMEMBERED_BYTES = 96
"""Attributes up to this size are remembered: models, providers, flags; not prompts."""

_REMEMBERED = 8_192
"""How many: a few megabytes, and most of what repeats within a batch."""


def read_name(raw: bytes, flaws: Flaws) -> str:
    if not raw:
        return ""
    return decoded_text(raw, limits.MAX_NAME, "name_cut", flaws)


def read_attributes(raws: Sequence[bytes], flaws: Flaws) -> tuple[Attributes, int]:
    """The attributes and how many had to be left out; of a repeated key the last one counts."""
    kept = limits.first(raws, limits.MAX_ATTRIBUTES, "attributes_cut", flaws)
    attributes: Attributes = {}
    for raw in kept:
        key, value, found = remembered(raw) if len(raw) <= _REMEMBERED_BYTES else _pair(raw)
        attributes[key] = value
        if found:
            flaws |= found
    if len(attributes) < len(kept):
        flaws.add("repeated_key")
    return attributes, len(raws) - len(kept)


def _pair(raw: bytes, depth: int = 0) -> tuple[str, Value, Flaws]:
    flaws: Flaws = set()
    parts = split_pair(raw) or _parsed_pair(raw)
    if parts is None:
        return "", limits.UNREADABLE, {"value_unreadable"}
    key, value = parts
    return decoded_text(key, limits.MAX_KEY, "key_cut", flaws), read_value(value, flaws, depth), flaws


def _parsed_pair(raw: bytes) -> tuple[bytes, bytes] | None:
    try:
        pair = KeyValue.FromString(raw)
    except DecodeError:
        return None
    return pair.key, pair.value


remembered = lru_cache(maxsize=_REMEMBERED)(_pair)


def read_value(raw: bytes, flaws: Flaws, depth: int = 0) -> Value:
    if not raw:
        return None
    text_at = content_at(raw, 0, STRING_TAG)
    if text_at >= 0:
        return decoded_text(raw[text_at:], limits.MAX_TEXT, "text_cut", flaws)
    number = small_int(raw)
    return _parsed_value(raw, flaws, depth) if number is None else number


def _parsed_value(raw: bytes, flaws: Flaws, depth: int) -> Value:
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
        return _map(items, flaws, depth + 1)
    return [read_value(item, flaws, depth + 1) for item in items]


def _map(raws: Iterable[bytes], flaws: Flaws, depth: int) -> Value:
    values: dict[str, Value] = {}
    for raw in raws:
        key, value, found = _pair(raw, depth)
        values[key] = value
        flaws |= found
    return values
