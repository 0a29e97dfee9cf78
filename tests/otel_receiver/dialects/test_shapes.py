"""What names mean together is looked at once for all spans that have them; no span may hear of another."""

from otel_receiver.dialects import DIALECTS
from otel_receiver.mapping.hits import collect
from otel_receiver.mapping.table import merge
from otel_receiver.span import Attributes
from tests.otel_receiver.dialects.spans import call_of, span_of

_BOTH: Attributes = {"gen_ai.provider.name": "openai", "gen_ai.system": "anthropic"}


def test_the_same_names_with_an_empty_value_are_another_matter() -> None:
    """Whichever came first: an empty text leaves its field to the next key, a full one does not."""
    for _ in range(2):
        assert call_of(_BOTH).provider == "openai"
        assert call_of({**_BOTH, "gen_ai.provider.name": ""}).provider == "anthropic"
        assert call_of({**_BOTH, "gen_ai.provider.name": None}).provider == "anthropic"
        assert call_of({**_BOTH, "gen_ai.system": ""}).provider == "openai"


def test_a_name_that_is_empty_is_a_name() -> None:
    """What is unreadable is called so; it must not pass for the mark of an empty value."""
    for _ in range(2):
        assert call_of({**_BOTH, "": ""}).provider == "openai"
        assert call_of({"gen_ai.system": "anthropic", "": "gen_ai.provider.name"}).provider == "anthropic"


def test_names_without_end_fill_no_memory() -> None:
    """Of a client that makes them up, neither many shapes nor a large one are kept, and all are read."""
    table = merge(DIALECTS)
    for number in range(3_000):
        hits = collect(table, span_of({f"made.up.{number}": "x", "session.id": "s"}))
        assert hits.text("session") == "s"
    assert len(table.shapes) <= 1_024
    remembered = len(table.shapes)
    large = {f"{'k' * 500}{number}": "x" for number in range(50)}
    assert collect(table, span_of({**large, "session.id": "s"})).text("session") == "s"
    assert len(table.shapes) == remembered
