"""What was said, as people read it: parts of messages, whatever form they are in, as texts; long ones cut."""

from dataclasses import dataclass, field
from typing import Any
from unicodedata import bidirectional

import orjson
from markupsafe import Markup

from query_api.opened import opened
from query_api.ui.markdown import markdown

MAX_CHARACTERS = 12_000
"""Of one text on a page; more is one click away."""
MARKDOWN_CHARACTERS = 100_000
"""Of one page: what comes after is shown as it was written."""
_ROLES_IN_MARKDOWN = frozenset({"assistant", "user"})

Part = dict[str, Any]

_LEFT, _RIGHT = frozenset({"L"}), frozenset({"R", "AL"})
_LOOKED_AT = 2_000
"""Characters: browsers look for a direction through all of a text, again and again, which takes them seconds."""


@dataclass(frozen=True, slots=True)
class Text:
    """`html` where it is Markdown and wanted so; `left` is how many characters more there are."""

    plain: str
    html: Markup | None = None
    left: int = 0

    @property
    def direction(self) -> str:
        return direction(self.plain)


def direction(text: str) -> str:
    """That of the first letter that has one, as `dir="auto"` means it."""
    kinds = (bidirectional(character) for character in text[:_LOOKED_AT])
    return next(("rtl" if kind in _RIGHT else "ltr" for kind in kinds if kind in _LEFT | _RIGHT), "ltr")


@dataclass(slots=True)
class Typist:
    """Writes the texts of one page."""

    raw: bool = False
    limit: int = MAX_CHARACTERS
    left: int = field(default=MARKDOWN_CHARACTERS)

    def text(self, said: str, role: str = "") -> Text:
        plain = said[: self.limit]
        if self.raw or role not in _ROLES_IN_MARKDOWN or len(plain) > self.left:
            return Text(plain, None, len(said) - len(plain))
        self.left -= len(plain)
        return Text(plain, markdown(plain), len(said) - len(plain))


def parts_of(message: Any) -> list[Part]:
    parts = message.get("parts") if isinstance(message, dict) else None
    if isinstance(parts, list):
        return [part if isinstance(part, dict) else {"type": "text", "content": part} for part in parts]
    return [{"type": "text", "content": parts}] if parts is not None else []


def words_of(part: Part) -> str:
    """Text, wherever it stands; of what is no text, what it is."""
    kind = part.get("type")
    if kind in ("uri", "file", "blob"):
        name = part.get("uri") or part.get("file_id") or part.get("mime_type") or ""
        return f"[{part.get('modality') or kind}] {as_text(name)[:500]}"
    if isinstance(part.get("content"), str):
        return str(part["content"])
    return as_text(part)


def as_text(value: Any) -> str:
    """Text as it is, anything else as its JSON."""
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()


def answer_words(value: Any) -> str:
    """What a tool answered; where a framework wrapped its text into parts, the text."""
    parts = opened(value) if isinstance(value, str) and value.startswith("[{") else value
    if isinstance(parts, list) and len(parts) > 0 and all(map(_is_text, parts)):
        return "\n\n".join(part.get("text", part.get("content")) for part in parts)
    return as_text(value)


def _is_text(part: Any) -> bool:
    return (
        isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text", part.get("content")), str)
    )


def pretty(value: Any) -> str:
    """JSON laid out, also where it comes as text."""
    said = opened(value) if isinstance(value, str) else value
    if said is value and isinstance(value, str):  # no JSON, or too deep
        return value
    return orjson.dumps(said, default=str, option=orjson.OPT_INDENT_2).decode()
