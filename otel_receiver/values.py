"""Small pure readers of attribute values. Presence decides, never truthiness: 0 is a value, an empty text is none."""

import base64
from typing import Any, NamedTuple

import orjson

from otel_receiver.span import Span

_JSON_HEADS = ("{", "[", '"')


class Excerpt(NamedTuple):
    """A value that is only part of what its attribute holds: the attribute must be kept."""

    value: Any


def text_or_none(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts, also where it comes as JSON in a string."""
    if isinstance(value, str):
        value = opened(value)
    if isinstance(value, list | tuple):
        return tuple(text for text in map(text_or_none, value) if text is not None)
    text = text_or_none(value)
    return () if text is None else (text,)


def opened(value: Any) -> Any:
    """What a JSON string holds; anything that is not JSON, as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(_JSON_HEADS):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def json_text(value: Any, _span: Span) -> str | None:
    """A text that its dialect writes as JSON, quotes and all."""
    return text_or_none(opened(value))


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def dumped(value: Any) -> str | None:
    """JSON text; None where it cannot be written: nested too deep, or half a character inside."""
    try:
        return orjson.dumps(value, default=_unknown).decode()
    except TypeError:
        return None


def _unknown(value: Any) -> str:
    """Bytes, the only values of OTLP that JSON has no word for, as OTLP/JSON writes them."""
    return base64.b64encode(value).decode()
