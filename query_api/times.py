"""Instants and lengths of time as people write them, and as nanoseconds."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clickhouse.rollup.sums import STEP_NS

SECOND_NS = 1_000_000_000
LAST_NS = (1 << 63) - 1
"""The last instant of DateTime64(9): 2262-04-11."""

_UNITS_NS = {
    "ms": SECOND_NS // 1000,
    "s": SECOND_NS,
    "m": 60 * SECOND_NS,
    "h": 3600 * SECOND_NS,
    "d": 86_400 * SECOND_NS,
    "w": 7 * 86_400 * SECOND_NS,
}
_LENGTH = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?(ms|s|m|h|d|w)?", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)


class NotATime(ValueError):
    """The sentence says what was expected."""


def now_ns() -> int:
    return time.time_ns()


def parse_length_ns(text: str) -> int:
    """`5m`, `1.5s`; a number alone is milliseconds, as everywhere in the API."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise NotATime("a duration is a number with ms, s, m, h, d or w, such as 300ms, 1.5s or 5m")
    whole, fraction, unit = found.groups()
    unit_ns = _UNITS_NS[unit or "ms"]
    return int(whole) * unit_ns + int((fraction or "").ljust(9, "0")) * unit_ns // 10**9


def parse_instant_ns(text: str, now: int, zone: ZoneInfo) -> int:
    """RFC 3339, or how long before now. A day, or a time without an offset, is of the zone."""
    found = _INSTANT.fullmatch(text)
    if found is not None:
        return _instant_ns(found, zone)
    length = _LENGTH.fullmatch(text)
    if length is not None and length.group(3) is not None:
        return max(0, now - parse_length_ns(text))
    raise NotATime("a time is RFC 3339, such as 2026-11-20T12:00:00Z, a day, or how long ago, such as 15m, 24h or 7d")


def _instant_ns(found: re.Match[str], zone: ZoneInfo) -> int:
    day, clock, fraction, offset = found.groups()
    try:
        instant = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(offset or '').upper()}")
        aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=zone)
        seconds = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // _ONE_SECOND
    except (ValueError, OverflowError) as error:
        raise NotATime(f"there is no such day or time: {error}") from None
    return min(max(0, seconds * SECOND_NS + int((fraction or "").ljust(9, "0"))), LAST_NS)


_ONE_SECOND = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)


def parse_zone(name: str) -> ZoneInfo:
    if name.startswith("right/"):  # where a system has them, Python reads them; the database knows none
        raise NotATime("a time zone with leap seconds is not known here; leave right/ out")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotATime("a time zone is a name of the IANA database, such as Europe/Berlin or UTC") from None


@cache
def begins_on_half_hours(zone: ZoneInfo) -> bool:
    """Whether its days and hours always began at a half hour of UTC. Most zones' do; looked at month by month since
    telemetry may be dated, and rules are not kept for longer ahead."""
    months = (datetime(year, month, 1, tzinfo=UTC) for year in range(1970, 2038) for month in range(1, 13))
    return all(_offset(zone, month) % _HALF_HOUR == timedelta(0) for month in months)


_HALF_HOUR = timedelta(microseconds=STEP_NS // 1_000)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
