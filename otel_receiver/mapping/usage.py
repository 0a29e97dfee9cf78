"""Tokens and reported cost. A number that cannot be one is refused with a flaw; absent stays None, never 0."""

import math
from decimal import Decimal, InvalidOperation
from typing import Any

from otel_receiver.call import Usage
from otel_receiver.mapping.hits import Hits
from otel_receiver.mapping.keys import Field

MAX_TOKENS = 2**53
"""Above this a double no longer counts by one, so whatever it is, it is not a count."""

MAX_USD = 1_000_000
"""A single call that costs a million dollars is a broken number."""

_FIELDS: tuple[Field, ...] = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_NOTHING = Usage()


def read_usage(hits: Hits) -> Usage:
    if not hits.documents and hits.best.keys().isdisjoint(_FIELDS):
        return _NOTHING
    usage = Usage(
        _tokens(hits, "input_tokens"),
        _tokens(hits, "output_tokens"),
        _tokens(hits, "cache_read_tokens"),
        _tokens(hits, "cache_write_tokens"),
        _tokens(hits, "reasoning_tokens"),
    )
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    if usage.input_tokens is None or cached == 0 or not _apart(hits, usage.input_tokens, cached):
        return usage
    return usage._replace(input_tokens=usage.input_tokens + cached)


def read_cost(hits: Hits, usage: Usage) -> Decimal | None:
    """The dialect's own number. A 0 beside tokens is a price it did not know."""
    if "cost" not in hits.best and not hits.documents:
        return None
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)

    def known(value: Any) -> Decimal | None:
        cost = _amount(value)
        if cost is None:
            hits.flaws.append("cost_invalid")
        return None if cost == 0 and tokens > 0 else cost

    cost: Decimal | None = hits.first("cost", known)[0]
    return cost


def _tokens(hits: Hits, field: Field) -> int | None:
    """The first present key speaks for its field, even when what it says has to be refused."""
    key = hits.best.get(field)
    if key is not None:
        value: Any = hits.span.attributes[key.name]
    elif hits.documents:
        value = hits.first(field, _present)[0]
    else:
        return None
    if type(value) is int and 0 <= value <= MAX_TOKENS:
        return value
    return None if value is None else _counted(hits, value)


def _counted(hits: Hits, value: Any) -> int | None:
    count = _whole_number(value)
    if isinstance(count, str):
        hits.flaws.append(count)
        return None
    return count


def _present(value: Any) -> Any:
    return value


def _whole_number(value: Any) -> int | str:
    """The count, or the flaw of what is none."""
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        return "usage_not_a_number"
    if isinstance(value, bool) or not number.is_finite():
        return "usage_not_a_number"
    if number < 0:
        return "usage_negative"
    if number > MAX_TOKENS:
        return "usage_too_large"
    return int(number) if number == number.to_integral_value() else "usage_fractional"


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < MAX_USD else None


def _apart(hits: Hits, input_tokens: int, cached: int) -> bool:
    """Whether cached tokens are missing from the input: the numbers prove it, or the dialect is known for it."""
    if input_tokens < cached:
        return True
    for apart in hits.table.caches_apart:  # noqa: SIM110 - on every cached call: a generator costs more than all of them
        if apart(hits.span):
            return True
    return False
