"""The writer over a disk that is full, slow, hung or broken, and what it does with what lies in the spool."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otel_receiver.batch import Batch
from otel_receiver.codec import encoded
from otel_receiver.dead_letters import DeadLetters, replay
from otel_receiver.segment import Place, payload_at
from otel_receiver.spool import Record, Spool, SpoolLimits
from otel_receiver.verdicts import NotNow
from tests.descriptors import no_descriptors
from tests.otel_receiver.disks import FailingDisk, broken
from tests.otel_receiver.spans import batch_of
from tests.otel_receiver.writing import QUICK, ROOMY, FakeTables, Receiver, away, eventually, hang, receiving


def test_what_only_waited_for_its_turn_is_not_read_back(tmp_path: Path) -> None:
    """The database is there, but busy: what the disk answered for is still in memory when its turn comes."""
    turn = asyncio.Event()

    async def busy(_: Batch) -> None:
        await turn.wait()

    async def play() -> None:
        tables = FakeTables(busy)
        async with receiving(tmp_path, tables, replace(QUICK, max_rows=60)) as receiver:
            assert all(await asyncio.gather(*(receiver.write(batch_of(60, 60 * n)) for n in range(5))))
            assert receiver.spool.waiting() == []  # what is held there has not been given to the drain
            assert receiver.counts()["spooled"] == 300
            rot(tmp_path / "spool")
            turn.set()
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 300, "stored": 300, "spooled": 0, "dead": 0}
            assert set(tables.names.values()) == {1}

    asyncio.run(play())


def rot(spool: Path) -> None:
    """Nothing on it can be read any more."""
    for path in spool.glob("*/*.log"):
        path.write_bytes(b"\0" * path.stat().st_size)


def test_only_a_full_spool_makes_the_client_wait(tmp_path: Path) -> None:
    """Retryable; nothing is counted; and when there is room again it is taken again."""

    async def play() -> None:
        tables = FakeTables(away)
        limits = SpoolLimits(max_bytes=20_000, min_free_bytes=0)
        async with receiving(tmp_path, tables, limits=limits) as receiver:
            answers = [await receiver.write(batch_of(3, 3 * number)) for number in range(12)]
            assert answers[0]
            assert not answers[-1]
            assert receiver.balanced()
            assert receiver.counts()["received"] == len(receiver.acked) == 3 * sum(answers)
            tables.before = None
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert await receiver.write(batch_of(3, 100))
        assert receiver.acked == set(tables.names)

    asyncio.run(play())


def test_with_a_full_spool_a_slow_database_is_waited_for(tmp_path: Path) -> None:
    """A little: clients that do not retry survive a short pause."""

    async def play() -> None:
        async def slowly(_: Batch) -> None:
            await asyncio.sleep(QUICK.ack_s + QUICK.hold_s / 4)

        tables = FakeTables(slowly)
        async with receiving(tmp_path, tables, limits=SpoolLimits(max_bytes=10, min_free_bytes=0)) as receiver:
            assert await receiver.write(batch_of(1))
            tables.before = hang
            assert not await receiver.write(batch_of(1, 7))
            assert receiver.balanced()

    asyncio.run(play())


def test_a_bad_row_in_the_spool_holds_up_nobody(tmp_path: Path) -> None:
    """It is found when the database is back."""

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            for batch in (batch_of(5), batch_of(2, 50, name="poison"), batch_of(5, 5)):
                assert await receiver.write(batch)
            tables.before = None
            await eventually(lambda: receiver.counts()["stored"] == 10)
            assert receiver.counts() == {"received": 12, "stored": 10, "spooled": 0, "dead": 2}

    asyncio.run(play())


def test_who_waits_for_a_slow_disk_is_answered_before_the_writer_stops(tmp_path: Path) -> None:
    """They wait in no room any more, and for no insert."""

    async def play() -> None:
        disk, tables = FailingDisk(), FakeTables()
        async with receiving(tmp_path, tables, replace(QUICK, pace_s=5.0), disk=disk) as receiver:
            assert await receiver.write(batch_of(1))
            disk.turning.clear()
            write = asyncio.create_task(receiver.write(batch_of(1, 1)))
            await asyncio.sleep(0.1)
            asyncio.get_running_loop().call_later(0.1, disk.turning.set)
        async with asyncio.timeout(1.0):
            assert await write
        assert (receiver.counts()["stored"], len(tables.names)) == (2, 2)

    asyncio.run(play())


def test_a_disk_that_fills_up_does_not_put_off_what_it_has_answered_for(tmp_path: Path) -> None:
    """What comes then goes past it into the tables."""

    async def play() -> None:
        disk = FailingDisk()
        async with receiving(tmp_path, FakeTables(), replace(QUICK, pace_s=0.2), disk=disk) as receiver:
            assert await receiver.write(batch_of(1))
            assert await receiver.write(batch_of(1, 1))
            assert receiver.counts()["spooled"] == 1
            disk.free = 0
            for number in range(30):
                assert await receiver.write(batch_of(1, 2 + number))
                await asyncio.sleep(0.02)
            assert receiver.counts()["spooled"] == 0

    asyncio.run(play())


def test_a_disk_that_hangs_holds_up_nobody_while_the_database_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do the books mind what it has on it in the end: that comes twice, and is received twice."""
    monkeypatch.setattr("otel_receiver.drain.LOOK_S", 0.2)

    async def play() -> None:
        disk, tables = FailingDisk(), FakeTables()
        async with receiving(tmp_path, tables, replace(QUICK, pace_s=0.5, disk_s=0.5), disk=disk) as receiver:
            assert await receiver.write(batch_of(1))
            disk.turning.clear()
            asyncio.get_running_loop().call_later(4.0, disk.turning.set)
            started = time.monotonic()
            for number in range(1, 5):
                assert await receiver.write(batch_of(1, number))
            assert time.monotonic() - started < 3.0
            assert (receiver.counts()["stored"], receiver.balanced()) == (5, True)
            disk.turning.set()
            await eventually(lambda: receiver.counts()["stored"] == 6)
            assert (receiver.balanced(), receiver.counts()["spooled"], len(tables.names)) == (True, 0, 5)
            syncs = len(disk.syncs)
            assert all([await receiver.write(batch_of(1, number)) for number in range(5, 8)])
            assert len(disk.syncs) > syncs

    asyncio.run(play())


