"""The search grammar: what it means, and where it says that something is wrong."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from query_api.filters import Active, OneOf, Scored, Term, Within
from query_api.numbers import EVERYTHING, LARGEST, both, outside
from query_api.scanning import SearchMistake
from query_api.search import KEYS, parse_search
from query_api.times import SECOND_NS

NOW_NS = 1_795_176_000 * SECOND_NS  # 2026-11-20T12:00:00Z
UTC = ZoneInfo("UTC")


def parsed(text: str) -> tuple[Term, ...]:
    return parse_search(text, NOW_NS, UTC)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("  \t ", []),
        ("session:conv-42", [OneOf("session", ("conv-42",))]),
        ("session:a/b?c#%20", [OneOf("session", ("a/b?c#%20",))]),
        ('session:" a b "', [OneOf("session", ("a b",))]),
        (r'session:"say \"hi\" \\"', [OneOf("session", ('say "hi" \\',))]),
        ("session:urn:x:1", [OneOf("session", ("urn:x:1",))]),
        ("-user:u status:error", [OneOf("user", ("u",), True), OneOf("status", ("error",))]),
        ("env:prod", [OneOf("environment", ("prod",))]),
        ("meta.plan:pro", [OneOf("metadata", (("plan", "pro"),))]),
        ('meta."a b:c":"d e"', [OneOf("metadata", (("a b:c", "d e"),))]),
        ("meta.a.b:c", [OneOf("metadata", (("a.b", "c"),))]),
        ("turns:5", [Within("turns", ((5, 5),))]),
        ("turns:=5", [Within("turns", ((5, 5),))]),
        ("turns:>5", [Within("turns", ((6, LARGEST),))]),
        ("turns:>=5", [Within("turns", ((5, LARGEST),))]),
        ("turns:<5", [Within("turns", ((-LARGEST, 4),))]),
        ("turns:<=5", [Within("turns", ((-LARGEST, 5),))]),
        ("tokens:5..10", [Within("tokens", ((5, 10),))]),
        ("tokens:5..", [Within("tokens", ((5, LARGEST),))]),
        ("tokens:..5", [Within("tokens", ((-LARGEST, 5),))]),
        ("cost:>0.50", [Within("cost", ((5 * 10**11 + 1, LARGEST),))]),
        ("-cost:>0.50", [Within("cost", ((-LARGEST, 5 * 10**11),), unknown_too=True)]),
        ("-cost:1..2", [Within("cost", ((-LARGEST, 10**12 - 1), (2 * 10**12 + 1, LARGEST)), unknown_too=True)]),
        ("duration:>5m", [Within("duration", ((300 * SECOND_NS + 1, LARGEST),))]),
        ("duration:1.5s..2h", [Within("duration", ((SECOND_NS * 3 // 2, 7200 * SECOND_NS),))]),
        ("duration:250", [Within("duration", ((SECOND_NS // 4, SECOND_NS // 4),))]),
        ("since:24h", [Active(from_ns=NOW_NS - 86_400 * SECOND_NS)]),
        ("until:2026-11-20T12:00:00Z", [Active(to_ns=NOW_NS)]),
        ("since:2026-11-20T13:00:00.000000001+01:00", [Active(from_ns=NOW_NS + 1)]),
        ("since:2026-11-20", [Active(from_ns=NOW_NS - 12 * 3600 * SECOND_NS)]),
        ("score.help:>=0.5", [Scored("help", 0.5, LARGEST / 10**12)]),
        ("-score.vote:up", [OneOf("label", (("vote", "up"),), True)]),
        ("Paris", [OneOf("text", ("Paris",))]),
        ('-"free words"', [OneOf("text", ("free words",), True)]),
        ('"a:b"', [OneOf("text", ("a:b",))]),
        ("天気 don't", [OneOf("text", ("天気",)), OneOf("text", ("don't",))]),
    ],
)
def test_a_search_means_its_terms(text: str, terms: list[Term]) -> None:
    """Each form of API.md, and what stands at the edges of them."""
    assert list(parsed(text)) == terms


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("colour:red", 0, "no key"),
        ("user:u http://x", 7, "in quotes"),
        ("meta.:x", 0, "no key"),
        ("user:", 5, "value was expected"),
        ("user: u", 5, "value was expected"),
        ("a -", 3, "word or key:value"),
        (":x", 0, "word or key:value"),
        ('user:"u', 5, "never closed"),
        ('a "b', 2, "never closed"),
        ('""', 0, "word was expected"),
        ('session:""', 8, "nobody"),
        ("session:null", 8, "nobody"),
        ("status:bad", 7, "ok or error"),
        ("cost:>x", 6, "US dollars"),
        ("cost:-1", 5, "US dollars"),
        ("cost:1..x", 8, "US dollars"),
        ("cost:..", 5, "at least one end"),
        ("cost:2..1", 8, "before it begins"),
        ("turns:1.5", 6, "whole number"),
        ("turns:٣", 6, "whole number"),
        ("turns:>>1", 7, "whole number"),
        ("duration:5y", 9, "ms, s, m, h, d or w"),
        ("since:24", 6, "RFC 3339"),
        ("since:2026-02-30", 6, "no such day"),
        ("-since:24h", 1, "opposite"),
        ("-score.help:>1", 1, "turn the comparison"),
        ("a " * 101, 200, "at most 100 terms"),
        ("a" * 9000, 8192, "at most 8192"),
    ],
)
def test_a_mistake_is_answered_with_its_place(text: str, position: int, expected: str) -> None:
    """The position of the first wrong character, and what was expected there."""
    with pytest.raises(SearchMistake) as mistake:
        parsed(text)
    assert mistake.value.position == position
    assert expected in str(mistake.value)


def place_of_mistake(text: str) -> int:
    """0 where there is none."""
    try:
        parsed(text)
    except SearchMistake as mistake:
        return mistake.position
    return 0


@given(st.text())
def test_any_text_is_a_search_or_a_mistake_in_it(text: str) -> None:
    """Nothing else comes out, and the position lies within."""
    assert 0 <= place_of_mistake(text) <= len(text)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["-", ""]),
            st.sampled_from([*KEYS, "meta.x", "score.x", "colour", ""]),
            st.sampled_from([":", "::", " ", ""]),
            st.sampled_from(['"', ">=", "..", "5", "5m", "2026-11-20", "x", "é", "\\", "天気", ""]),
        )
    )
)
def test_terms_of_the_grammar_in_any_order_are_a_search_or_a_mistake(parts: list[tuple[str, ...]]) -> None:
    """Nearer to what people write than any text."""
    text = " ".join("".join(part) for part in parts)
    assert 0 <= place_of_mistake(text) <= len(text)


@given(st.text(min_size=1).filter(lambda text: text.strip() not in {"", "null", "None", "undefined", "nan"}))
def test_whatever_stands_in_quotes_is_taken_as_it_is(text: str) -> None:
    """A backslash before quotes and backslashes is all the escaping there is."""
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parsed(f"model:{quoted} -{quoted}") == (OneOf("model", (text,)), OneOf("text", (text,), True))


def test_sets_of_numbers_are_sets() -> None:
    """Intersection and complement, as of any set."""
    some = ((1, 3), (7, 9))
    assert both(some, ((2, 8),)) == ((2, 3), (7, 8))
    assert outside(outside(some)) == some
    assert both(some, outside(some)) == ()
    assert outside(()) == EVERYTHING
