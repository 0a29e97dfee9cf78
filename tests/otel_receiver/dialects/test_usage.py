"""Tokens and reported cost: what is refused, what is added, and what counts as unsaid."""

from decimal import Decimal
from typing import Any

import pytest

from otel_receiver.call import Usage
from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import CHAT, call_of

IN, OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
READ, WRITE = "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens"


@pytest.mark.parametrize("value", [12, 12.0, "12", " 12 ", "12.0", "1.2e1"])
def test_a_count_is_read_however_it_is_written(value: Any) -> None:
    """SDKs send integers as doubles and as texts."""
    assert call_of({**CHAT, IN: value}).usage.input_tokens == 12


def test_zero_is_a_count_and_absent_is_none() -> None:
    """0 is not nothing."""
    call = call_of({**CHAT, IN: 0, OUT: ""})
    assert call.usage == Usage(input_tokens=0)
    assert call.flaws == ()


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        (-1, "usage_negative"),
        ("-1", "usage_negative"),
        (2**53 + 1, "usage_too_large"),
        ("9" * 5_000, "usage_too_large"),
        ("1e999999999", "usage_too_large"),
        (1.5, "usage_fractional"),
        (float("nan"), "usage_not_a_number"),
        (float("inf"), "usage_not_a_number"),
        ("sNaN", "usage_not_a_number"),
        ("many", "usage_not_a_number"),
        (True, "usage_not_a_number"),
        ([1], "usage_not_a_number"),
    ],
)
def test_what_is_no_count_is_refused_and_flagged(value: Any, flaw: str) -> None:
    """The value, not the span; and no other key steps in for the one that spoke."""
    call = call_of({**CHAT, IN: value, "gen_ai.usage.prompt_tokens": 5, OUT: 3})
    assert call.usage == Usage(output_tokens=3)
    assert call.flaws == (flaw,)


def test_two_keys_of_one_field_are_never_added() -> None:
    """Strands sends the old and the new name, OpenInference may send OpenTelemetry's as well."""
    call = call_of(
        {**CHAT, IN: 10, "gen_ai.usage.prompt_tokens": 10, "llm.token_count.prompt": 10, "ai.usage.tokens": 10}
    )
    assert call.usage.input_tokens == 10


@pytest.mark.parametrize(
    ("attributes", "own", "input_tokens"),
    [
        ({IN: 141, READ: 32, WRITE: 8}, {}, 141),  # as the convention has it
        ({IN: 10, READ: 32, WRITE: 8}, {}, 50),  # the numbers prove it
        ({IN: 101, READ: 32}, {"scope": "openlit.instrumentation.anthropic"}, 133),
        ({IN: 101, READ: 32}, {"scope": "openlit.instrumentation.openai"}, 101),
        ({"span.type": "llm_request", "input_tokens": 101, "cache_read_tokens": 32}, {}, 133),
        (
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.model.provider": "anthropic.messages",
                "ai.usage.inputTokens": 101,
                "ai.usage.cachedInputTokens": 32,
            },
            {},
            133,
        ),
        (
            {
                "ai.operationId": "ai.streamText.doStream",
                "ai.model.provider": "anthropic.messages",
                "ai.usage.inputTokens": 133,
                "ai.usage.inputTokenDetails.noCacheTokens": 101,
                "ai.usage.inputTokenDetails.cacheReadTokens": 32,
            },
            {},
            133,
        ),
    ],
)
def test_input_includes_cached_tokens(attributes: Attributes, own: Any, input_tokens: int) -> None:
    """Those of the few that report them apart are added."""
    assert call_of({**CHAT, **attributes}, **own).usage.input_tokens == input_tokens


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ('{"input": 69, "input_cached_tokens": 32, "output": 6, "output_reasoning": 11}', Usage(101, 17, 32, None, 11)),
        ('{"input_tokens": 101, "output_tokens": 17, "cache_read_input_tokens": 32}', Usage(133, 17, 32)),
        ('{"prompt_tokens": 101, "prompt_tokens_details": {"cached_tokens": 32}}', Usage(101, None, 32)),
        ('{"input": 7, "input_modality_TEXT": 7}', Usage(7)),
        ('{"input": -1}', Usage()),
        ("[1, 2]", Usage()),
        ("no json", Usage()),
    ],
)
def test_langfuse_buckets_are_put_together_again(details: str, usage: Usage) -> None:
    """It takes every kind of token out of `input` and `output`; a provider's own shape it passes on."""
    attributes: Attributes = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": details}
    assert call_of(attributes).usage == usage


def test_genkit_thoughts_belong_to_the_output_where_the_total_says_so() -> None:
    """Gemini counts them apart."""
    usage = '{"usage": {"inputTokens": 10, "outputTokens": 5, "thoughtsTokens": 3, "totalTokens": %d}}'
    model: Attributes = {"genkit:metadata:subtype": "model"}
    assert call_of({**model, "genkit:output": usage % 18}).usage.output_tokens == 8
    assert call_of({**model, "genkit:output": usage % 15}).usage.output_tokens == 5


def test_a_sum_of_a_history_is_nobody_s_usage() -> None:
    """Pydantic AI's aggregate repeats what its calls say."""
    assert call_of({"gen_ai.aggregated_usage.input_tokens": 518}).usage == Usage()


@pytest.mark.parametrize(
    ("attributes", "cost"),
    [
        ({"gen_ai.usage.cost": 0.00002295}, Decimal("0.00002295")),
        ({"gen_ai.cost.total_cost": 4.065e-05}, Decimal("0.00004065")),
        ({"operation.cost": "0.5"}, Decimal("0.5")),
        ({"gen_ai.usage.cost": 0}, None),  # beside tokens: a price it did not know
        ({"gen_ai.usage.cost": 0, "llm.cost.total": 0.5}, Decimal("0.5")),
        ({"langfuse.observation.cost_details": '{"input": 0.1, "output": 0.2, "total": 0.3}'}, Decimal("0.3")),
        ({"mlflow.llm.cost": '{"total_cost": 0.003}'}, Decimal("0.003")),
    ],
)
def test_the_dialect_s_own_cost_is_exact(attributes: Attributes, cost: Decimal | None) -> None:
    """As a decimal of what was written; 0 beside tokens is unsaid."""
    assert call_of({**CHAT, IN: 5, **attributes}).reported_cost_usd == cost


def test_a_cost_of_nothing_for_nothing_is_known() -> None:
    """Without tokens 0 is 0."""
    assert call_of({**CHAT, "gen_ai.usage.cost": 0}).reported_cost_usd == 0


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "free", True, "1e400"])
def test_what_is_no_amount_is_refused(value: Any) -> None:
    """And flagged."""
    call = call_of({**CHAT, IN: 5, "gen_ai.usage.cost": value})
    assert call.reported_cost_usd is None
    assert call.flaws == ("cost_invalid",)
