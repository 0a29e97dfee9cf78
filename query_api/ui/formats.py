"""Values as people read them. The exact one stands beside it, on hover."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NOTHING = "\N{EN DASH}"
"""What is not known; never 0."""

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_SIGNIFICANT = 4
_ID_CHARACTERS = 20
_WEEK_DAYS = 7


def money(usd: float | None) -> str:
    """Four digits that count, of dollars to the cent: $0.0001342, $0.50, $41.20, $1,235."""
    if usd is None:
        return NOTHING
    if usd == 0:
        return "$0"
    exact = Decimal(repr(usd))
    if abs(exact) >= 1:
        return f"${exact:,.{2 if abs(exact) < 1_000 else 0}f}"  # noqa: PLR2004
    places = _SIGNIFICANT - 1 - exact.adjusted()
    whole, _, fraction = f"{exact:.{places}f}".partition(".")
    return f"${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def exact_money(usd: float | None) -> str:
    return "not known" if usd is None else f"${Decimal(repr(usd)):,f}"


def tokens(number: float | None) -> str:
    """688, 12.3k, 9.1M."""
    if number is None:
        return NOTHING
    for unit, size in (("B", 10**9), ("M", 10**6), ("k", 10**3)):
        if abs(number) >= size * 0.9995:  # else 999,960 would read 1,000.0k
            return f"{number / size:.1f}".removesuffix(".0") + unit
    return f"{number:,.0f}"


def count(number: float | None) -> str:
    return NOTHING if number is None else f"{number:,.0f}"


def decimal(number: float | None) -> str:
    """A mean of counts: 4, 2.5, 0.04."""
    return NOTHING if number is None else f"{number:,.3g}" if abs(number) < 1_000 else f"{number:,.0f}"  # noqa: PLR2004


def share(rate: float | None) -> str:
    """Per cent; what is not nothing never reads 0 %."""
    if rate is None:
        return NOTHING
    if 0 < rate < 0.001:  # noqa: PLR2004 - the smallest that one decimal shows
        return "<0.1%"
    return f"{rate * 100:.1f}".removesuffix(".0") + "%"


def duration(ms: float | None) -> str:
    """0.4 ms, 830 ms, 2.1 s, 3m 10s, 2h 05m, 3d 4h."""
    if ms is None:
        return NOTHING
    if ms < _SECOND_MS - 0.5:  # else it would read 1000 ms
        return f"{ms:.0f} ms" if ms >= 10 or ms == 0 else f"{ms:.1f} ms"  # noqa: PLR2004
    if ms < _MINUTE_MS - 50:
        return f"{ms / _SECOND_MS:.1f} s"
    ms = round(ms / _SECOND_MS) * _SECOND_MS
    if ms < _HOUR_MS:
        return f"{int(ms // _MINUTE_MS)}m {int(ms % _MINUTE_MS // _SECOND_MS):02}s"
    if ms < _DAY_MS:
        return f"{int(ms // _HOUR_MS)}h {int(ms % _HOUR_MS // _MINUTE_MS):02}m"
    return f"{int(ms // _DAY_MS)}d {int(ms % _DAY_MS // _HOUR_MS)}h"


def instant(rfc3339: str) -> datetime:
    """To the microsecond; the exact text stands in the page beside it."""
    return datetime.fromisoformat(rfc3339[:26].rstrip("Z")).replace(tzinfo=UTC)


def ago(rfc3339: str, now_ns: int, zone: ZoneInfo) -> str:
    """now, 12 s, 2 min, 3 h, 5 d; then the day."""
    at = instant(rfc3339)
    seconds = now_ns / 1e9 - at.timestamp()
    if seconds < 0:
        return clock(rfc3339, zone)
    for unit, size, limit in (("s", 1, 60), ("min", 60, 60), ("h", 3_600, 24), ("d", 86_400, _WEEK_DAYS)):
        if seconds < size * limit:
            return "now" if seconds < 5 else f"{int(seconds // size)} {unit}"  # noqa: PLR2004
    return day(rfc3339, zone)


def clock(rfc3339: str, zone: ZoneInfo) -> str:
    return f"{instant(rfc3339).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def day(rfc3339: str, zone: ZoneInfo) -> str:
    return f"{instant(rfc3339).astimezone(zone):%Y-%m-%d}"


def both_clocks(rfc3339: str, zone: ZoneInfo) -> str:
    """For hover: the viewer's time, and UTC to the millisecond."""
    at = instant(rfc3339)
    universal = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03} UTC"
    return universal if zone.key == "UTC" else f"{clock(rfc3339, zone)} {zone.key} · {universal}"


def shown(text: str) -> str:
    """Control characters as pictures of themselves: an escape sequence is to be seen, not obeyed."""
    return text.translate(_PICTURES)


_PICTURES = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A, 0x0D)} | {0x7F: 0x2421}


def shortened(subject: str) -> str:
    """An id, shortened in the middle: both ends are what people compare."""
    if len(subject) <= _ID_CHARACTERS:
        return shown(subject)
    half = (_ID_CHARACTERS - 1) // 2
    return f"{shown(subject[:half])}…{shown(subject[-half:])}"
