"""What the drain does with batches that cannot be stored: the others do not wait for them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from otel_receiver.batch import Batch
from otel_receiver.codec import encoded
from otel_receiver.dead_letters import DeadLetters
from otel_receiver.drain import Drain
from otel_receiver.durable import Durable
from otel_receiver.metrics import Metrics
from otel_receiver.spool import Spool
from otel_receiver.verdicts import NotNow
from tests.otel_receiver.spans import batch_of
from tests.otel_receiver.writing import QUICK, ROOMY, FakeTables, Receiver, away, eventually, receiving


class Fragile(FakeTables):
    """It ends of some batches, and is back at the next look."""

    ended = False

    def __init__(self, before: Callable[[Batch], Awaitable[None]] | None) -> None:
        super().__init__(before)
        self.fatal: set[str] = set()  # names of spans

    async def answers(self) -> bool:
        there, self.ended = not self.ended and await super().answers(), False
        return there

    async def insert(self, batch: Batch) -> None:
        self.ended = self.ended or any(name in self.fatal for name in batch.spans["name"])
        if self.ended:
            raise NotNow
        await super().insert(batch)


def draining(folder: Path, tables: FakeTables, waiting: int = 0) -> tuple[Spool, Drain]:
    """A drain that only moves when it is told to, and what waits for it, a span each."""
    spool = Spool(folder / "spool", ROOMY)
    spool.adopt()
    for number in range(waiting):
        spool.append(encoded(batch_of(1, number)), 1)
    return spool, Drain(tables, Durable(spool, DeadLetters(folder / "dead-letters"), Metrics()))


async def _spool_an_odd_one_and_ten(receiver: Receiver) -> None:
    for batch in (batch_of(2, 50, name="odd"), batch_of(5), batch_of(5, 5)):
        assert await receiver.write(batch)


def test_one_that_nobody_answers_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """It takes too long, or something on the way refuses it: the database is not away for that."""

    async def picky(batch: Batch) -> None:
        if "odd" in batch.spans["name"]:
            raise NotNow

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.1)) as receiver:
            await _spool_an_odd_one_and_ten(receiver)
            tables.before = picky
            await eventually(lambda: receiver.counts()["stored"] == 10)
            assert receiver.counts() == {"received": 12, "stored": 10, "spooled": 2, "dead": 0}
            tables.before = None
            await eventually(lambda: receiver.counts()["spooled"] == 0)

    asyncio.run(play())


def test_one_that_ends_the_database_comes_last(tmp_path: Path) -> None:
    """It is away then; when it is back, the others go first."""

    async def play() -> None:
        tables = Fragile(away)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.1)) as receiver:
            await _spool_an_odd_one_and_ten(receiver)
            tables.before, tables.fatal = None, {"odd"}
            await eventually(lambda: receiver.counts()["stored"] == 10)
            assert receiver.counts() == {"received": 12, "stored": 10, "spooled": 2, "dead": 0}

    asyncio.run(play())


def test_an_error_of_our_own_holds_up_one_batch(tmp_path: Path) -> None:
    """Whatever in it we do not understand."""

    async def fail(batch: Batch) -> None:
        if "odd" in batch.spans["name"]:
            raise KeyError("a column of the future")

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.1)) as receiver:
            await _spool_an_odd_one_and_ten(receiver)
            tables.before = fail
            await eventually(lambda: receiver.counts()["stored"] == 10)
            assert receiver.counts()["spooled"] == 2

    asyncio.run(play())


def test_after_an_outage_what_waits_is_stored_in_ever_larger_inserts(tmp_path: Path) -> None:
    """The first tries alone, since the last may have been too large. All others one by one would take hours."""
    rows: list[int] = []

    async def note(batch: Batch) -> None:
        rows.append(batch.row_count)

    async def play() -> None:
        tables = FakeTables(away)
        _, drain = draining(tmp_path, tables, 100)
        assert not await drain._store_all()
        tables.before = note
        assert await drain._store_all()

    asyncio.run(play())
    assert rows == [1, 2, 4, 8, 16, 32, 37]


def test_what_is_too_much_at_once_is_found_out_once(tmp_path: Path) -> None:
    """Where large inserts take too long, half as much is tried, and then a little more."""
    rows: list[int] = []

    async def refuse_many(batch: Batch) -> None:
        rows.append(batch.row_count)
        if batch.row_count > 30:
            raise NotNow

    async def play() -> None:
        _, drain = draining(tmp_path, FakeTables(refuse_many), 200)
        while not await drain._store_all():
            pass

    asyncio.run(play())
    assert rows == [200, 1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 17, 18, 19, 20, 21, 22, 21]


def test_of_two_that_end_the_database_both_are_tried_whatever_else_comes(tmp_path: Path) -> None:
    """Else one that is healed would wait for the other for good."""

    async def play() -> None:
        tables = Fragile(None)
        tables.fatal = {"odd", "even"}
        spool, drain = draining(tmp_path, tables)
        for number, name in enumerate(("odd", "even")):
            spool.append(encoded(batch_of(1, number, name=name)), 1)
        for number in range(2, 40):
            if number == 20:
                tables.fatal.remove("even")
            spool.append(encoded(batch_of(1, number)), 1)
            await drain._store_all()
        assert "even" in tables.names
        assert "odd" not in tables.names
        assert len(spool.waiting()) == 1

    asyncio.run(play())


def test_where_each_fails_for_itself_a_pass_ends_and_the_next_begins_with_others(tmp_path: Path) -> None:
    """A database that answers and takes nothing is not asked for everything there is, again and again."""
    tried: list[str] = []

    async def refuse(batch: Batch) -> None:
        tried.extend(batch.spans["name"])
        raise NotNow

    async def play() -> None:
        tables = FakeTables(refuse)
        spool, drain = draining(tmp_path, tables, 25)
        for first, last in ((0, 25), (0, 10), (10, 20), (20, 25)):
            assert not await drain._store_all()
            assert tried[: last - first] == [f"chat {number}" for number in range(first, last)]
            tried.clear()
        tables.before = None
        assert await drain._store_all()
        assert (len(tables.names), spool.waiting()) == (25, [])

    asyncio.run(play())
