"""What a filter comes to: terms that must all hold, and the parameters that the SQL statements take for them.

Query parameters and the search grammar both make terms; nothing else in the service knows how a filter was written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from query_api.numbers import EVERYTHING, Ranges, both
from query_api.times import LAST_NS

STATUSES = ("error", "ok")
LISTS = ("user", "model", "service", "environment", "tag", "tool", "agent", "release", "prompt", "name")
"""What a session has several of. A filter names one of them, or none of them."""
PAIRS = ("metadata", "label")
"""Likewise, of a key and a value: metadata, and the labels of scores."""
NUMBERS = ("turns", "cost", "tokens", "duration", "traces", "spans", "errors")

MAX_TEXTS = 8
"""Different ones in one filter: each is a condition of its own in the statements, so that the index can answer it."""

_NOBODY = "~" * 2048
"""Longer than any id: what is left when two different ones are asked for at once."""
_NOWHERE: Ranges = ((1, 0),)

Value = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class OneOf:
    """At least one of the values; negated: none of them."""

    key: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Within:
    """A number in its smallest unit. `unknown_too`: also where it is null, as for a negation."""

    key: str
    ranges: Ranges
    unknown_too: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """The mean of a score lies between these."""

    name: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Active:
    """In this half-open range of time, at least for a while."""

    from_ns: int = 0
    to_ns: int = LAST_NS


Term = OneOf | Within | Scored | Active


@dataclass(frozen=True, slots=True)
class Filter:
    terms: tuple[Term, ...] = ()

    @property
    def needs_content(self) -> bool:
        """What was said can be guessed from what is found by it."""
        return any(isinstance(term, OneOf) and term.key == "text" for term in self.terms)

    @property
    def is_empty(self) -> bool:
        return len(self.terms) == 0

    @property
    def only_times(self) -> bool:
        return all(isinstance(term, Active) for term in self.terms)

    @property
    def from_ns(self) -> int:
        return max((term.from_ns for term in self.terms if isinstance(term, Active)), default=0)

    @property
    def to_ns(self) -> int:
        return min((term.to_ns for term in self.terms if isinstance(term, Active)), default=LAST_NS)

    @property
    def is_bounded(self) -> bool:
        return self.from_ns > 0 or self.to_ns < LAST_NS

    def parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {"from_ns": self.from_ns, "to_ns": self.to_ns}
        parameters |= {f"{key}_any": self._groups(key) for key in (*LISTS, *PAIRS, "prefix")}
        parameters |= {f"{key}_none": self._excluded(key) for key in (*LISTS, *PAIRS, "session")}
        parameters |= {key: self._ranges(key) for key in NUMBERS}
        return parameters | {
            "session_any": _common(self._groups("session"), _NOBODY),
            "status_any": self._statuses(),
            "cost_unknown": all(term.unknown_too for term in self._numbers("cost")),
            "unsaid": len(self._groups("text")) == 0,
            "scored": [(term.name, term.low, term.high) for term in self.terms if isinstance(term, Scored)],
        }

    @property
    def texts(self) -> list[str]:
        """What is searched for, each once."""
        groups, excluded = self._groups("text"), self._excluded("text")
        return sorted({str(text) for group in (*groups, excluded) for text in group})

    def text_parameters(self) -> dict[str, Any]:
        """The statements have a place for each of a few texts; groups name them by number, from 1."""
        texts = self.texts
        places = [*texts, *[""] * (MAX_TEXTS - len(texts))]
        return {
            **{f"text_{number}": _as_said(text) for number, text in enumerate(places, start=1)},
            **{f"word_{number}": text.isascii() and text.isalnum() for number, text in enumerate(places, start=1)},
            "text_any": [[texts.index(str(text)) + 1 for text in group] for group in self._groups("text")],
            "text_none": [texts.index(str(text)) + 1 for text in self._excluded("text")],
        }

    def _of(self, key: str, *, negated: bool) -> Iterable[OneOf]:
        return (term for term in self.terms if isinstance(term, OneOf) and term.key == key and term.negated is negated)

    def _groups(self, key: str) -> list[list[Value]]:
        return [list(term.values) for term in self._of(key, negated=False)]

    def _excluded(self, key: str) -> list[Value]:
        return sorted({value for term in self._of(key, negated=True) for value in term.values})

    def _statuses(self) -> list[str]:
        wanted = [status for status in STATUSES if status not in self._excluded("status")]
        groups = self._groups("status")
        left = [status for status in wanted if all(status in group for group in groups)]
        if len(left) == len(STATUSES):
            return []
        return left or [_NOBODY]

    def _numbers(self, key: str) -> list[Within]:
        return [term for term in self.terms if isinstance(term, Within) and term.key == key]

    def _ranges(self, key: str) -> list[tuple[Any, Any]]:
        """Empty: any number will do."""
        left = EVERYTHING
        for term in self._numbers(key):
            left = both(left, term.ranges)
        if left == EVERYTHING:
            return []
        return [(_in_unit(key, low), _in_unit(key, high)) for low, high in left or _NOWHERE]


_INSIDE_WORDS = str.maketrans("._:'", "    ")


def _common(groups: list[list[Value]], nobody: str) -> list[Value]:
    """What is in every group: an id is only one thing at a time."""
    if len(groups) == 0:
        return []
    left = [value for value in groups[0] if all(value in group for group in groups)]
    return left or [nobody]


def _in_unit(key: str, bound: int) -> int | Decimal:
    """Money is counted in 1e-12 USD here, and a decimal in the database."""
    return Decimal(bound).scaleb(-12) if key == "cost" else bound


def _as_said(text: str) -> str:
    """Messages are kept as JSON: quotes are escaped there. Line breaks and tabs are spaces in what is searched, and so
    is what stands inside words (the column `said` of migration 0001)."""
    said = orjson.dumps(text)[1:-1].decode().replace("\\n", " ").replace("\\t", " ")
    return said.translate(_INSIDE_WORDS)
