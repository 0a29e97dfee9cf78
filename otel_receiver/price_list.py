"""Unit prices: a project's own, and genai-prices, which works offline and is kept up to date by its authors."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import genai_prices
from genai_prices import data_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

_MAX_NAME = 256
"""Longer than any model's name. Each unknown one is compared with some hundred patterns."""


class Rates(NamedTuple):
    """US dollars per token. A part without a rate of its own is billed with what it is part of."""

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None


class Price(NamedTuple):
    """What a model costs, in some period."""

    source: str  # whose price it is, for people
    rates: Rates
    tiers: tuple[tuple[int, Rates], ...] = ()  # past so many input tokens, ascending, these apply to all tokens
    request: Decimal = Decimal(0)  # US dollars per call

    def at(self, input_tokens: int) -> Rates:
        rates = self.rates
        for start, higher in self.tiers:
            if input_tokens > start:
                rates = higher
        return rates


@dataclass(frozen=True)
class Override:
    """A project's own price. `model` and `provider` are patterns, as in `gpt-4o*`; an empty provider is any."""

    model: str
    price: Price
    provider: str = ""

    def matches(self, provider: str, model: str) -> bool:
        if model == "" or not fnmatchcase(model.lower(), self.model.lower()):
            return False
        return self.provider == "" or fnmatchcase(provider.lower(), self.provider.lower())


def read_overrides(table: Mapping[str, Any]) -> tuple[Override, ...]:
    """A project's prices: by pattern of model names, the rates in US dollars per million tokens, and tiers of them.

    ["gpt-4o*"]
    provider = "azure*"      # optional
    input = 2.5
    output = 10
    tiers = [{ above = 200000, input = 5 }]

    Raises ValueError with a sentence.
    """
    return tuple(_read_override(model, entry) for model, entry in table.items())


def _read_override(model: str, entry: Any) -> Override:
    known = {"provider", "tiers", *Rates._fields}
    if not isinstance(entry, Mapping) or not known.issuperset(entry) or entry.keys().isdisjoint(Rates._fields):
        raise ValueError(
            f"The price of {model} needs some of {', '.join(Rates._fields)}; else it may have provider, tiers."
        )
    try:
        rates = _own_rates(entry)
        tiers = tuple(sorted((int(tier["above"]), _own_rates({**entry, **tier})) for tier in entry.get("tiers", ())))
    except (KeyError, TypeError, ValueError, InvalidOperation):
        raise ValueError(
            f"The price of {model} must be dollars per million tokens, its tiers like {{ above = 200000, input = 5 }}."
        ) from None
    return Override(model, Price(f"override {model}", rates, tiers), str(entry.get("provider", "")))


def _own_rates(entry: Mapping[str, Any]) -> Rates:
    return Rates(**{part: _dollars(entry[part]) for part in Rates._fields if part in entry})


def _dollars(value: Any) -> Decimal:
    dollars = Decimal(str(value))
    if isinstance(value, bool) or not dollars.is_finite() or dollars < 0:
        raise ValueError
    return dollars.scaleb(-6)


_PROVIDERS = {
    # OpenTelemetry's well-known values of gen_ai.provider.name that genai-prices knows under another name
    # (https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/registry/attributes/gen-ai.md)
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gen_ai": "google",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
_FRAMEWORKS = frozenset(
    ("", "gcp.vertex.agent", "langchain", "langgraph", "litellm", "microsoft.agent_framework", "strands-agents")
)
"""These call somebody else's model: only its name says whose."""


def load_list() -> None:
    """Takes 0.2 s, once: at the start, rather than while the first span waits."""
    data_snapshot.get_snapshot()


def listed_price(provider: str, model: str, at_ns: int) -> Price | None:
    """The price of a model as genai-prices lists it for that moment."""
    if model == "" or len(model) > _MAX_NAME:
        return None
    found = _found(provider.lower(), model.lower())
    if found is None:
        return None
    prices = found[1].get_prices(datetime.fromtimestamp(at_ns // 1_000_000_000, UTC))
    if prices.input_mtok is None and prices.output_mtok is None:
        return None  # billed by the hour, the page or the picture
    return _price(prices, f"genai-prices {genai_prices.__version__} {found[0].id}/{found[1].id}")


def _found(provider: str, model: str) -> tuple[Provider, ModelInfo] | None:
    # The library's own look-up remembers every name it is asked for, without bound; its parts do not.
    everyone = data_snapshot.get_snapshot().providers
    seller, name = _seller(everyone, _PROVIDERS.get(provider, provider), model)
    info = None if seller is None else seller.find_model(name, all_providers=everyone)
    return None if seller is None or info is None else (seller, info)


def _seller(everyone: list[Provider], provider: str, model: str) -> tuple[Provider | None, str]:
    if provider not in _FRAMEWORKS:
        return data_snapshot.find_provider_by_id(everyone, provider), model
    prefix, slash, rest = model.partition("/")
    if slash and (seller := next((one for one in everyone if one.id == _PROVIDERS.get(prefix, prefix)), None)):
        return seller, rest
    named = (one for one in everyone if one.model_match is not None and one.model_match.is_match(model))
    return next(named, None), model


# The parts of Rates, in order, as genai-prices names them.
_KEYS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "output_reasoning_mtok")


def _price(prices: ModelPrice, source: str) -> Price:
    units = [getattr(prices, key) for key in _KEYS]
    starts = sorted({tier.start for unit in units if isinstance(unit, TieredPrices) for tier in unit.tiers})
    return Price(
        source,
        Rates._make(_rate(unit, 0) for unit in units),
        tuple((start, Rates._make(_rate(unit, start + 1) for unit in units)) for start in starts),
        prices.requests_kcount / 1_000 if isinstance(prices.requests_kcount, Decimal) else Decimal(0),
    )


def _rate(price: Decimal | TieredPrices | None, input_tokens: int) -> Decimal | None:
    """US dollars per token, of a price per million."""
    if isinstance(price, TieredPrices):
        reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
        price = reached[-1] if reached else price.base
    return None if price is None else price.scaleb(-6)