def test_what_the_disk_has_lost_is_counted(tmp_path: Path) -> None:
    """A record that rots between spooling and draining: known, kept aside, and in nobody's way."""

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            for number in range(3):
                assert await receiver.write(batch_of(2, 2 * number))
            rot_one(receiver.spool.waiting()[1])
            tables.before = None
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 6, "stored": 4, "spooled": 0, "dead": 2}
            assert receiver.metrics.spans_dead_lettered.value("corrupt") == 2

    asyncio.run(play())


def test_a_disk_that_fails_is_no_success(tmp_path: Path) -> None:
    """Database away, syncs failing: the client hears that it may come again."""

    async def play() -> None:
        disk = FailingDisk()
        async with receiving(tmp_path, FakeTables(away), disk=disk) as receiver:
            disk.failing_syncs = [broken() for _ in range(10)]
            assert not await receiver.write(batch_of(1))
            disk.failing_syncs = []
            assert await receiver.write(batch_of(1, 5))
            assert receiver.balanced()

    asyncio.run(play())


def test_the_spool_of_a_dead_worker_is_stored_by_a_living_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a restart."""
    monkeypatch.setattr("otel_receiver.drain.LOOK_S", 0.05)

    async def play() -> None:
        dead = Receiver(tmp_path, FakeTables(away))
        await dead.writer.start()
        tables = FakeTables()
        async with receiving(tmp_path, tables) as receiver:
            assert await dead.write(batch_of(4))
            for task in dead.writer._loops:
                task.cancel()
            dead.writer._durable._aside.shutdown(wait=True)  # else it may take its own folder back
            dead.spool._folders.release()
            await eventually(lambda: receiver.counts()["stored"] == 4)
            assert receiver.balanced()

    asyncio.run(play())


def test_half_a_character_can_be_spooled_and_buried(tmp_path: Path) -> None:
    """It cannot be stored, but it must not stop anything."""

    async def play() -> None:
        async with receiving(tmp_path, FakeTables(away)) as receiver:
            assert await receiver.write(batch_of(1, name="\ud800"))
            record = receiver.spool.waiting()[0]
            batch = await receiver.writer._durable.take(record)
            assert batch is not None
            assert batch.spans["name"] == ["\ud800"]
            receiver.letters.bury(batch, "half")
            assert [letter.batch.spans["name"] for letter in receiver.letters.letters()] == [["\ud800"]]

    asyncio.run(play())


def test_a_spool_of_another_version_is_kept_aside(tmp_path: Path) -> None:
    """Records that are whole but no batches of ours."""

    async def play() -> None:
        spool = Spool(tmp_path / "spool", ROOMY)
        spool.adopt()
        spool.append(b'{"format": "of the future"}', 3)
        spool.append(b"\xff\xfe", 1)
        spool.close()
        async with receiving(tmp_path, FakeTables()) as receiver:
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 4, "stored": 0, "spooled": 0, "dead": 4}

    asyncio.run(play())


@pytest.mark.parametrize("before", [None, hang])
def test_a_disk_that_hangs_does_not_keep_the_writer_from_stopping(
    tmp_path: Path, before: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """With nothing to do, or with what the disk has answered for on its way into tables that hang, too. A log line
    says so, and the next start finds all of it."""

    async def play() -> None:
        disk, tables = FailingDisk(), FakeTables()
        receiver = Receiver(tmp_path, tables, replace(QUICK, disk_s=0.2, stop_s=0.5), disk=disk)
        await receiver.writer.start()
        tables.before = before
        assert all([await receiver.write(batch_of(1, number)) for number in range(4)])
        disk.turning.clear()
        await receiver.write(batch_of(1, 4))
        started = time.monotonic()
        async with asyncio.timeout(5.0):
            await receiver.writer.stop()
        assert time.monotonic() - started < 2.0
        assert "The disk hangs" in caplog.text
        disk.turning.set()
        receiver.writer._durable._aside.shutdown(wait=True)
        receiver.spool.close()  # the end of its process does
        later = FakeTables()
        async with receiving(tmp_path, later) as successor:
            await eventually(lambda: successor.counts()["spooled"] == 0)
        assert receiver.acked <= set(tables.names) | set(later.names)

    asyncio.run(play())


def test_what_the_disk_has_lost_is_counted_once(tmp_path: Path) -> None:
    """Also where it is met again, because the others of its insert are tried one by one."""

    async def unknown(_: Batch) -> None:
        raise NotNow(999)

    async def play() -> None:
        spool = Spool(tmp_path / "spool", ROOMY)
        spool.adopt()
        records = [spool.append(encoded(batch_of(3, 3 * number)), 3) for number in range(4)]
        rot_one(records[1])
        spool.close()
        tables = FakeTables(unknown)
        async with receiving(tmp_path, tables) as receiver:
            await eventually(lambda: receiver.counts()["dead"] > 0)
            await asyncio.sleep(0.1)
            assert receiver.counts() == {"received": 12, "stored": 0, "spooled": 9, "dead": 3}
            tables.before = None
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 12, "stored": 9, "spooled": 0, "dead": 3}

    asyncio.run(play())


def rot_one(record: Record) -> None:
    with record.segment.path.open("r+b") as file:
        file.seek(record.place.offset + 10)
        file.write(b"\0\0\0")


def test_a_receiver_without_descriptors_throws_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot open has not rotten: it is stored when there are descriptors again."""
    monkeypatch.setattr("otel_receiver.drain.MAX_BACK_OFF_S", 0.2)

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables) as receiver:
            for number in range(5):
                assert await receiver.write(batch_of(3, 3 * number))
            await eventually(lambda: len(receiver.spool.waiting()) == 5)
            with no_descriptors():
                tables.before = None
                await asyncio.sleep(1.5)  # more than one pass
                assert receiver.counts() == {"received": 15, "stored": 0, "spooled": 15, "dead": 0}
            await eventually(lambda: receiver.counts()["spooled"] == 0)
            assert receiver.counts() == {"received": 15, "stored": 15, "spooled": 0, "dead": 0}
        assert set(tables.names) == receiver.acked

    asyncio.run(play())


