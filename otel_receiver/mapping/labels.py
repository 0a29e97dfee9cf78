"""What people file a span under: tags, and pairs of their own."""

from typing import Any

from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import Family
from otel_receiver.values import as_dict, dumped, opened, text_or_none, texts

Pairs = tuple[tuple[str, str], ...]

MAX_PAIRS = 100
"""As many as a session lists of anything; who writes more is not filing but storing."""

MAX_VALUE_CHARACTERS = 1_000
"""A longer value is content, not a label. It stays among the attributes."""

_NO_FAMILY = Family("", "metadata", 0, "")


def read_tags(hits: Hits) -> tuple[str, ...]:
    if "tags" not in hits.best and not hits.documents:
        return ()
    tags: tuple[str, ...] | None = hits.first("tags", lambda value: texts(value) or None)[0]
    return () if tags is None else tuple(dict.fromkeys(tags))


def read_metadata(hits: Hits) -> Pairs:
    """Distinct pairs of every family of the user's own keys; what a framework files there for itself is left out."""
    if not hits.members and "metadata" not in hits.best:
        return ()
    pairs: dict[tuple[str, str], None] = {}
    attributes = hits.span.attributes
    for family, names in hits.members.values():
        if family.field == "metadata":
            start = len(family.prefix)
            _add(pairs, {name[start:]: attributes[name] for name in names}, family)
    for key in hits.keys("metadata"):
        _add(pairs, as_dict(opened(hits.value(key))), _NO_FAMILY)
    return tuple(pairs)[:MAX_PAIRS]


def _add(pairs: dict[tuple[str, str], None], found: dict[str, Any], family: Family) -> None:
    for name, value in found.items():
        if name and name not in family.skip and not name.startswith(family.skip_heads):
            text = _pair_text(opened(value))
            if text is not None:
                pairs[(name, text)] = None


def _pair_text(value: Any) -> str | None:
    if isinstance(value, bool | list | dict):
        value = dumped(value)
    text = text_or_none(value)
    return text if text is not None and len(text) <= MAX_VALUE_CHARACTERS else None
