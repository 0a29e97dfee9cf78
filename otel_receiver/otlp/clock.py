"""Clocks of clients are wrong now and then. What we do about it, in one pure function."""

from typing import NamedTuple

_DAY_NS = 86_400 * 1_000_000_000

OLDEST_NS = 400 * _DAY_NS
"""A year and a month back: older spans are broken clocks, and each of their days would open a partition."""

NEWEST_NS = _DAY_NS
"""A day ahead covers every time zone mistake."""


class Times(NamedTuple):
    start_ns: int
    end_ns: int
    flaws: tuple[str, ...] = ()


def clamped(start_ns: int, end_ns: int, received_ns: int) -> Times:
    """A start nobody can mean becomes the received time; an end before the start, or far ahead, becomes a sane one."""
    newest = received_ns + NEWEST_NS
    if received_ns - OLDEST_NS <= start_ns <= end_ns <= newest:
        return Times(start_ns, end_ns)
    flaws = []
    if not plausible(start_ns, received_ns):
        start_ns = received_ns
        flaws.append("start_clamped")
    if end_ns > newest:
        end_ns = max(start_ns, received_ns)
        flaws.append("end_clamped")
    elif end_ns < start_ns:
        end_ns = start_ns
        flaws.append("end_clamped")
    return Times(start_ns, end_ns, tuple(flaws))


def plausible(at_ns: int, received_ns: int) -> bool:
    return received_ns - OLDEST_NS <= at_ns <= received_ns + NEWEST_NS


def log_time(sent_ns: int, observed_ns: int, received_ns: int, flaws: set[str]) -> int:
    """When a log record was: its time, else when it was observed (0 is "unknown", says the schema), else now."""
    at_ns = observed_ns if sent_ns == 0 else sent_ns
    if plausible(at_ns, received_ns):
        return at_ns
    flaws.add("time_clamped")
    return received_ns
