"""A search, cut into its terms: where each stands, its key, its value, and whether it is negated."""

from collections.abc import Iterator
from dataclasses import dataclass


class SearchMistake(ValueError):
    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Scanned:
    position: int  # of the key, or of the value where there is none
    key: str  # empty: a free word
    value: str  # without its quotes
    value_position: int
    negated: bool


def scan(text: str) -> Iterator[Scanned]:
    at = _skip_spaces(text, 0)
    while at < len(text):
        term, at = _read_term(text, at)
        yield term
        at = _skip_spaces(text, at)


def _read_term(text: str, start: int) -> tuple[Scanned, int]:
    negated = text[start] == "-"
    at = start + 1 if negated else start
    if text.startswith('"', at):
        value, end = _read_piece(text, at)
        return Scanned(at, "", value, at, negated), end
    first, end = _read_piece(text, at, until=":")
    if end == at:
        raise SearchMistake(at, "a word or key:value was expected here")
    if not text.startswith(":", end):
        return Scanned(at, "", first, at, negated), end
    value, after = _read_piece(text, end + 1)
    if after == end + 1:
        raise SearchMistake(after, f"a value was expected after {first}:")
    return Scanned(at, first, value, end + 1, negated), after


def _read_piece(text: str, at: int, until: str = "") -> tuple[str, int]:
    """Up to a space or the stop; what stands in quotes belongs to it whole."""
    read: list[str] = []
    while at < len(text) and not text[at].isspace() and text[at] != until:
        part, at = _read_quoted(text, at) if text[at] == '"' else (text[at], at + 1)
        read.append(part)
    return "".join(read), at


def _read_quoted(text: str, start: int) -> tuple[str, int]:
    """A backslash takes the next character as it is."""
    read: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return "".join(read), at + 1
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        read.append(text[at])
        at += 1
    raise SearchMistake(start, "this quote is never closed")


def _skip_spaces(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
