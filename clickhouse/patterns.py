"""Regular expressions of projects, by RE2: whatever the pattern and the text, a search takes time in proportion to the
text, where Python's own may take for ever, and the receiver with it.

So there is no look-around and no back-reference. `\\d`, `\\w` and `\\b` are ASCII's; `\\pN` and `\\pL` are everybody's.
"""

from collections.abc import Iterator
from typing import Protocol

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False  # who compiles says it


class Found(Protocol):
    def span(self) -> tuple[int, int]: ...


class Pattern(Protocol):
    def finditer(self, text: str, /) -> Iterator[Found]: ...


def compiled(text: str) -> Pattern:
    """Raises ValueError with the end of a sentence."""
    try:
        pattern: Pattern = re2.compile(text, _QUIET)
    except re2.error as why:
        complaint = why.args[0].decode(errors="replace")
        raise ValueError(f"which is not a regular expression as RE2 has them: {complaint}") from None
    return pattern
