"""The writer over tables that are quick, slow, away, hung or picky: what is acknowledged is stored, or on disk."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from otel_receiver.batch import Batch
from otel_receiver.dead_letters import replay
from otel_receiver.spool import SpoolLimits
from otel_receiver.verdicts import NotNow, verdict
from tests.otel_receiver.disks import FailingDisk, broken
from tests.otel_receiver.spans import batch_of
from tests.otel_receiver.writing import QUICK, FakeTables, Receiver, away, eventually, hang, receiving


def test_a_batch_is_acknowledged_when_it_is_in_the_tables(tmp_path: Path) -> None:
    """At once where nothing else goes on."""

    async def play() -> None:
        tables = FakeTables()
        async with receiving(tmp_path, tables) as receiver:
            batch, started = batch_of(3), time.monotonic()
            assert await receiver.write(batch)
            assert time.monotonic() - started < QUICK.ack_s
            assert (tables.inserts, receiver.counts()["stored"], receiver.spool.waiting()) == ([3], 3, [])
            assert receiver.balanced()

    asyncio.run(play())


def test_where_more_comes_the_disk_answers_and_few_inserts_bring_all(tmp_path: Path) -> None:
    """While the first is on its way into the tables, and for a while after it, the others do not wait for them; what
    came meanwhile goes together, once, and none is overfilled."""

    async def play() -> None:
        tables = FakeTables()
        async with receiving(tmp_path, tables, replace(QUICK, ack_s=5.0, pace_s=1.0, max_rows=100)) as receiver:
            assert await receiver.write(batch_of(1, 1000))
            assert all(await asyncio.gather(*(receiver.write(batch_of(2, 2 * n)) for n in range(20))))
            assert (tables.inserts, receiver.counts()["spooled"]) == ([1], 40)
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert tables.inserts == [1, 40]
            assert all(await asyncio.gather(*(receiver.write(batch_of(2, 100 + 2 * n)) for n in range(200))))
        assert sum(tables.inserts) == 441
        assert len(tables.inserts) <= 9
        assert max(tables.inserts) <= 100
        assert tables.most_at_once <= 2
        assert set(tables.names.values()) == {1}

    asyncio.run(play())


def test_where_little_comes_the_tables_answer(tmp_path: Path) -> None:
    """Each batch that comes when the one before has been there for a while: nothing is written twice."""

    async def play() -> None:
        tables = FakeTables()
        async with receiving(tmp_path, tables) as receiver:
            for number in range(3):
                assert await receiver.write(batch_of(1, number))
                assert (len(tables.inserts), receiver.spool.bytes) == (number + 1, 0)
                await asyncio.sleep(QUICK.pace_s)

    asyncio.run(play())


def test_where_memory_is_full_of_what_waits_clients_come_as_fast_as_the_tables_take_it(tmp_path: Path) -> None:
    """But nobody waits longer than for the disk alone; what it alone has is read back."""

    async def slowly(_: Batch) -> None:
        await asyncio.sleep(QUICK.ack_s / 2)

    async def play() -> None:
        tables = FakeTables(slowly)
        async with receiving(tmp_path, tables, replace(QUICK, max_kept_bytes=1, pace_s=0.0)) as receiver:
            for number in range(4):
                started = time.monotonic()
                assert await receiver.write(batch_of(1, number))
                assert time.monotonic() - started < QUICK.ack_s + 0.1
            assert receiver.balanced()
            tables.before = hang
            for number in range(4, 8):
                started = time.monotonic()
                assert await receiver.write(batch_of(1, number))
                assert time.monotonic() - started < QUICK.ack_s + 0.1
            tables.before = None
        assert receiver.balanced()

    asyncio.run(play())


def test_a_batch_larger_than_an_insert_goes_alone(tmp_path: Path) -> None:
    """It cannot be refused for its size: its client would send it again and again."""

    async def play() -> None:
        tables = FakeTables()
        async with receiving(tmp_path, tables, replace(QUICK, max_rows=5, max_bytes=100)) as receiver:
            assert all(await asyncio.gather(receiver.write(batch_of(50)), receiver.write(batch_of(50, 100))))
        assert tables.inserts == [50, 50]

    asyncio.run(play())


def test_a_slow_database_is_answered_for_by_the_disk(tmp_path: Path) -> None:
    """In time; and when the insert ends after all, the spool lets go of the batch without storing it again."""

    async def play() -> None:
        release = asyncio.Event()

        async def wait(_: Batch) -> None:
            await release.wait()

        tables = FakeTables(wait)
        async with receiving(tmp_path, tables) as receiver:
            started = time.monotonic()
            assert await receiver.write(batch_of(3))
            assert QUICK.ack_s <= time.monotonic() - started < QUICK.ack_s + 0.5
            assert receiver.counts() == {"received": 3, "stored": 0, "spooled": 3, "dead": 0}
            release.set()
            await eventually(lambda: receiver.counts()["stored"] == 3)
            assert receiver.counts()["spooled"] == 0
            assert tables.inserts == [3]
            assert receiver.spool.bytes == 0

    asyncio.run(play())


def test_an_outage_is_invisible_to_clients(tmp_path: Path) -> None:
    """Everything goes to the disk, and from there into the tables when they are back."""

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            for number in range(10):
                assert await receiver.write(batch_of(2, 2 * number))
                assert receiver.balanced()
            during = receiver.writer.away
            assert receiver.counts()["spooled"] == 20
            tables.before = None
            await eventually(lambda: receiver.counts()["stored"] == 20)
            assert (during, receiver.writer.away) == (True, False)
            assert tables.names == {f"chat {number}": 1 for number in range(20)}
            assert (receiver.counts()["spooled"], receiver.spool.bytes) == (0, 0)

    asyncio.run(play())


def test_hung_inserts_do_not_hold_up_those_who_come_after(tmp_path: Path) -> None:
    """The first and those that the disk answered for hang; later batches are on disk in time all the same."""

    async def play() -> None:
        tables = FakeTables(hang)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.2)) as receiver:
            for number in range(6):
                started = time.monotonic()
                assert await receiver.write(batch_of(1, number))
                assert time.monotonic() - started < 3 * QUICK.ack_s
            await asyncio.sleep(QUICK.pace_s)
            assert tables.at_once == 2  # the first, and one of what the disk has answered for
            assert receiver.counts()["spooled"] == 6

    asyncio.run(play())


def test_a_bad_row_is_buried_and_its_neighbours_are_stored(tmp_path: Path) -> None:
    """Of a live batch; the letter says why, and can be sent again."""

    async def play() -> None:
        tables = FakeTables()
        async with receiving(tmp_path, tables) as receiver:
            poison = batch_of(1, 50, name="poison")
            assert all(await asyncio.gather(*map(receiver.write, (batch_of(20), poison, batch_of(20, 20)))))
            assert receiver.counts() == {"received": 41, "stored": 40, "spooled": 0, "dead": 1}
            assert receiver.metrics.spans_dead_lettered.value("code_469") == 1
            (letter,) = receiver.letters.letters()
            assert letter.reason == "a row is poison"
            assert letter.batch.spans["span_id"] == list(poison.spans["span_id"])
            assert await replay(receiver.letters, tables) == (0, 1)
        assert len(tables.names) == 40

    asyncio.run(play())


def test_letters_are_gone_when_they_are_stored_after_all(tmp_path: Path) -> None:
    """A replay after the cause is mended."""

    class Mended(FakeTables):
        async def insert(self, batch: Batch) -> None:
            self.names.update(batch.spans["name"])

    async def play() -> None:
        async with receiving(tmp_path, FakeTables()) as receiver:
            assert await receiver.write(batch_of(2, name="poison"))
            mended = Mended()
            assert await replay(receiver.letters, mended) == (2, 0)
            assert mended.names == {"poison": 2}
            assert list(receiver.letters.letters()) == []

    asyncio.run(play())


def test_a_batch_of_bad_rows_is_buried_in_few_inserts(tmp_path: Path) -> None:
    """A schema that refuses everything must not cost an insert per row for ever."""

    async def play() -> None:
        asked = 0

        async def count(_: Batch) -> None:
            nonlocal asked
            asked += 1

        async with receiving(tmp_path, FakeTables(count), replace(QUICK, ack_s=5.0)) as receiver:
            assert await receiver.write(batch_of(4_000, name="poison"))
            assert receiver.counts() == {"received": 4_000, "stored": 0, "spooled": 0, "dead": 4_000}
        assert asked < 300

    asyncio.run(play())


def test_an_unknown_error_keeps_its_batch_in_the_spool_and_lets_the_others_pass(tmp_path: Path) -> None:
    """It may be anything, so nothing is thrown away; and nobody waits for it."""

    async def picky(batch: Batch) -> None:
        if "odd" in batch.spans["name"]:
            raise NotNow(999)

    async def play() -> None:
        tables = FakeTables(picky)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.1)) as receiver:
            for batch in (batch_of(5), batch_of(2, 50, name="odd"), batch_of(5, 5)):
                assert await receiver.write(batch)
            await eventually(lambda: receiver.counts()["stored"] == 10)
            assert receiver.counts() == {"received": 12, "stored": 10, "spooled": 2, "dead": 0}
            tables.before = None
            await eventually(lambda: receiver.counts()["spooled"] == 0)

    asyncio.run(play())


def test_what_is_too_much_for_one_insert_goes_in_several(tmp_path: Path) -> None:
    """A database that does not answer may be away, or busy with what it was given."""

    async def weak(batch: Batch) -> None:
        if batch.row_count > 2:
            raise NotNow

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            for number in range(4):
                assert await receiver.write(batch_of(2, 2 * number))
            tables.before = weak
            await eventually(lambda: receiver.counts()["stored"] == 8)

    asyncio.run(play())


def test_an_error_of_our_own_is_no_reason_to_lose_a_batch(tmp_path: Path) -> None:
    """The spool takes it, somebody reads the log."""

    async def fail(_: Batch) -> None:
        raise RuntimeError("ours")

    async def play() -> None:
        tables = FakeTables(fail)
        async with receiving(tmp_path, tables) as receiver:
            assert await receiver.write(batch_of(2))
            assert receiver.counts()["spooled"] == 2
            tables.before = None
            await eventually(lambda: receiver.counts()["stored"] == 2)

    asyncio.run(play())


def test_a_client_that_goes_away_does_not_stop_a_commit(tmp_path: Path) -> None:
    """Half a commit is none."""

    async def play() -> None:
        async def slowly(_: Batch) -> None:
            await asyncio.sleep(0.05)

        tables = FakeTables(slowly)
        async with receiving(tmp_path, tables) as receiver:
            request = asyncio.create_task(receiver.write(batch_of(3)))
            await asyncio.sleep(0.01)
            request.cancel()
            await eventually(lambda: sum(tables.names.values()) == 3)

    asyncio.run(play())


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """Beyond it the client may come again; one batch always fits."""

    async def play() -> None:
        settings = replace(QUICK, max_waiting_bytes=10_000, stop_s=0.2)
        async with receiving(tmp_path, FakeTables(hang), settings, SpoolLimits(max_bytes=0)) as receiver:
            answers = await asyncio.gather(*(receiver.write(batch_of(5, 5 * number)) for number in range(20)))
            assert not any(answers)
            started = time.monotonic()
            writes = [asyncio.create_task(receiver.write(batch_of(20, 20 * number))) for number in range(5)]
            await asyncio.sleep(0.01)
            refused = [write for write in writes if write.done()]
            assert len(refused) >= 3
            assert time.monotonic() - started < QUICK.ack_s
            await asyncio.gather(*writes)

    asyncio.run(play())


@pytest.mark.parametrize("before", [None, away, hang])
def test_stopping_leaves_nothing_acknowledged_in_memory_alone(tmp_path: Path, before: object) -> None:
    """With the database well, away or hung: within the time, all in the tables or on disk for the next start."""

    async def play() -> None:
        tables = FakeTables(before)  # type: ignore[arg-type]
        receiver = Receiver(tmp_path, tables, replace(QUICK, stop_s=1.0))
        await receiver.writer.start()
        writes = [asyncio.create_task(receiver.write(batch_of(2, 2 * number))) for number in range(30)]
        await asyncio.sleep(0.01)
        started = time.monotonic()
        await receiver.writer.stop()
        assert time.monotonic() - started < 2.5
        assert await asyncio.gather(*writes) == [True] * 30
        assert not await receiver.write(batch_of(1, 500))
        assert receiver.balanced()
        later = FakeTables()
        async with receiving(tmp_path, later) as successor:
            assert successor.counts()["received"] == receiver.counts()["spooled"]
            await eventually(lambda: successor.counts()["spooled"] == 0)
            assert successor.balanced()
        assert receiver.acked <= set(tables.names) | set(later.names)

    asyncio.run(play())


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_random_weather_loses_nothing_and_doubles_nothing(tmp_path: Path, seed: int) -> None:
    """Tables that come and go, hang, refuse and answer late, under load, through restarts: acknowledged is stored."""
    chance = random.Random(seed)

    async def weather(batch: Batch) -> None:
        match chance.randrange(12):
            case 0 | 1:
                raise NotNow
            case 2:
                raise NotNow(241)
            case 3:
                await asyncio.sleep(3 * QUICK.ack_s)
            case 4:
                raise RuntimeError("ours")
            case _:
                await asyncio.sleep(chance.random() / 50)

    async def play() -> None:
        tables, acked, received = FakeTables(weather), set[str](), 0
        for life in range(3):
            async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.3)) as receiver:

                async def client(first: int, receiver: Receiver = receiver) -> None:
                    for number in range(first, first + 30, 3):
                        name = {"name": "poison"} if chance.randrange(20) == 0 else {}
                        await receiver.write(batch_of(3, number, **name))
                        await asyncio.sleep(chance.random() / 50)

                await asyncio.gather(*(client(1_000 * life + 100 * number) for number in range(8)))
            assert receiver.balanced()
            acked |= receiver.acked
            received += receiver.counts()["received"]
        tables.before = None
        async with receiving(tmp_path, tables) as receiver:
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.balanced()
        assert acked - {"poison"} <= set(tables.names)
        dead = sum(letter.batch.span_count for letter in receiver.letters.letters())
        assert (dead > 0) == ("poison" in acked)

    asyncio.run(play())


def test_the_books_balance_whenever_one_looks(tmp_path: Path) -> None:
    """Between any two steps of the loop: with batches that are stored, spooled, buried and refused at once."""
    chance = random.Random(5)

    async def weather(_: Batch) -> None:
        if chance.randrange(20) == 0:
            raise NotNow
        await asyncio.sleep(chance.random() * QUICK.ack_s / 4)

    async def play() -> None:
        seen = Counter[str]()

        async def look(receiver: Receiver) -> None:
            while True:
                seen.update(name for name, count in receiver.counts().items() if count > 0)
                seen["unequal"] += not receiver.balanced()
                await asyncio.sleep(0)

        async def client(receiver: Receiver, first: int) -> None:
            for number in range(first, first + 30, 3):
                await receiver.write(batch_of(3, number, **({"name": "poison"} if number % 100 == 0 else {})))

        disk = FailingDisk()
        async with receiving(tmp_path, FakeTables(weather), disk=disk) as receiver:
            looking = asyncio.create_task(look(receiver))
            for failing in (0, 6):
                disk.failing_syncs = [broken() for _ in range(failing)]
                await asyncio.gather(*(client(receiver, 1_000 * failing + 100 * number) for number in range(6)))
            await eventually(lambda: receiver.counts()["spooled"] == 0, 20)
            await asyncio.sleep(0.01)
            looking.cancel()
        assert min(seen[name] for name in ("received", "stored", "spooled", "dead")) > 0
        assert seen["unequal"] == 0

    asyncio.run(play())


def test_errors_are_told_apart_by_their_code() -> None:
    """252 is two things."""
    assert type(verdict(469, "Constraint")).__name__ == "NotEver"
    assert type(verdict(252, "Too many partitions for single INSERT block (more than 100)")).__name__ == "NotEver"
    assert type(verdict(252, "Too many parts (300). Merges are processing significantly slower")).__name__ == "NotNow"
    assert type(verdict(241, "Memory limit exceeded")).__name__ == "NotNow"
    assert type(verdict(4242, "never heard of")).__name__ == "NotNow"


def test_readiness_knows_whether_the_database_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is written, and while nothing is; one that answers but takes nothing is away too."""
    monkeypatch.setattr("otel_receiver.watched.LOOK_S", 0.01)

    async def refuse(_: Batch) -> None:
        raise NotNow(164)

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            writer = receiver.writer
            await asyncio.sleep(0.05)
            assert writer.away
            tables.before = None
            await eventually(lambda: not writer.away)
            tables.before = refuse
            assert await receiver.write(batch_of(1))
            await asyncio.sleep(0.05)
            assert writer.away
            tables.before = None
            await eventually(lambda: not writer.away)
        assert "spool_bytes 0" in receiver.metrics.text()

    asyncio.run(play())
