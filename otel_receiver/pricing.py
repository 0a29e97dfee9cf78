"""Usage -> cost. The dialect's own number wins; else the unit prices in force when the call started; else nothing."""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from clickhouse.projects import Project
from otel_receiver.call import Call, Usage
from otel_receiver.price_list import Override, Price, listed_price, load_list, read_overrides

CostSource = Literal["", "reported", "computed", "unpriced"]
"""Empty: there was no usage to price."""

_TWELVE_PLACES = Decimal("1e-12")
_TOO_MUCH = Decimal(1_000_000)
"""Decimal(18, 12) ends here; and a single call that costs a million dollars is a broken number."""

PERIOD_NS = 15 * 60 * 1_000_000_000
"""Prices change on the quarter of an hour at the finest (off-peak hours), so within one they are looked up once."""

_MAX_PRICES = 4_096
"""Models in use are few; a client that makes names up may not fill the memory."""


class Cost(NamedTuple):
    usd: Decimal | None = None
    source: CostSource = ""
    price_source: str = ""


_NO_USAGE = Usage()
_NOTHING = Cost()
_UNPRICED = Cost(None, "unpriced")


def prices_of(project: Project) -> "Prices":
    """A project's own prices, then the listed ones. Raises ValueError with a sentence."""
    table = project.prices
    if isinstance(table, Path):
        try:
            table = tomllib.loads(table.read_text(encoding="utf-8"), parse_float=Decimal)
        except OSError as why:
            raise ValueError(f"cannot read the prices in {project.prices}: {why.strerror}") from None
    return Prices(() if table is None else read_overrides(table))


class Prices:
    """What calls of one project cost."""

    def __init__(self, overrides: Sequence[Override] = ()) -> None:
        self._overrides = tuple(overrides)
        load_list()
        self._found: dict[tuple[str, str, str, int], Price | None] = {}

    def cost(self, call: Call, at_ns: int) -> Cost:
        usage, reported = call.usage, call.reported_cost_usd
        if usage == _NO_USAGE and reported is None:
            return _NOTHING
        if reported is not None and _is_known(reported, usage):
            return Cost(reported.quantize(_TWELVE_PLACES), "reported")
        if usage == _NO_USAGE:
            return _NOTHING
        price = self.price(call, at_ns)
        usd = None if price is None else computed(usage, price)
        return _UNPRICED if price is None or usd is None else Cost(usd, "computed", price.source)

    def price(self, call: Call, at_ns: int) -> Price | None:
        """The unit prices for a call: of the model that answered, else of the one that was asked for."""
        key = (call.provider, call.response_model, call.request_model, at_ns // PERIOD_NS)
        if key in (found := self._found):
            return found[key]
        price = self._look_up(call.provider, (call.response_model, call.request_model), at_ns)
        # A full cache is replaced rather than cleared: another thread may be reading it.
        self._found = {key: price} if len(found) >= _MAX_PRICES else {**found, key: price}
        return price

    def _look_up(self, provider: str, models: tuple[str, ...], at_ns: int) -> Price | None:
        for model in models:
            for override in self._overrides:
                if override.matches(provider, model):
                    return override.price
        for model in models:
            price = listed_price(provider, model, at_ns)
            if price is not None:
                return price
        return None


def _is_known(reported: Decimal, usage: Usage) -> bool:
    """Zero beside tokens is what tools write that do not know the price."""
    if not reported.is_finite() or not 0 <= reported < _TOO_MUCH:
        return False
    return reported > 0 or all(count in (None, 0) for count in usage)


def computed(usage: Usage, price: Price) -> Decimal | None:
    """None where the numbers contradict each other: parts that are more than their whole."""
    fresh, spoken, read, written, thought = [0 if count is None else count for count in usage]
    rates, usd = price.at(fresh), price.request
    if rates.cache_read is not None:
        fresh -= read
        usd += read * rates.cache_read
    if rates.cache_write is not None:
        fresh -= written
        usd += written * rates.cache_write
    if rates.reasoning is not None:
        spoken -= thought
        usd += thought * rates.reasoning
    if rates.input is not None:
        usd += fresh * rates.input
    if rates.output is not None:
        usd += spoken * rates.output
    if fresh < 0 or spoken < 0 or usd >= _TOO_MUCH:
        return None
    return usd.quantize(_TWELVE_PLACES)
