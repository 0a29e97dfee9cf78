"""A line of time without the stretches in which nothing happened: those are folded to a mark of fixed width."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FOLD_PERCENT = 1.6
"""How wide the mark of a fold is, of the whole line."""
_MOST_FOLDED_PERCENT = 40.0
_WORTH_FOLDING = 0.15
"""A pause is folded where it is longer than this share of all that is not one."""
_TICKS = 6

Stretch = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fold:
    at_percent: float
    width_percent: float
    pause_ns: int


@dataclass(frozen=True, slots=True)
class Line:
    """Places are percentages of its width."""

    stretches: Sequence[Stretch]
    starts_percent: Sequence[float]
    percent_per_ns: float
    folds: Sequence[Fold]

    def place(self, at_ns: int) -> float:
        """Within a fold: where it ends."""
        index = max(bisect_right([start for start, _ in self.stretches], at_ns) - 1, 0)
        start, end = self.stretches[index]
        inside = min(max(at_ns, start), end) - start
        return self.starts_percent[index] + inside * self.percent_per_ns

    def bar(self, start_ns: int, end_ns: int) -> tuple[float, float]:
        """Where it begins and how wide it is; never so narrow that it cannot be seen."""
        begin = self.place(start_ns)
        return begin, max(self.place(end_ns) - begin, 0.15)

    def ticks(self) -> list[tuple[float, int]]:
        """A few places with their time: where stretches begin, as far as there is room."""
        places: list[tuple[float, int]] = []
        for (start, _), percent in zip(self.stretches, self.starts_percent, strict=True):
            if not places or percent - places[-1][0] >= 100 / _TICKS:
                places.append((percent, start))
        return places


def folded(spans: Iterable[Stretch], least_ns: int = 1_000_000_000) -> Line:
    """Of everything that happened; pauses shorter than `least_ns` stay as they are."""
    busy = _merged(spans)
    if not busy:
        return Line([(0, 1)], [0.0], 100.0, [])
    active = sum(end - start for start, end in busy)
    longest = max(least_ns, int(active * _WORTH_FOLDING))
    stretches: list[Stretch] = [busy[0]]
    for start, end in busy[1:]:
        if start - stretches[-1][1] > longest:
            stretches.append((start, end))
        else:
            stretches[-1] = (stretches[-1][0], end)
    return _line(stretches)


def _line(stretches: Sequence[Stretch]) -> Line:
    fold = min(FOLD_PERCENT, _MOST_FOLDED_PERCENT / max(len(stretches) - 1, 1))
    shown = sum(max(end - start, 1) for start, end in stretches)
    scale = (100 - fold * (len(stretches) - 1)) / shown
    starts: list[float] = []
    folds: list[Fold] = []
    at = 0.0
    for number, (start, end) in enumerate(stretches):
        if number > 0:
            folds.append(Fold(at, fold, start - stretches[number - 1][1]))
            at += fold
        starts.append(at)
        at += max(end - start, 1) * scale
    return Line(stretches, starts, scale, folds)


def _merged(spans: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, max(end, start)))
    return merged
