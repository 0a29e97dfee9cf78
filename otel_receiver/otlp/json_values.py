"""Texts, numbers, attributes and values in OTLP/JSON. What has the wrong type is kept or marked, and flagged."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

from otel_receiver.otlp import limits
from otel_receiver.otlp.limits import Flaws, cut
from otel_receiver.span import Attributes, Value

_INT32 = range(-(1 << 31), 1 << 31)
_INT64 = range(-(1 << 63), 1 << 63)
_UINT32 = range(1 << 32)
_UINT64 = range(1 << 64)
_LONGEST_INTEGER = 20  # digits and sign of a 64-bit integer; Python would parse thousands, slowly


def read_text(raw: Any, most: int, flaw: str, flaws: Flaws) -> str:
    if isinstance(raw, str):
        return raw if len(raw) <= most else cut(raw, most, flaw, flaws)
    if raw is not None:
        flaws.add("value_mistyped")
    return ""


def read_name(raw: Any, flaws: Flaws) -> str:
    return read_text(raw, limits.MAX_NAME, "name_cut", flaws)


def read_id(raw: Any) -> bytes:
    """The bytes of a hex id of either case; whatever is no such thing has no valid length."""
    if not isinstance(raw, str) or raw == "":
        return b""
    try:
        return bytes.fromhex(raw) if raw.isalnum() else b"?"  # white space is fine with fromhex, not with us
    except ValueError:
        return b"?"


def read_time(raw: Any, flaws: Flaws) -> int:
    return _number(raw, _UINT64, flaws)


def read_count(raw: Any, flaws: Flaws) -> int:
    return _number(raw, _UINT32, flaws)


def read_enum(raw: Any, flaws: Flaws) -> int:
    """Numbers only, as OTLP demands; a name is flagged and counts as unspecified."""
    return _number(raw, _INT32, flaws)


def _number(raw: Any, allowed: range, flaws: Flaws) -> int:
    if raw is None:
        return 0
    number = _integer(raw)
    if number is None or number not in allowed:
        flaws.add("value_mistyped")
        return 0
    return number


def _integer(raw: Any) -> int | None:
    """64-bit integers travel as text, and as numbers from many who did not read that."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() else None
    if isinstance(raw, str) and len(raw) <= _LONGEST_INTEGER and raw.isascii() and raw.removeprefix("-").isdigit():
        return int(raw)
    return None


def read_attributes(raws: Any, flaws: Flaws) -> tuple[Attributes, int]:
    """The attributes and how many had to be left out; of a repeated key the last one counts."""
    if raws is None:
        return {}, 0
    if not isinstance(raws, list):
        flaws.add("value_mistyped")
        return {}, 1
    kept = limits.first(raws, limits.MAX_ATTRIBUTES, "attributes_cut", flaws)
    return _pairs(kept, flaws, 0), len(raws) - len(kept)


def _pairs(raws: Iterable[Any], flaws: Flaws, depth: int) -> Attributes:
    attributes: Attributes = {}
    count = 0
    for raw in raws:
        if isinstance(raw, dict):
            key = read_text(raw.get("key"), limits.MAX_KEY, "key_cut", flaws)
            attributes[key] = read_value(raw.get("value"), flaws, depth)
            count += 1
        else:
            flaws.add("value_mistyped")
    if len(attributes) < count:
        flaws.add("repeated_key")
    return attributes


def read_value(raw: Any, flaws: Flaws, depth: int = 0) -> Value:
    if not isinstance(raw, dict):
        if raw is not None:
            flaws.add("value_mistyped")
        return None
    text = raw.get("stringValue")  # the most frequent by far, so it goes first
    if isinstance(text, str):
        return text if len(text) <= limits.MAX_TEXT else cut(text, limits.MAX_TEXT, "text_cut", flaws)
    for kind, content in raw.items():
        read = _KINDS.get(kind)
        if read is not None and content is not None:
            return read(content, flaws, depth)
    return None


def _mistyped(raw: Any, flaws: Flaws, _depth: int = 0) -> Value:
    """A scalar of another type than it says is kept as what it is; anything else is marked."""
    flaws.add("value_mistyped")
    if isinstance(raw, str):
        return cut(raw, limits.MAX_TEXT, "text_cut", flaws)
    return raw if isinstance(raw, bool | int | float) else limits.UNREADABLE


def _bool(raw: Any, flaws: Flaws, _depth: int) -> Value:
    return raw if isinstance(raw, bool) else _mistyped(raw, flaws)


def _int(raw: Any, flaws: Flaws, _depth: int) -> Value:
    number = _integer(raw)
    return number if number is not None and number in _INT64 else _mistyped(raw, flaws)


def _double(raw: Any, flaws: Flaws, _depth: int) -> Value:
    """Texts too: JSON has no other way to say NaN and Infinity."""
    if isinstance(raw, bool):
        return _mistyped(raw, flaws)
    try:
        return float(raw)
    except (TypeError, ValueError, OverflowError):
        return _mistyped(raw, flaws)


def _bytes(raw: Any, flaws: Flaws, _depth: int) -> Value:
    if not isinstance(raw, str):
        return _mistyped(raw, flaws)
    try:
        plain = raw.translate(_URL_SAFE).rstrip("=")
        return limits.kept_bytes(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), flaws)
    except (binascii.Error, ValueError):
        return _mistyped(raw, flaws)


_URL_SAFE = str.maketrans("-_", "+/")


def _array(raw: Any, flaws: Flaws, depth: int) -> Value:
    items = _items(raw, flaws, depth)
    return items if isinstance(items, str) else [read_value(item, flaws, depth + 1) for item in items]


def _map(raw: Any, flaws: Flaws, depth: int) -> Value:
    items = _items(raw, flaws, depth)
    return items if isinstance(items, str) else _pairs(items, flaws, depth + 1)


def _items(raw: Any, flaws: Flaws, depth: int) -> list[Any] | str:
    """The members of an array or a map, or the mark that stands for it."""
    if depth == limits.MAX_DEPTH:
        flaws.add("too_deep")
        return limits.TOO_DEEP
    values = raw.get("values") if isinstance(raw, dict) else raw
    if values is None:
        return []
    if not isinstance(raw, dict) or not isinstance(values, list):
        flaws.add("value_mistyped")
        return limits.UNREADABLE
    kept: list[Any] = limits.first(values, limits.MAX_ITEMS, "items_cut", flaws)
    return kept


_KINDS: dict[str, Callable[[Any, Flaws, int], Value]] = {
    "stringValue": _mistyped,  # of another type, else it had been read above
    "intValue": _int,
    "boolValue": _bool,
    "doubleValue": _double,
    "arrayValue": _array,
    "kvlistValue": _map,
    "bytesValue": _bytes,
}
