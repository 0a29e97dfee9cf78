"""Stored JSON text as what it says."""

from typing import Any

import orjson

_SPARE = 32
"""Levels that an answer, a page or a key may put around a value."""
_WRITTEN = 254
"""Levels that orjson writes; it reads four times as many."""


def opened(text: str) -> Any:
    """The text as it came where it is no JSON, or too deep to be written again: an answer with it would be none."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return text if _is_too_deep(text, value) else value


def _is_too_deep(text: str, value: Any) -> bool:
    if text.count("[") + text.count("{") <= _WRITTEN - _SPARE:  # nearly all texts: nothing has to be tried
        return False
    for _ in range(_SPARE):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False
