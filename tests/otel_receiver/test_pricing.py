"""Usage to cost, held against genai-prices' own arithmetic, and a project's own prices before the listed ones."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from genai_prices import data_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, Provider, TimeOfDateConstraint

from clickhouse.projects import Project
from otel_receiver.call import Call, Usage
from otel_receiver.price_list import read_overrides
from otel_receiver.pricing import PERIOD_NS, Cost, Prices, prices_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = 1_000_000_000
NOW_NS = int(NOW.timestamp()) * SECOND


def cost(usage: Usage, provider: str = "openai", model: str = "gpt-4o-mini", prices: Prices | None = None) -> Cost:
    call = Call(provider=provider, request_model=model, usage=usage)
    return (Prices() if prices is None else prices).cost(call, NOW_NS)


def listed() -> Iterator[tuple[Provider, ModelInfo]]:
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            yield provider, model


def oracle(provider: str | None, model: str, usage: Usage, when: datetime) -> Decimal | None:
    """What the library says itself."""
    counts = {
        name: count for name, count in usage._asdict().items() if count is not None and name != "reasoning_tokens"
    }
    if usage.reasoning_tokens is not None:
        counts["output_reasoning_tokens"] = usage.reasoning_tokens
    try:
        price = genai_prices.calc_price(
            genai_prices.Usage(**counts), model, provider_id=provider, genai_request_timestamp=when
        )
    except (LookupError, ValueError):
        return None
    return price.total_price.quantize(Decimal("1e-12"))


def test_every_listed_model_costs_what_the_library_says() -> None:
    """Tiers, cached and reasoning tokens, prices by date and by hour: our one pass equals its slow one."""
    chance, compared, prices = random.Random(1), 0, Prices()
    for provider, model in listed():
        asked, answered = chance.choice((0, 7, 1_000, 199_999, 200_001, 3_000_000)), chance.randrange(50_000)
        read = chance.randrange(asked // 2 + 1)
        usage = Usage(asked, answered, read, chance.randrange(asked // 2 + 1), chance.randrange(answered + 1))
        when = datetime.fromtimestamp(NOW.timestamp() - chance.randrange(400 * 86_400), UTC).replace(microsecond=0)
        call = Call(provider=provider.id, response_model=model.id, usage=usage)
        ours = prices.cost(call, int(when.timestamp()) * SECOND)
        if ours.source == "computed":
            assert ours.usd == oracle(provider.id, model.id, usage, when), (provider.id, model.id, usage)
            compared += 1
    assert compared > 2_000


def test_prices_change_on_the_quarter_of_an_hour_at_the_finest() -> None:
    """Else looking them up once per quarter would be wrong."""
    quarter = PERIOD_NS // SECOND
    bounds: set[time] = set()
    for _, model in listed():
        for price in model.prices if isinstance(model.prices, list) else ():
            if isinstance(price, ConditionalPrice) and isinstance(price.constraint, TimeOfDateConstraint):
                bounds |= {price.constraint.start_time, price.constraint.end_time}
    assert bounds
    assert all((bound.hour * 3600 + bound.minute * 60 + bound.second) % quarter == 0 for bound in bounds)


def test_a_price_is_looked_up_once_per_model_and_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up costs more than a whole span may."""
    asked: list[str] = []
    monkeypatch.setattr("otel_receiver.pricing.listed_price", lambda _provider, model, _at_ns: asked.append(model))
    prices, call = Prices(), Call(provider="openai", request_model="m", usage=Usage(1, 1))
    for second in range(600):
        prices.cost(call, NOW_NS + second * SECOND)
    assert asked == ["", "m"]
    prices.cost(call, NOW_NS + PERIOD_NS)
    assert len(asked) == 4


def test_made_up_models_do_not_fill_the_memory() -> None:
    """A client that invents a name per span gets no price, and no room."""
    prices = Prices()
    for number in range(5_000):
        assert cost(Usage(1, 1), "nobody", f"m{number}", prices).source == "unpriced"
    assert len(prices._found) <= 4_096
    assert cost(Usage(1, 1), "openai", "x" * 100_000, prices).source == "unpriced"


@pytest.mark.parametrize(
    ("usage", "reported", "expected"),
    [
        (Usage(), None, ("", None)),
        (Usage(10, 5), Decimal("0.25"), ("reported", Decimal("0.25"))),
        (Usage(10, 5), Decimal(0), ("computed", Decimal("0.0000045"))),
        (Usage(0, 0), Decimal(0), ("reported", Decimal(0))),
        (Usage(), Decimal(0), ("reported", Decimal(0))),
        (Usage(10, 5), Decimal("nan"), ("computed", Decimal("0.0000045"))),
        (Usage(10, 5), Decimal(-1), ("computed", Decimal("0.0000045"))),
        (Usage(10, 5), Decimal(10_000_000), ("computed", Decimal("0.0000045"))),
        (Usage(), Decimal("nan"), ("", None)),
        (Usage(10, 5, 11), None, ("unpriced", None)),
        (Usage(1 << 53, 1 << 53), None, ("unpriced", None)),
        (Usage(0, 0), None, ("computed", Decimal(0))),
    ],
)
def test_the_dialects_number_wins_unless_it_says_nothing(
    usage: Usage, reported: Decimal | None, expected: tuple[str, Decimal | None]
) -> None:
    """Zero beside tokens is absent, nonsense is absent, no usage has no cost, contradictions have no price."""
    call = Call(provider="openai", request_model="gpt-4o-mini", usage=usage, reported_cost_usd=reported)
    priced = Prices().cost(call, NOW_NS)
    assert (priced.source, priced.usd) == expected


