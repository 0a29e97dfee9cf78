"""Attributes and values in protobuf: decoded one by one, the short ones only once."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from otel_receiver.otlp import limits
from otel_receiver.otlp.limits import Flaws, decoded_text
from otel_receiver.otlp.schema import AnyValue, KeyValue
from otel_receiver.otlp.wire import (
    ONE_BYTE,
    STRING_TAG,
    TEXT_HEADS,
    VALUE_TAG,
    content_at,
    key_head,
    small_int,
    split_pair,
)
from otel_receiver.span import Attributes, Value

_REMEMBERED_BYTES = 96
"""Attributes up to this size are remembered: models, providers, flags; not prompts."""

_MAX_KEYS = 4_096
"""Keys known by their bytes on the wire, which end within 130. Apps use dozens; one that makes them up may not fill the
memory."""

_REMEMBERED = 8_192
"""How many: a few megabytes, and most of what repeats within a batch."""


_keys: dict[bytes, str] = {}
_FLAWLESS: frozenset[str] = frozenset()
Pair = tuple[str, Value, AbstractSet[str]]


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


def _pair(raw: bytes, depth: int = 0) -> Pair:
    return _known_pair(raw) or _any_pair(raw, depth)


def _known_pair(raw: bytes) -> Pair | None:
    """A text or a count under a key seen before, as nearly all are: nothing is searched, all is where it must be."""
    key_end = ONE_BYTE + raw[1] if len(raw) > 1 else 0
    key = _keys.get(raw[:key_end])
    if key is None:
        return None
    left = len(raw) - key_end
    head = TEXT_HEADS[left]
    if head == b"" or left > limits.MAX_TEXT or not raw.startswith(head, key_end):
        number = small_int(raw[value_at:]) if (value_at := content_at(raw, key_end, VALUE_TAG)) > 0 else None
        return None if number is None else (key, number, _FLAWLESS)
    try:
        return key, raw[key_end + len(head) :].decode(), _FLAWLESS
    except UnicodeDecodeError:
        return None


def _any_pair(raw: bytes, depth: int) -> Pair:
    flaws: Flaws = set()
    parts = split_pair(raw) or _parsed_pair(raw)
    if parts is None:
        return "", limits.UNREADABLE, {"value_unreadable"}
    key = decoded_text(parts[0], limits.MAX_KEY, "key_cut", flaws)
    if not flaws and len(_keys) < _MAX_KEYS and key_head(parts[0]) == raw[: ONE_BYTE + len(parts[0])]:
        _keys[key_head(parts[0])] = key
    return key, read_value(parts[1], flaws, depth), flaws


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
