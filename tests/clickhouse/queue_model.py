"""The rollup's rule as a model: what is written in which order, by actors that may pause or die between any two steps.

A step is what one statement does to the database, or reads from it. Which actor takes the next step is drawn; slow
ones hardly ever do. `Rule` can break each part of the rule, to show that the model would notice.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple

Actor = Iterator[None]
TRACES = ("t1", "t2")
SESSIONS = ("", "a", "b", "c")
HOUR = 36_000
TICK = 37
STEP = 100
"""Between stamps, so that readings of the same one can be told apart."""
OWN = ""
"""The session of a trace's own row, which says what the trace was computed from."""


Hours = Counter[int]
NOTHING: Hours = Counter()


class Told(NamedTuple):
    """What sessions say, and what their half hours do."""

    sessions: dict[str, Hours]
    hours: dict[tuple[str, int], int]


class NeverSettles(Exception):
    """Every recompute leaves something to heal."""


@dataclass(frozen=True)
class Rule:
    version_is_read_first: bool = True  # the greatest stamp read before the facts; broken: the time of writing
    queued_before_read: bool = True  # queue, then facts; broken: the other way round
    stamp_after_change: bool = True  # broken: the stamp is taken first, and the change is visible later
    stamps_outlive_rows: bool = True  # broken: a pruned queue forgets how far it was
    every_id_ever: bool = True  # zero rows for all ids a trace was received with; broken: those known from earlier rows
    ids_before_rows: bool = True  # an id that an insert which died left out of them is noted before a row is written
    done_by_id: bool = True  # broken: whatever is queued of a trace is done
    sessions_queued_last: bool = True  # broken: sessions are queued before their traces are written
    finished_last: bool = True  # a recompute is noted as finished once its sessions are queued, not before
    hours_before_rows: bool = True  # half hours are noted before a row tells of them; broken: after it
    left_once_written: bool = True  # what a session has left is emptied after it was written; broken: before
    readings_differ: bool = True  # no two workers write at one version; broken: who read the same writes at the same
    heals: bool = True


@dataclass
class Queue:
    rows: dict[int, tuple[int, str]] = field(default_factory=dict)  # id -> stamp, key
    done: set[int] = field(default_factory=set)
    kept: int = 0
    issued: int = 0  # ids

    def stamp(self, now: int) -> int:
        return max(now, max((stamp for stamp, _ in self.rows.values()), default=0) + STEP, self.kept + STEP)

    def add(self, stamp: int, key: str) -> None:
        self.issued += 1
        self.rows[self.issued] = (stamp, key)

    def pending(self) -> dict[int, tuple[int, str]]:
        return {number: row for number, row in self.rows.items() if number not in self.done}

    def prune(self) -> None:
        self.rows = self.pending()
        self.done.clear()


@dataclass
class Database:
    rule: Rule
    deadly: bool
    now: int = 10 * HOUR
    facts: dict[str, dict[int, str]] = field(default_factory=lambda: {trace: {} for trace in TRACES})
    ever: dict[str, set[str]] = field(default_factory=lambda: {trace: set() for trace in TRACES})
    traces: Queue = field(default_factory=Queue)
    sessions: Queue = field(default_factory=Queue)
    parts: dict[tuple[str, str], tuple[int, object]] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    totals: dict[str, tuple[int, Hours]] = field(default_factory=dict)
    hours: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    noted_hours: set[tuple[str, int]] = field(default_factory=set)

    def replace_part(self, trace: str, session: str, version: int, value: object) -> None:
        if version >= self.parts.get((trace, session), (0, None))[0]:
            self.parts[trace, session] = (version, value)

    def finish(self, trace: str, version: int) -> None:
        self.finished[trace] = max(version, self.finished.get(trace, 0))

    def replace_total(self, session: str, version: int, spans: Hours) -> None:
        if version >= self.totals.get(session, (0, NOTHING))[0]:
            self.totals[session] = (version, spans)

    def replace_hour(self, session: str, hour: int, version: int, spans: int) -> None:
        if version >= self.hours.get((session, hour), (0, 0))[0]:
            self.hours[session, hour] = (version, spans)


def folded(spans: dict[int, str]) -> dict[str, Hours]:
    """Spans per session; a span without an id goes with the first that has one. Each has a half hour of its own."""
    bound = next((spans[number] for number in sorted(spans) if spans[number]), "")
    rows: dict[str, Hours] = {}
    for number, session in spans.items():
        if session or bound:
            rows.setdefault(session or bound, Counter())[number] += 1
    return rows


def truth(database: Database) -> Told:
    total: dict[str, Hours] = {}
    for spans in database.facts.values():
        for session, hours in folded(spans).items():
            total[session] = total.get(session, NOTHING) + hours
    by_hour = {(session, hour): spans for session, hours in total.items() for hour, spans in hours.items()}
    return Told(total, by_hour)