def test_embeddings_have_a_price() -> None:
    """Input alone is enough."""
    priced = cost(Usage(1_000_000), model="text-embedding-3-small")
    assert priced.usd == Decimal("0.02")
    assert priced.price_source.startswith("genai-prices ")
    assert priced.price_source.endswith(" openai/text-embedding-3-small")


def test_the_model_that_answered_is_asked_for_first() -> None:
    """And the one that was asked for where nobody knows the other: a deployment's name, a snapshot's."""
    usage = Usage(1_000_000, 0)
    answered = Call(provider="openai", request_model="gpt-4o", response_model="gpt-4o-mini", usage=usage)
    assert Prices().cost(answered, NOW_NS).usd == Decimal("0.15")
    unknown = Call(provider="openai", request_model="gpt-4o-mini", response_model="my-deployment", usage=usage)
    assert Prices().cost(unknown, NOW_NS).usd == Decimal("0.15")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("", "gpt-4o-mini"),
        ("langchain", "gpt-4o-mini"),
        ("litellm", "openai/gpt-4o-mini"),
        ("", "openai/gpt-4o-mini"),
        ("azure.ai.openai", "gpt-4o-mini"),
        ("openai.responses", "gpt-4o-mini"),
        ("OpenAI", "GPT-4o-mini"),
    ],
)
def test_frameworks_and_older_names_lead_to_the_seller(provider: str, model: str) -> None:
    """Where the provider is somebody else's wrapper, the model's name says whose it is."""
    assert cost(Usage(1_000_000, 0), provider, model).usd == Decimal("0.15")


def test_a_model_that_its_provider_does_not_list_has_no_price() -> None:
    """A local server of somebody's model is not billed by its maker: no number rather than a wrong one."""
    assert cost(Usage(1, 1), "ollama", "gpt-4o-mini") == Cost(None, "unpriced")
    assert cost(Usage(1, 1), "openai", "llama3") == Cost(None, "unpriced")


OVERRIDES: dict[str, Any] = {
    "gpt-4o*": {"provider": "azure*", "input": 1, "output": 2},
    "house-*": {
        "input": "3.5",
        "output": 10,
        "cache_read": 0.5,
        "cache_write": 4,
        "reasoning": 20,
        "tiers": [{"above": 1000, "input": 7}, {"above": 5000, "input": 14, "cache_read": 1}],
    },
}


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(1000, 100), "0.0045"),
        (Usage(1001, 100), "0.008007"),
        (Usage(1000, 100, 400, 100), "0.00335"),
        (Usage(6000, 0, 1000), "0.071"),
        (Usage(1000, 100, 0, 0, 50), "0.005"),
    ],
)
def test_a_project_has_its_own_prices(usage: Usage, dollars: str) -> None:
    """Parts and tiers; past a tier's start its rates apply to all tokens."""
    priced = cost(usage, "ours", "house-7b", Prices(read_overrides(OVERRIDES)))
    assert priced == Cost(Decimal(dollars).quantize(Decimal("1e-12")), "computed", "override house-*")


def test_an_override_may_be_for_one_provider() -> None:
    """The same model at another seller keeps the listed price."""
    prices = Prices(read_overrides(OVERRIDES))
    assert cost(Usage(1_000_000, 0), "azure.ai.openai", "gpt-4o-mini", prices).usd == 1
    assert cost(Usage(1_000_000, 0), "openai", "gpt-4o-mini", prices).usd == Decimal("0.15")


def test_prices_are_read_from_a_table_or_a_file(tmp_path: Path) -> None:
    """As the projects file has them."""
    file = tmp_path / "prices.toml"
    file.write_text('["house-*"]\ninput = 0.1\n')
    usage = Usage(1_000_000, 0)
    for prices in (file, {"house-*": {"input": 0.1}}):
        assert cost(usage, "x", "house-7b", prices_of(Project("p", prices=prices))).usd == Decimal("0.1")
    assert cost(usage, prices=prices_of(Project("p"))).usd == Decimal("0.15")
    with pytest.raises(ValueError, match="cannot read the prices"):
        prices_of(Project("p", prices=tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {},
        {"provider": "x"},
        {"input": -1},
        {"input": "much"},
        {"input": True},
        {"input": 1, "inptu": 2},
        {"input": 1, "tiers": [{"input": 2}]},
        {"input": 1, "tiers": [{"above": 10, "input": "x"}]},
    ],
)
def test_a_price_that_makes_no_sense_is_refused_with_a_sentence(entry: Any) -> None:
    """At the start, not at the first span."""
    with pytest.raises(ValueError, match="The price of m "):
        read_overrides({"m": entry})
