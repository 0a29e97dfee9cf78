"""Which attributes carry content, by the words of their keys: what was said, as against how it went.

Dialects name what they read. This decides about the rest: an attribute that no dialect understood, or could not parse,
may still hold a prompt, and must go where content goes, or nowhere. So it errs towards content.
"""

import re
from typing import Any

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_SPLIT = re.compile(r"[.:/]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CONTENT = _words(
    """prompt prompts completion completions message messages content contents text texts input inputs output outputs
    arguments args result results instruction instructions template variables variable query queries document documents
    transcript thought thoughts reasoning choice choices chunk body msg values tasks goal backstory tools
    functions definition definitions explanation explanations"""
)
"""A key with one of these words is about content, unless a word below says that it only measures or names it."""

_LAST = _words("request response command object value embedding embeddings vector context")
"""Content only as the last word: `gcp.vertex.agent.llm_request`, `new_context`, `full_command`."""

_WHOLE = _words("file_path toolCalls tool_calls data json_schema")
"""Content as a whole last segment."""

_MEASURES = _words(
    """usage token tokens count counts cost costs length size bytes duration ms seconds time timestamp status finish
    reason mime hash fingerprint ref"""
)
"""A key with one of these measures content, or points to it."""

_LABELS = _words("id ids name names type types version role key model index format schema level vendor url")
"""A key that ends in one of these names something: `gen_ai.prompt.name`, `gen_ai.prompt.0.role`."""

_GENERAL = _words(
    """session user enduser service telemetry process host os k8s cloud container deployment code thread http url net
    network server client rpc db faas error exception otel messaging"""
)
"""Namespaces of OpenTelemetry's general conventions, where the same words mean other things."""

_MAX_KEYS = 16_384
"""Keys seen are few; a client that makes them up may not fill the memory."""


class _Known(dict[str, bool]):
    """Key -> whether it carries content. One look-up per attribute: this is asked for each of them."""

    def __missing__(self, key: str) -> bool:
        answer = _speaks(key)
        if len(self) < _MAX_KEYS:
            self[key] = answer
        return answer


KEYS: dict[str, bool] = _Known()


def carries_content(key: str, value: Any) -> bool:
    """Numbers and booleans say nothing, whatever they are called."""
    return KEYS[key] and not isinstance(value, int | float | None)


def _speaks(key: str) -> bool:
    segments = [segment for segment in _SPLIT.split(key) if segment and not segment.isdigit()]
    words = [word.lower() for segment in segments for word in _WORD.findall(segment)]
    if len(words) == 0 or (len(segments) > 1 and segments[0] in _GENERAL):
        return False
    if not _MEASURES.isdisjoint(words):
        return False
    if segments[-1] in _WHOLE:
        return True
    return words[-1] not in _LABELS and (words[-1] in _LAST or not _CONTENT.isdisjoint(words))