def test_what_the_disk_does_not_give_now_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place of the disk that cannot be read: only its own batch stays."""
    bad: set[Place] = set()

    def reading(path: Path, place: Place) -> bytes | None:
        if place in bad:
            raise broken()
        return payload_at(path, place)

    async def play() -> None:
        tables = FakeTables(away)
        async with receiving(tmp_path, tables, replace(QUICK, stop_s=0.1)) as receiver:
            for number in range(5):
                assert await receiver.write(batch_of(1, number))
            await eventually(lambda: len(receiver.spool.waiting()) == 5)
            bad.add(receiver.spool.waiting()[2].place)
            monkeypatch.setattr("otel_receiver.spool.payload_at", reading)
            tables.before = None
            await eventually(lambda: receiver.counts()["stored"] == 4)
            assert receiver.counts() == {"received": 5, "stored": 4, "spooled": 1, "dead": 0}
            bad.clear()
            await eventually(lambda: receiver.counts()["stored"] == 5)

    asyncio.run(play())


def test_a_letter_that_cannot_be_read_now_does_not_keep_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From being looked at and sent again; it stays."""
    letters = DeadLetters(tmp_path / "letters")
    first = letters.bury(batch_of(1), "why")
    letters.bury(batch_of(1, 1), "why")

    def reading(path: Path, place: Place) -> bytes | None:
        if path == first:
            raise broken()
        return payload_at(path, place)

    with monkeypatch.context() as patched:
        patched.setattr("otel_receiver.dead_letters.payload_at", reading)
        assert asyncio.run(replay(letters, FakeTables())) == (1, 0)
    assert [letter.path for letter in letters.letters()] == [first]