def told(database: Database) -> Told:
    return Told(
        {session: spans for session, (_, spans) in database.totals.items() if spans},
        {key: spans for key, (_, spans) in database.hours.items() if spans > 0},
    )


def queued(database: Database, queue: Queue, keys: AbstractSet[str], change: Actor) -> Actor:
    """A change, and what says so."""
    stamp = queue.stamp(database.now) if not database.rule.stamp_after_change else 0
    yield
    yield from change
    stamp = stamp or queue.stamp(database.now)
    yield
    for key in sorted(keys):
        queue.add(stamp, key)


def writer(database: Database, trace: str, spans: dict[int, str]) -> Actor:
    def change() -> Actor:
        """One insert, but its views are seen one by one."""
        for number, session in spans.items():
            database.facts[trace][number] = session
        yield
        database.ever[trace].update(set(spans.values()) - {""})
        yield

    yield from queued(database, database.traces, {trace}, change())


def remover(database: Database, trace: str, session: str) -> Actor:
    """Deletion of a session: its spans go."""

    def change() -> Actor:
        kept = {number: own for number, own in database.facts[trace].items() if own != session}
        database.facts[trace] = kept
        yield

    yield from queued(database, database.traces, {trace}, change())


def worker(database: Database, rng: random.Random, rounds: int) -> Actor:
    for _ in range(rounds):
        yield from trace_round(database, rng)
        yield from session_round(database, rng)


def taken(pending: dict[int, tuple[int, str]], rng: random.Random, *, apart: bool) -> tuple[dict[str, list[int]], int]:
    """Some of the keys that are queued, with their ids, and a version: the greatest stamp of these, and a bit."""
    keys = sorted({key for _, key in pending.values()})
    some = set(rng.sample(keys, rng.randint(1, len(keys)))) if keys else set()
    ids: dict[str, list[int]] = {}
    for number, (_, key) in pending.items():
        if key in some:
            ids.setdefault(key, []).append(number)
    greatest = max((stamp for stamp, key in pending.values() if key in some), default=0)
    return ids, greatest + rng.randrange(STEP if apart else 1)


def trace_round(database: Database, rng: random.Random) -> Actor:
    rule = database.rule
    early = {trace: dict(database.facts[trace]) for trace in TRACES}
    if not rule.queued_before_read:
        yield
    ids, version = taken(database.traces.pending(), rng, apart=rule.readings_differ)
    for trace in ids:
        yield
        spans = early[trace] if not rule.queued_before_read else dict(database.facts[trace])
        yield
        known = database.ever[trace] if rule.every_id_ever else known_from_rows(database, trace)
        rows = {**dict.fromkeys(known, NOTHING), **folded(spans)}
        hours = {(session, hour) for session, count in rows.items() for hour in count}
        at = version if rule.version_is_read_first else database.now
        if not rule.sessions_queued_last:
            yield from queued(database, database.sessions, rows.keys(), iter(()))
        yield
        if rule.ids_before_rows and not rows.keys() <= database.ever[trace]:
            yield from queued(database, database.traces, {trace}, noted(database.ever[trace], rows.keys()))
            yield
        if rule.hours_before_rows:
            database.noted_hours |= hours
            yield
        database.replace_part(trace, OWN, at, frozenset(spans.items()))
        for session, count in rows.items():
            database.replace_part(trace, session, at, count)
        if not rule.hours_before_rows:
            yield
            database.noted_hours |= hours
        if not rule.finished_last:
            database.finish(trace, at)
        if rule.sessions_queued_last:
            yield from queued(database, database.sessions, rows.keys(), iter(()))
        if rule.finished_last:
            yield
            database.finish(trace, at)
        yield from finished(database, database.traces, ids[trace], trace)


def noted(ever: set[str], ids: AbstractSet[str]) -> Actor:
    ever.update(ids)
    yield


def known_from_rows(database: Database, trace: str) -> set[str]:
    return {session for (of, session) in database.parts if of == trace and session != OWN}


def session_round(database: Database, rng: random.Random) -> Actor:
    rule = database.rule
    ids, version = taken(database.sessions.pending(), rng, apart=rule.readings_differ)
    for session in ids:
        yield
        counts = [part[1] for (_, of), part in database.parts.items() if of == session]
        spans = sum((count for count in counts if isinstance(count, Counter)), NOTHING)
        yield
        at = version if rule.version_is_read_first else database.now
        if not rule.left_once_written:
            yield from left(database, session, at, spans)
        yield from written(database, session, at, spans)
        if rule.left_once_written:
            yield from left(database, session, at, spans)
        yield from finished(database, database.sessions, ids[session], session)


