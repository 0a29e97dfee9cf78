"""Ranges of time as pages offer them, and the steps in which they are drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from query_api.times import SECOND_NS

RANGES = (("1h", "last hour"), ("24h", "last 24 hours"), ("7d", "last 7 days"), ("30d", "last 30 days"))
EVERYTHING = "all"
_HOUR_NS = 3_600 * SECOND_NS
_DAY_NS = 24 * _HOUR_NS
_MOST_STEPS = 1_000
_DRAWN = ("sessions", "cost_usd", "total_tokens", "error_traces", "turns")


@dataclass(frozen=True, slots=True)
class Step:
    """How long a bar of a chart is, as the API groups by it."""

    group: str
    length: timedelta


_MINUTE = Step("minute", timedelta(minutes=1))
_HOUR = Step("hour", timedelta(hours=1))
_DAY = Step("day", timedelta(days=1))
_WEEK = Step("week", timedelta(weeks=1))


@dataclass(frozen=True, slots=True)
class Span:
    """What is drawn: a range, as far as it is limited, in steps of a zone."""

    from_ns: int
    to_ns: int
    now_ns: int
    zone: ZoneInfo

    @property
    def step(self) -> Step:
        """Some 60 to 200 of them."""
        length_ns = min(self.to_ns, self.now_ns) - self.from_ns
        if length_ns <= 3 * _HOUR_NS:
            return _MINUTE
        if length_ns <= 8 * _DAY_NS:
            return _HOUR
        return _DAY if length_ns <= 400 * _DAY_NS else _WEEK

    def starts(self, keys: Iterable[str]) -> list[datetime]:
        """Where each bar begins, empty ones included: a gap is to be seen as one. `keys` are of those that are not."""
        step, known = self.step, [_moment(key, self.zone) for key in keys]
        if len(known) == 0:
            return []
        first = _floor(step, self.from_ns, self.zone) if self.from_ns > 0 else min(known)
        last = max(_floor(step, min(self.to_ns - 1, self.now_ns), self.zone), *known)
        steps: list[datetime] = []
        while first <= last and len(steps) < _MOST_STEPS:
            steps.append(first)
            first = _next(step, first, self.zone)
        return steps


def series(span: Span, groups: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sums in groups of a span's step, as a chart takes them: times in seconds, and of each number a value per time."""
    by_key = {group["key"][span.step.group]: group for group in groups}
    by_start = {_moment(key, span.zone): group for key, group in by_key.items() if key is not None}
    starts = span.starts(key for key in by_key if key is not None)
    found = [by_start.get(start, {}) for start in starts]
    values = {name: [group.get(name) or 0 for group in found] for name in _DRAWN}
    times = [int(start.timestamp()) for start in starts]
    return {"times": times, "step": int(span.step.length.total_seconds()), "values": values}


def _moment(key: str, zone: ZoneInfo) -> datetime:
    """Of a group's key: a day is of the zone, an hour is an instant."""
    read = datetime.fromisoformat(key)
    return read.astimezone(UTC) if read.tzinfo is not None else read.replace(tzinfo=zone).astimezone(UTC)


def _floor(step: Step, ns: int, zone: ZoneInfo) -> datetime:
    local = datetime.fromtimestamp(ns // SECOND_NS, UTC).astimezone(zone).replace(second=0, microsecond=0)
    if step is not _MINUTE:
        local = local.replace(minute=0)
    if step in (_DAY, _WEEK):
        local = local.replace(hour=0)
    if step is _WEEK:
        local -= timedelta(days=local.weekday())
    return local.astimezone(UTC)


def _next(step: Step, start: datetime, zone: ZoneInfo) -> datetime:
    """A day later on the zone's clock, be it 23 or 25 hours; shorter steps are what they are."""
    if step in (_DAY, _WEEK):
        return (start.astimezone(zone) + step.length).astimezone(UTC)
    return start + step.length
