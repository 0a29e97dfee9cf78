"""The one normaliser of session and user ids: the receiver writes with it, the API looks up with it."""

import hashlib
import json
from typing import Any

MAX_ID_CHARACTERS = 1024
"""Longer than any id people mean; short enough to stay a key. A longer one keeps its head and the hash of the whole."""

_KEPT_CHARACTERS = MAX_ID_CHARACTERS - 65  # "~" and 64 hex digits
_PLACEHOLDERS = frozenset({"", "null", "None", "undefined", "nan"})


def normal_id(value: Any) -> str | None:
    """The id as it is stored, or None where the value names nobody."""
    text = value if isinstance(value, str) else _as_text(value)
    text = text.strip()
    if text in _PLACEHOLDERS or text.startswith("[Scrubbed due to "):
        return None
    if len(text) <= MAX_ID_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:_KEPT_CHARACTERS]}~{digest}"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=lambda b: b.hex()
    ).replace("NaN", "nan")
