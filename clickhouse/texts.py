"""Changing what was said without breaking its form: JSON stays JSON, each of its texts is changed on its own."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from clickhouse.patterns import Pattern

Change = Callable[[str], str]

REDACTED = "[redacted]"
MAX_LEVELS = 8
"""Of JSON in JSON that redaction opens. Each is part of the one before, so it takes no longer than eight such texts."""
MAX_TRUNCATED = 1_000
"""Characters of one text under the policy `truncated`: two previews, enough to tell what a message was about."""
REDACTION_SECONDS = 2.0
"""Of one core, for one request. Where it needs it all, the receiver takes as much again, in equal parts for rows."""

_OPENS = re.compile(r'\s*[{\["]')
"""As readers of attributes open JSON: behind any space."""


class TooSlow(Exception):
    """The patterns have used up their time."""


def redaction(patterns: Sequence[Pattern], seconds: float) -> Change:
    """Raises TooSlow when it has used so much of the processor: a search is linear, but a pattern may look at all that
    follows at each of its matches."""
    until = time.thread_time() + seconds

    def masked(pattern: Pattern, text: str) -> str:
        pieces: list[str] = []
        end = 0
        for found in pattern.finditer(text):
            if time.thread_time() > until:
                raise TooSlow
            start, stop = found.span()
            pieces += (text[end:start], REDACTED)
            end = stop
        return "".join((*pieces, text[end:])) if pieces else text

    def redact(text: str) -> str:
        for pattern in patterns:
            text = masked(pattern, text)
        return text

    return redact


def hashing(change: Change) -> Change:
    """Of ids: whom they tell apart stays apart."""

    def hashed(text: str) -> str:
        return text if change(text) == text else f"redacted~{hashlib.sha256(text.encode()).hexdigest()}"

    return hashed


def renamed(pairs: dict[str, Any], change: Change) -> dict[str, Any]:
    """With its keys changed. Keys that become one are numbered, so that none of their values is lost."""
    new: dict[str, Any] = {}
    numbers: dict[str, int] = {}
    for key, value in pairs.items():
        name = wanted = change(key)
        while name in new:
            numbers[wanted] = numbers.get(wanted, 1) + 1
            name = f"{wanted} {numbers[wanted]}"
        new[name] = value
    return new


def truncation(text: str) -> str:
    if len(text) <= MAX_TRUNCATED:
        return text
    return f"{text[:MAX_TRUNCATED]}[cut: {len(text) - MAX_TRUNCATED} more characters]"


def changed(text: str, change: Change, levels: int = 1) -> str:
    """The text, or where it is JSON, every text, key and number in it: an escape may not hide what a pattern seeks.
    Where these hold JSON themselves, that too, down to so many levels of it."""
    within = _changed_within(text, change, levels)
    return change(text) if within is None else within


def _changed_within(text: str, change: Change, levels: int) -> str | None:
    """None where it is no JSON, or cannot be walked."""
    if levels == 0 or not _OPENS.match(text):
        return None
    try:
        value = orjson.loads(text)
        walked = _walked(value, change if levels == 1 else _inside(change, levels - 1))
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return text if walked == value else orjson.dumps(walked).decode()


def _inside(change: Change, levels: int) -> Change:
    """Of a text in JSON. One that is JSON itself is changed within, and as a whole: it has no form that others read."""

    def inside(text: str) -> str:
        within = _changed_within(text, change, levels)
        return change(text if within is None else within)

    return inside


def _walked(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return renamed({key: _walked(inner, change) for key, inner in value.items()}, change)
    if isinstance(value, list):
        return [_walked(inner, change) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    seen = change(text)
    return value if seen == text else seen
