"""Changing what was said without breaking its form: JSON stays JSON, each of its texts is changed on its own."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from clickhouse.patterns import Pattern

Change = Callable[[str], str]

REDACTED = "[redacted]"
MAX_TRUNCATED = 1_000
"""Characters of one text under the policy `truncated`: two previews, enough to tell what a message was about."""


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


def truncation(text: str) -> str:
    if len(text) <= MAX_TRUNCATED:
        return text
    return f"{text[:MAX_TRUNCATED]}[cut: {len(text) - MAX_TRUNCATED} more characters]"


def changed(text: str, change: Change) -> str:
    """The text, or where it is JSON, every text, key and number in it: an escape may not hide what a pattern seeks."""
    if not text.startswith(("{", "[", '"')):
        return change(text)
    try:
        value = orjson.loads(text)
        walked = _walked(value, change)
    except (orjson.JSONDecodeError, RecursionError):
        return change(text)
    return text if walked == value else orjson.dumps(walked).decode()


def _walked(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _walked(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walked(inner, change) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    text = str(value)
    seen = change(text)
    return value if seen == text else seen
