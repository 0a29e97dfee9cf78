"""A whole session at a glance: where each trace stands, when nothing happened, and what it had come to by then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

MAX_TRACES = 50_000
"""A session of more is shown up to here, and says so."""
MAX_POINTS = 240
"""Of a chart: more than a screen has room for."""
LONG_PAUSE_NS = 60 * 1_000_000_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outline:
    rows: Sequence[Row]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Of each trace, from 1 on."""
        return {row["trace_id"]: number for number, row in enumerate(self.rows, start=1)}

    @cached_property
    def _ends_ns(self) -> list[int]:
        """When all up to a trace were over."""
        ends: list[int] = []
        for row in self.rows:
            ends.append(max(row["end_ns"], ends[-1] if ends else 0))
        return ends

    def pause_ms(self, number: int) -> float | None:
        """Before a trace, where it was long."""
        if number < 2:  # noqa: PLR2004 - the first has nothing before it
            return None
        pause = self.rows[number - 1]["start_ns"] - self._ends_ns[number - 2]
        return pause / 1e6 if pause >= LONG_PAUSE_NS else None

    @cached_property
    def points(self) -> list["Point"]:
        """What the session had come to after each trace; of many, some."""
        every = -(-len(self.rows) // MAX_POINTS) if self.rows else 1
        points: list[Point] = []
        tokens, cost = 0, Decimal(0)
        for number, row in enumerate(self.rows, start=1):
            tokens += row["tokens"]
            cost += Decimal(str(row["cost_usd"] or 0))
            if number % every == 0 or number == len(self.rows):
                points.append(Point(number, row["start_ns"], tokens, float(cost)))
        return points


@dataclass(frozen=True, slots=True)
class Point:
    number: int
    start_ns: int
    tokens: int
    cost_usd: float
