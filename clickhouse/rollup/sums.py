"""What a trace adds up to in a session, half hour by half hour and by whatever sums are grouped by.

Each sum has a key, and sums of one key are added up again over the traces of a session: so its row tells what it comes
to in any range of whole half hours and in any group, and nobody has to look at its calls. Half hours, because that is
what the days of nearly all zones begin at.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from clickhouse.rollup.row import CallRow, SessionTrace, unpriced, used

SECOND_NS = 10**9
STEP_NS = 1_800 * SECOND_NS
_DISTINCT: tuple[Callable[[Any], Any], ...] = (
    lambda _: None, itemgetter(0), itemgetter(1), itemgetter(2), itemgetter(0, 1), itemgetter(0, 2), itemgetter(1, 2)
)  # fmt: skip
"""By which of model, service and user traces are counted once."""
_USER = 3
PICO = 10**12
MAX_SHARED_CHARACTERS = 4 << 20
"""Of what all sums of a trace say alike, over all of them: a loop of two days may have thousands of pairs of metadata
and hundreds of sums. Where it is more, sums do not say it, and in groups by it the trace is among those without."""

Calls = tuple[int, str, str, str]  # the half hour in seconds, model, service, user


class Sum(NamedTuple):
    """A key is added up by as a whole, and then the columns up to `sums.scores`; numbers are those from `sums.turns` to
    `sums.user_ns`, in the order of the columns, and money in three: whole dollars, the rest in 1e-12, known costs."""

    key: Sequence[Any]
    numbers: Sequence[int]


class _Part(NamedTuple):
    of: str  # calls; trace: one without calls; user: somebody in a trace with calls, but with none of their own
    at: Calls
    users: Sequence[str]  # of a trace without calls
    numbers: Sequence[int]  # from turns to known costs


_NO_NUMBERS = (0,) * 11


def sums_of(row: SessionTrace, trace_id: str, *, alone: bool) -> list[Sum]:
    """`alone`: no other session has a part of this trace. Where it all lies in one half hour as well it can be counted
    by adding up; else its sums keep its id, to be counted by."""
    parts = list(_parts(row))
    countable = alone and all(part.at[0] == parts[0].at[0] for part in parts)
    shared = _shared(row, len(parts))
    duration_ns = max(0, row.end_ns - row.start_ns)
    firsts = _Firsts()
    sums = []
    for part in parts:
        seconds, *who = part.at
        key = (seconds, "" if countable else trace_id, part.of, *who, part.users, *shared)
        first = firsts.of(who)
        sums.append(Sum(key, (*part.numbers, *first, duration_ns * first[_USER])))
    return sums


def half_hours(row: SessionTrace) -> set[int]:
    """In which it adds up to anything, in seconds."""
    return {_half_hour(call.start_ns) for call in row.calls} or {_half_hour(row.start_ns)}


def _shared(row: SessionTrace, parts: int) -> Sequence[Any]:
    words = chain(row.environments, row.tags, *row.metadata, *((name, label) for name, _, label in row.scores))
    if parts * sum(map(len, words)) > MAX_SHARED_CHARACTERS:
        return ([], [], row.failed, [], [])
    return (row.environments, row.tags, row.failed, row.metadata, row.scores)


class _Firsts:
    """Whether something is the first of its model, its service, its user, and of any two of them."""

    def __init__(self) -> None:
        self._seen: list[set[Any]] = [set() for _ in _DISTINCT]

    def of(self, who: Sequence[str]) -> list[int]:
        return [_is_new(seen, by(who)) for seen, by in zip(self._seen, _DISTINCT, strict=True)]


def _is_new(seen: set[Any], who: Any) -> int:
    if who in seen:
        return 0
    seen.add(who)
    return 1


def _parts(row: SessionTrace) -> Iterator[_Part]:
    if len(row.calls) == 0:
        yield _Part("trace", (_half_hour(row.start_ns), "", "", ""), row.user_ids, _NO_NUMBERS)
        return
    by_key: dict[Calls, list[CallRow]] = {}
    for call in row.calls:
        by_key.setdefault((_half_hour(call.start_ns), call.model, call.service, call.user_id), []).append(call)
    for at, calls in by_key.items():
        yield _Part("calls", at, [], _numbers(calls))
    for user in sorted(set(row.user_ids) - {at[3] for at in by_key}):
        yield _Part("user", (min(by_key)[0], "", "", user), [], _NO_NUMBERS)


def _numbers(calls: Sequence[CallRow]) -> Sequence[int]:
    turns = [call for call in calls if call.kind == "llm"]
    costs = [call.cost_pico for call in calls if call.cost_pico is not None]
    return (
        len(turns),
        sum(call.failed for call in turns),
        unpriced(turns),
        *used(calls),
        *divmod(sum(costs), PICO),
        len(costs),
    )


def _half_hour(ns: int) -> int:
    return ns // STEP_NS * STEP_NS // 10**9
