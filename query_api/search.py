"""The search grammar: words and `key:value` pairs, all of which must hold. `-` in front negates, quotes keep spaces.

    session:conv-42 status:error cost:>0.50 tokens:1000..5000 duration:>5m -model:gpt-4o meta.plan:pro "free words"

A mistake is answered with the position of its first character, counted from 0, and with what was expected there.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from clickhouse.ids import normal_id
from query_api.amounts import NotAnAmount, Reader, count, length, money, read_amounts, score
from query_api.filters import STATUSES, Active, OneOf, Scored, Term, Within
from query_api.numbers import outside
from query_api.scanning import Scanned, SearchMistake, scan
from query_api.times import NotATime, parse_instant_ns

MAX_SEARCH_CHARACTERS = 8_192
MAX_TERMS = 100
"""People write ten; a script that needs more wants repeated parameters."""

_LISTS = {
    **{key: key for key in ("model", "service", "tag", "tool", "agent", "release", "prompt", "name", "environment")},
    "env": "environment",
}
_AMOUNTS: dict[str, Reader] = {
    **dict.fromkeys(("tokens", "turns", "traces", "spans", "errors"), count),
    "cost": money,
    "duration": length,
}


class Now(NamedTuple):
    """What relative times and days are relative to."""

    ns: int
    zone: ZoneInfo


def parse_search(text: str, now_ns: int, zone: ZoneInfo) -> tuple[Term, ...]:
    return tuple(_terms(text, Now(now_ns, zone)))


def _terms(text: str, now: Now) -> Iterator[Term]:
    if len(text) > MAX_SEARCH_CHARACTERS:
        raise SearchMistake(MAX_SEARCH_CHARACTERS, f"a search has at most {MAX_SEARCH_CHARACTERS} characters")
    for number, scanned in enumerate(scan(text)):
        if number == MAX_TERMS:
            raise SearchMistake(scanned.position, f"a search has at most {MAX_TERMS} terms")
        yield _term(scanned, now)


def _term(scanned: Scanned, now: Now) -> Term:
    kind, _, name = scanned.key.partition(".")
    if name and kind in _NAMED_TERMS:
        return _NAMED_TERMS[kind](scanned, name)
    if scanned.key in _TERMS:
        return _TERMS[scanned.key](scanned, now)
    raise SearchMistake(
        scanned.position,
        f'"{scanned.key}" is no key; there are {", ".join(KEYS)}. Put the whole in quotes to search for it as text',
    )


def _word(scanned: Scanned, _: Now) -> Term:
    if scanned.value.strip() == "":
        raise SearchMistake(scanned.position, "a word was expected between the quotes")
    return OneOf("text", (scanned.value,), scanned.negated)


def _id(scanned: Scanned, _: Now) -> Term:
    value = normal_id(scanned.value)
    if value is None:
        raise SearchMistake(scanned.value_position, f"this is nobody's {scanned.key} id")
    return OneOf(scanned.key, (value,), scanned.negated)


def _status(scanned: Scanned, _: Now) -> Term:
    if scanned.value not in STATUSES:
        raise SearchMistake(scanned.value_position, "a status is ok or error")
    return OneOf(scanned.key, (scanned.value,), scanned.negated)


def _listed(scanned: Scanned, _: Now) -> Term:
    return OneOf(_LISTS[scanned.key], (scanned.value,), scanned.negated)


def _metadata(scanned: Scanned, name: str) -> Term:
    return OneOf("metadata", ((name, scanned.value),), scanned.negated)


def _amount(scanned: Scanned, _: Now) -> Term:
    try:
        ranges = read_amounts(scanned.value, _AMOUNTS[scanned.key])
    except NotAnAmount as error:
        raise SearchMistake(scanned.value_position + error.offset, str(error)) from None
    if scanned.negated:
        return Within(scanned.key, outside(ranges), unknown_too=True)
    return Within(scanned.key, ranges)


def _score(scanned: Scanned, name: str) -> Term:
    term = score_term(name, scanned.value)
    if isinstance(term, OneOf):
        return OneOf(term.key, term.values, scanned.negated)
    if scanned.negated:
        raise SearchMistake(scanned.position, "a score is not negated; turn the comparison round")
    return term


def score_term(name: str, value: str) -> OneOf | Scored:
    """What is no number is a label."""
    try:
        [(low, high)] = read_amounts(value, score)
    except NotAnAmount:
        return OneOf("label", ((name, value),))
    return Scored(name, low / 10**12, high / 10**12)


def _time(scanned: Scanned, now: Now) -> Term:
    if scanned.negated:
        raise SearchMistake(scanned.position, "a time is not negated; since and until are each other's opposite")
    try:
        instant_ns = parse_instant_ns(scanned.value, now.ns, now.zone)
    except NotATime as error:
        raise SearchMistake(scanned.value_position, str(error)) from None
    return Active(from_ns=instant_ns) if scanned.key == "since" else Active(to_ns=instant_ns)


_TERMS: dict[str, Callable[[Scanned, Now], Term]] = {
    "": _word,
    **dict.fromkeys(("session", "user"), _id),
    "status": _status,
    **dict.fromkeys(_LISTS, _listed),
    **dict.fromkeys(_AMOUNTS, _amount),
    **dict.fromkeys(("since", "until"), _time),
}
_NAMED_TERMS: dict[str, Callable[[Scanned, str], Term]] = {"meta": _metadata, "score": _score}
KEYS = (*(key for key in _TERMS if key), *(f"{kind}.<name>" for kind in _NAMED_TERMS))