def written(database: Database, session: str, version: int, spans: Hours) -> Actor:
    """One insert and its view."""
    database.replace_total(session, version, spans)
    yield
    for hour, count in spans.items():
        database.replace_hour(session, hour, version, count)
    yield


def left(database: Database, session: str, version: int, spans: Hours) -> Actor:
    """The half hours that it is not in any more."""
    newest = database.totals.get(session, (version, spans))
    gone = [hour for of, hour in database.noted_hours if of == session and hour not in newest[1]]
    yield
    for hour in gone:
        database.replace_hour(session, hour, newest[0], 0)


def finished(database: Database, queue: Queue, ids: list[int], key: str) -> Actor:
    yield
    if database.rule.stamps_outlive_rows:
        queue.kept = max(queue.kept, *(queue.rows[number][0] for number in ids if number in queue.rows), 0)
    yield
    if not database.rule.done_by_id:
        ids = [number for number, row in queue.rows.items() if row[1] == key]
    queue.done.update(number for number in ids if number in queue.rows)


def healer(database: Database) -> Actor:
    """Traces whose rows are not those of their last recompute, or left half way, and that nobody has queued."""
    for trace in unhealed(database):
        yield from queued(database, database.traces, {trace}, iter(()))


def unhealed(database: Database) -> list[str]:
    waiting = {key for _, key in database.traces.pending().values()}
    own = {trace: database.parts.get((trace, OWN), (0, frozenset())) for trace in TRACES}
    return [
        trace
        for trace, spans in database.facts.items()
        if trace not in waiting
        and (own[trace][1] != frozenset(spans.items()) or own[trace][0] > database.finished.get(trace, 0))
    ]


def jumper(database: Database, rng: random.Random) -> Actor:
    yield
    database.now = max(1, database.now + rng.choice((-HOUR, HOUR, -7 * STEP, 7 * STEP)))


def pruner(database: Database) -> Actor:
    """Merges take finished rows away, whenever they like."""
    for queue in (database.traces, database.sessions):
        yield
        queue.prune()


def settle(database: Database, rng: random.Random) -> None:
    """Until nothing is queued and nothing is left to heal."""
    for _ in range(50):
        heals = database.deadly and database.rule.heals
        for actor in [healer(database)] * heals + [worker(database, rng, 1)]:
            for _ in actor:
                database.now += TICK
        waiting = database.traces.pending() or database.sessions.pending()
        if not waiting and not (heals and unhealed(database)):
            return
    raise NeverSettles


def mortal(actor: Actor, rng: random.Random) -> Actor:
    """Some end before their time, between any two steps."""
    return itertools.islice(actor, rng.choice((None, None, rng.randint(1, 4), rng.randint(4, 25))))


def drawn_actors(database: Database, rng: random.Random) -> list[Actor]:
    """Where nobody dies, nothing has to be healed either."""
    traces = TRACES[: rng.randint(1, 2)]
    writers = [
        writer(database, rng.choice(traces), {rng.randrange(2): rng.choice(SESSIONS) for _ in range(rng.randint(1, 2))})
        for _ in range(rng.randint(2, 9))
    ]
    removers = [remover(database, rng.choice(traces), rng.choice(SESSIONS[1:])) for _ in range(rng.randint(0, 2))]
    workers = [worker(database, rng, rng.randint(2, 12)) for _ in range(rng.randint(2, 4))]
    jumps = [jumper(database, rng) for _ in range(rng.randint(0, 3))]
    prunes = [pruner(database) for _ in range(rng.randint(0, 3))]
    everybody = writers + removers + workers
    if not database.deadly:
        return everybody + jumps + prunes
    return [mortal(actor, rng) for actor in everybody] + jumps + prunes + [healer(database)]


def play(seed: int, rule: Rule) -> tuple[Told, Told]:
    """One history; what is said at its end, and what is true."""
    rng = random.Random(seed)
    database = Database(rule, deadly=rng.random() < 0.5)
    actors = drawn_actors(database, rng)
    speeds = [rng.choice((0.2, 1.0, 5.0, 25.0)) for _ in actors]
    for _ in range(rng.randint(20, 400)):
        if not actors:
            break
        [number] = rng.choices(range(len(actors)), speeds)
        database.now += TICK
        if next(actors[number], actors) is actors:
            del actors[number], speeds[number]
        elif rng.random() < 0.1:
            speeds[number] = rng.choice((0.02, 1.0, 5.0, 25.0))
    settle(database, rng)
    rng.shuffle(actors)
    for actor in actors:  # who is late; some after everybody else has gone
        for _ in actor:
            database.now += TICK
        if rng.random() < 0.5:
            settle(database, rng)
    settle(database, rng)
    return told(database), truth(database)
