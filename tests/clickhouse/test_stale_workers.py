"""Workers that are slow, die, or are one of many never leave an older state: thousands of histories of a model."""

from dataclasses import fields, replace

import pytest

from tests.clickhouse.queue_model import NeverSettles, Rule, play

HISTORIES = 10_000
SEARCHED = 4_000


def test_the_last_state_wins_whoever_is_late() -> None:
    """Pauses between any two steps, deaths, clocks that jump, deletions, queues pruned: the end is the truth."""
    for seed in range(HISTORIES):
        said, true = play(seed, Rule())
        assert said == true, f"history {seed}"


@pytest.mark.slow
def test_the_last_state_wins_in_many_more_histories() -> None:
    """The same."""
    for seed in range(HISTORIES, 200_000):
        said, true = play(seed, Rule())
        assert said == true, f"history {seed}"


@pytest.mark.parametrize(
    ("broken", "first"),  # some need a coincidence that is rare: from there on one is near
    [
        ("version_is_read_first", 0),
        ("queued_before_read", 0),
        ("stamp_after_change", 0),
        ("stamps_outlive_rows", 0),
        ("every_id_ever", 0),
        ("ids_before_rows", 0),
        ("done_by_id", 0),
        ("sessions_queued_last", 20_000),
        ("finished_last", 220_000),
        ("hours_before_rows", 0),
        ("left_once_written", 0),
        ("readings_differ", 259_000),
        ("heals", 0),
    ],
)
def test_each_part_of_the_rule_is_needed(broken: str, first: int) -> None:
    """Without it some history ends wrong: so the model would notice."""
    rule = replace(Rule(), **{broken: False})
    assert any(ends_wrong(seed, rule) for seed in range(first, first + SEARCHED))


def test_every_part_of_the_rule_is_broken_once() -> None:
    """None is only claimed."""
    [parametrized] = test_each_part_of_the_rule_is_needed.pytestmark  # type: ignore[attr-defined]
    assert {part for part, _ in parametrized.args[1]} == {part.name for part in fields(Rule)}


def ends_wrong(seed: int, rule: Rule) -> bool:
    try:
        said, true = play(seed, rule)
    except NeverSettles:
        return True
    return said != true
