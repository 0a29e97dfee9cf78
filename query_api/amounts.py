"""Amounts to filter by: `5`, `=5`, `>5`, `>=5`, `<5`, `<=5`, `5..10`, `5..`, `..10`; each in its smallest unit."""

import re
from collections.abc import Callable
from decimal import Decimal

from query_api.numbers import LARGEST, Ranges, at_least, at_most, from_to
from query_api.times import NotATime, parse_length_ns

_COMPARISON = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})", re.ASCII)
PICO = 12
"""Money and scores are counted in 1e-12."""

Reader = Callable[[str], int]


class NotAnAmount(ValueError):
    """What was expected, and how far into the text."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def read_amounts(text: str, read: Reader) -> Ranges:
    low, dots, high = text.partition("..")
    if dots:
        return _between(low, high, read)
    found = _COMPARISON.fullmatch(text)
    comparison, amount = found.groups() if found is not None else (None, text)
    value = _read(amount, len(comparison or ""), read)
    match comparison:
        case ">":
            return at_least(value + 1)
        case ">=":
            return at_least(value)
        case "<":
            return at_most(value - 1)
        case "<=":
            return at_most(value)
        case _:
            return from_to(value, value)


def _between(low: str, high: str, read: Reader) -> Ranges:
    if low == high == "":
        raise NotAnAmount(0, "a range has at least one end, such as 5..10, 5.. or ..10")
    least = -LARGEST if low == "" else _read(low, 0, read)
    most = LARGEST if high == "" else _read(high, len(low) + 2, read)
    if least > most:
        raise NotAnAmount(len(low) + 2, "the range ends before it begins")
    return from_to(least, most)


def _read(text: str, offset: int, read: Reader) -> int:
    try:
        return read(text)
    except (NotATime, NotAnAmount) as error:
        raise NotAnAmount(offset, str(error)) from None


def count(text: str) -> int:
    if _COUNT.fullmatch(text) is None:
        raise NotAnAmount(0, "a whole number was expected, as in 5, >=5 or 5..10")
    return int(text)


def money(text: str) -> int:
    if _DECIMAL.fullmatch(text) is None or text.startswith("-"):
        raise NotAnAmount(0, "an amount of US dollars was expected, as in 0.50, >0.5 or 0.1..2")
    return _pico(text)


def score(text: str) -> int:
    if _DECIMAL.fullmatch(text) is None:
        raise NotAnAmount(0, "a number was expected, as in 0.8, >=0.8 or 0..0.5")
    return _pico(text)


def length(text: str) -> int:
    return parse_length_ns(text)


def _pico(text: str) -> int:
    return int(Decimal(text).scaleb(PICO))
