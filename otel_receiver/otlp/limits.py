"""What one span may hold, and what becomes of the rest: cut or marked, flagged on the span, never silent."""

from typing import Any

MAX_SPANS = 50_000
"""Per request: six of the Collector's usual batches, a hundred of an SDK. More cost gigabytes as objects."""

MAX_ATTRIBUTES = 10_000
"""Per map. SDKs stop at 128, but some dialects flatten a long conversation into ten keys a message."""

MAX_EVENTS = 1_000
"""Per span. SDKs stop at 128; a streamed answer may add one per chunk."""

MAX_LINKS = 1_000
"""Per span. SDKs stop at 128."""

MAX_ITEMS = 10_000
"""Per array inside an attribute: the longest conversation anyone has recorded is shorter."""

MAX_DEPTH = 32
"""Arrays and maps inside each other. Tool schemas reach about 12; recursion stays far from the interpreter's limit."""

MAX_TEXT = 16 << 20
"""Characters of one text: a quarter of the largest request, and more than any model's context."""

MAX_BYTES = 1 << 20
"""Of one bytes value: a small image. Bytes are kept as hex later, so each costs two."""

MAX_NAME = 4_096
"""Characters of a span's or an event's name, a kind of label: people cannot read longer ones."""

MAX_KEY = 1_024
"""Characters of an attribute key, for the same reason."""

TOO_DEEP = "[nested too deep]"
UNREADABLE = "[unreadable value]"
TOO_MANY_BYTES = "[bytes left out]"

Flaws = set[str]


def cut(text: str, most: int, flaw: str, flaws: Flaws) -> str:
    """The text itself, or its head with a mark that says how much is gone."""
    if len(text) <= most:
        return text
    flaws.add(flaw)
    return f"{text[:most]}[cut: {len(text) - most} more characters]"


def decoded_text(raw: bytes, most: int, flaw: str, flaws: Flaws) -> str:
    """One invalid byte costs a replacement character, not the request."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        flaws.add("utf8_repaired")
        text = raw.decode(errors="replace")
    return text if len(text) <= most else cut(text, most, flaw, flaws)


def first(items: Any, most: int, flaw: str, flaws: Flaws) -> Any:
    """The items themselves, or the first of too many."""
    if len(items) <= most:
        return items
    flaws.add(flaw)
    return items[:most]


def kept_bytes(raw: bytes, flaws: Flaws) -> bytes | str:
    if len(raw) <= MAX_BYTES:
        return raw
    flaws.add("bytes_left_out")
    return TOO_MANY_BYTES
