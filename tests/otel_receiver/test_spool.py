"""The spool on real files: what returned is there after any crash, what is broken is passed by and counted."""

import os
import random
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_receiver.segment import _LOOK_BYTES, HEADER_BYTES, Gap, Place, framed, scanned
from otel_receiver.spool import Found, Spool, SpoolBroken, SpoolFull, SpoolLimits
from tests.descriptors import no_descriptors
from tests.otel_receiver.disks import FailingDisk, PowerCut, broken, full

ROOMY = SpoolLimits(min_free_bytes=0)


def opened(base: Path, limits: SpoolLimits = ROOMY, disk: FailingDisk | None = None) -> tuple[Spool, Found]:
    spool = Spool(base, limits, disk)
    return spool, spool.adopt()


def killed(spool: Spool) -> None:
    """Locks go with the process, and nothing else happens."""
    spool._folders.release()
    spool._retire()


def payloads(spool: Spool) -> list[bytes | None]:
    return [spool.read(record) for record in spool.waiting()]


def only_segment(base: Path) -> Path:
    (segment,) = base.glob("*/*.log")
    return segment


def test_what_returned_is_there_after_a_kill_in_order(tmp_path: Path) -> None:
    """With its count of spans; several segments, several starts."""
    base, limits = tmp_path / "spool", SpoolLimits(min_free_bytes=0, segment_bytes=200)
    spool, found = opened(base, limits)
    assert found == Found()
    for number in range(20):
        spool.append(b"%d" % number * 20, number)
    killed(spool)
    spool, found = opened(base, limits)
    assert (found.records, found.spans, found.torn, found.corrupt) == (20, sum(range(20)), 0, 0)
    spool.append(b"last", 1)
    killed(spool)
    spool, found = opened(base, limits)
    assert payloads(spool) == [*(b"%d" % number * 20 for number in range(20)), b"last"]


def test_files_are_for_our_eyes_only(tmp_path: Path) -> None:
    """They hold prompts: 0600 in 0700."""
    base = tmp_path / "spool"
    base.mkdir(mode=0o755)
    spool, _ = opened(base)
    spool.append(b"x", 1)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (base, *base.rglob("*")) if path.is_dir()}
    assert modes == {0o700}
    assert stat.S_IMODE(only_segment(base).stat().st_mode) == 0o600


def test_disk_is_given_back_when_all_of_a_segment_is_done(tmp_path: Path) -> None:
    """In any order of doing; the last file goes when the spool is closed."""
    base = tmp_path / "spool"
    spool, _ = opened(base, SpoolLimits(min_free_bytes=0, segment_bytes=300))
    records = [spool.append(b"x" * 100, 1) for _ in range(10)]
    assert spool.bytes == 10 * (100 + HEADER_BYTES) == sum(path.stat().st_size for path in base.rglob("*.log"))
    random.Random(3).shuffle(records)
    for record in records:
        spool.done(record)
        spool.done(record)
    assert (spool.bytes, spool.waiting()) == (0, [])
    assert only_segment(base).stat().st_size == 0
    spool.append(b"again", 1)
    spool.done(spool.waiting()[0])
    spool.close()
    assert list(base.rglob("*.log")) == []


def test_held_records_are_not_given_out(tmp_path: Path) -> None:
    """Somebody is storing them; a crash forgets that."""
    spool, _ = opened(tmp_path / "spool")
    held = spool.append(b"held", 1, held=True)
    free = spool.append(b"free", 1)
    assert spool.waiting() == [free]
    spool.release(held)
    assert spool.waiting() == [held, free]


@pytest.mark.parametrize("cut", range(1, HEADER_BYTES + 11))
def test_a_torn_end_is_passed_over(tmp_path: Path, cut: int) -> None:
    """Wherever the crash cut it off; what stands before is whole, and what comes after goes elsewhere."""
    base = tmp_path / "spool"
    spool, _ = opened(base)
    spool.append(b"first", 1)
    spool.append(b"x" * 10, 1)
    killed(spool)
    path = only_segment(base)
    os.truncate(path, path.stat().st_size - cut)
    spool, found = opened(base)
    assert payloads(spool) == [b"first"]
    assert (found.torn, found.corrupt) == (0 if cut == HEADER_BYTES + 10 else 1, 0)
    spool.append(b"next", 1)
    assert payloads(spool) == [b"first", b"next"]


def test_zeros_at_the_end_are_a_torn_end(tmp_path: Path) -> None:
    """File systems leave them after a power cut: a length without its bytes."""
    base = tmp_path / "spool"
    spool, _ = opened(base)
    spool.append(b"first", 1)
    killed(spool)
    with only_segment(base).open("ab") as file:
        file.write(framed(b"y" * 50, 1)[:HEADER_BYTES] + bytes(50))
    with only_segment(base).open("ab") as file:
        file.write(bytes(5_000))
    spool, found = opened(base)
    assert payloads(spool)[0] == b"first"
    assert found.torn == 1


def test_a_broken_record_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    """Header or payload; its bytes are kept aside, and counted."""
    base = tmp_path / "spool"
    for byte in (0, 5, 17, HEADER_BYTES, HEADER_BYTES + 60):
        spool, _ = opened(base)
        records = [spool.append(bytes([65 + number]) * 100, 7) for number in range(3)]
        killed(spool)
        path = only_segment(base)
        data = bytearray(path.read_bytes())
        data[HEADER_BYTES + 100 + byte] ^= 0x40
        path.write_bytes(data)
        spool, found = opened(base)
        read = [(record, spool.read(record)) for record in spool.waiting()]
        assert [payload for _, payload in read if payload is not None] == [b"A" * 100, b"C" * 100]
        for record, payload in read:
            if payload is None:
                spool.reject(record)
            else:
                spool.done(record)
        assert found.corrupt + sum(payload is None for _, payload in read) == 1
        assert records[0].place.spans == 7
        spool.close()
    assert len(list((tmp_path / "spool-corrupt").iterdir())) == 5


def test_what_cannot_be_read_now_has_not_rotten(tmp_path: Path) -> None:
    """A process without descriptors knows nothing of the bytes; they are there when it has some again."""
    spool, _ = opened(tmp_path / "spool")
    record = spool.append(b"x" * 100, 1)
    with no_descriptors():
        with pytest.raises(SpoolBroken, match="cannot be read now"):
            spool.read(record)
        with pytest.raises(SpoolBroken, match="cannot be kept aside now"):
            spool.reject(record)
    assert payloads(spool) == [b"x" * 100]


def test_a_deleted_file_has_rotten(tmp_path: Path) -> None:
    """Nothing will bring it back, and nothing of it can be kept."""
    spool, _ = opened(tmp_path / "spool")
    record = spool.append(b"x", 1)
    record.segment.path.unlink()
    assert spool.read(record) is None
    spool.reject(record)
    assert spool.waiting() == []


def test_rotten_bytes_stay_until_they_can_be_kept_aside(tmp_path: Path) -> None:
    """But for the quarantine's own limit, they are never thrown away unseen."""
    spool, _ = opened(tmp_path / "spool")
    record = spool.append(b"x" * 100, 1)
    quarantine = tmp_path / "spool-corrupt"
    quarantine.write_text("in the way")
    with pytest.raises(SpoolBroken, match="cannot be kept aside now"):
        spool.reject(record)
    assert payloads(spool) == [b"x" * 100]
    quarantine.unlink()
    assert [spool.reject(record), spool.reject(record)] == [True, False]
    assert spool.waiting() == []
    (kept,) = quarantine.iterdir()
    assert kept.read_bytes().endswith(b"x" * 100)


def test_an_end_that_cannot_be_read_now_is_not_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been acknowledged."""
    spool, _ = opened(tmp_path / "spool")
    spool.append(b"acknowledged", 1)
    killed(spool)

    def payload_at(path: Path, place: Place) -> bytes | None:
        raise broken()

    with monkeypatch.context() as patched:
        patched.setattr("otel_receiver.spool.payload_at", payload_at)
        spool, found = opened(tmp_path / "spool")
    assert found == Found(records=1, spans=1)
    assert payloads(spool) == [b"acknowledged"]


def test_a_file_of_garbage_holds_nothing_and_ends(tmp_path: Path) -> None:
    """Also where it is full of beginnings."""
    for garbage in (os.urandom(3_000_000), b"gss1" * 200_000, bytes(100), b"g", framed(b"", 0)[:-1] * 1_000):
        path = tmp_path / "garbage"
        path.write_bytes(garbage)
        items = list(scanned(path))
        assert all(isinstance(item, Gap) for item in items)
        assert sum(item.end - item.start for item in items if isinstance(item, Gap)) == len(garbage)


@pytest.mark.parametrize("off", [-HEADER_BYTES, -5, -4, -3, -1, 0, 1, HEADER_BYTES])
def test_a_record_behind_much_garbage_is_found(tmp_path: Path, off: int) -> None:
    """Wherever it begins in what is read at a time."""
    garbage = _LOOK_BYTES + 1 + off
    path = tmp_path / "garbage"
    path.write_bytes(bytes(garbage) + framed(b"payload", 7))
    gap, place = scanned(path)
    assert gap == Gap(0, garbage)
    assert isinstance(place, Place)
    assert place.spans == 7


def test_a_full_spool_says_so_and_takes_again_when_there_is_room(tmp_path: Path) -> None:
    """By its own size, by the disk's free bytes, and by what the disk says."""
    disk = FailingDisk()
    spool, _ = opened(tmp_path / "spool", SpoolLimits(max_bytes=200, min_free_bytes=1_000), disk)
    record = spool.append(b"x" * 100, 1)
    with pytest.raises(SpoolFull, match="its size"):
        spool.append(b"x" * 100, 1)
    spool.done(record)
    disk.free = 1_050
    with pytest.raises(SpoolFull, match="too little room"):
        spool.append(b"x" * 100, 1)
    disk.free = 10_000
    disk.failing_writes = [(0.5, full())]
    with pytest.raises(SpoolFull, match="disk is full"):
        spool.append(b"y" * 50, 1)
    spool.append(b"z", 1)
    assert payloads(spool) == [b"z"]


def test_a_failed_sync_is_never_repeated(tmp_path: Path) -> None:
    """The segment is abandoned, the batch goes to another; and if that fails too, nobody is told that it is safe."""
    base, disk = tmp_path / "spool", FailingDisk()
    spool, _ = opened(base, disk=disk)
    spool.append(b"before", 1)
    disk.failing_syncs = [broken()]
    disk.syncs.clear()
    spool.append(b"moved", 1)
    assert len(list(base.rglob("*.log"))) == 2
    assert len(disk.syncs) == 3  # the failed one, the new file's name, the new file
    disk.failing_syncs = [broken(), broken()]
    with pytest.raises(SpoolBroken, match="cannot be written"):
        spool.append(b"lost", 1)
    assert payloads(spool) == [b"before", b"moved"]
    spool.append(b"after", 1)
    assert payloads(spool) == [b"before", b"moved", b"after"]


def test_a_deleted_folder_is_noticed(tmp_path: Path) -> None:
    """Writing to a file without a name would look like success."""
    base = tmp_path / "spool"
    spool, _ = opened(base)
    spool.append(b"x", 1)
    only_segment(base).unlink()
    (base / "0001").rmdir()
    with pytest.raises(SpoolBroken):
        spool.append(b"y", 1)
    base.rmdir()
    with pytest.raises(SpoolBroken, match="cannot be used"):
        spool.append(b"y", 1)


def test_a_spool_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """At the start."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolBroken, match=r"the spool in .* cannot be used"):
        opened(tmp_path / "file" / "spool")


def test_each_worker_has_a_folder_and_the_living_take_over_from_the_dead(tmp_path: Path) -> None:
    """By a lock that dies with its holder."""
    base = tmp_path / "spool"
    first, _ = opened(base)
    first.append(b"of the first", 2)
    second, found = opened(base)
    second.append(b"of the second", 3)
    assert found == Found()
    assert second.adopt() == Found()
    killed(first)
    assert second.adopt() == Found(records=1, spans=2)
    assert payloads(second) == [b"of the second", b"of the first"]
    for record in second.waiting():
        second.done(record)
    second.append(b"more", 1)
    killed(second)
    third, found = opened(base)
    assert payloads(third) == [b"more"]


def test_what_cannot_be_taken_over_now_is_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the disk does not give, or none for want of descriptors: what was found counts, and in the end all
    does, once."""
    base, unreadable = tmp_path / "spool", set[str]()

    def scanning(path: Path) -> Iterator[Place | Gap]:
        if path.name in unreadable:
            raise broken()
        return scanned(path)

    monkeypatch.setattr("otel_receiver.spool.scanned", scanning)
    dead, _ = opened(base, SpoolLimits(min_free_bytes=0, segment_bytes=1))
    living, _ = opened(base)
    for number in range(3):
        dead.append(b"%d" % number, 1)
    killed(dead)
    with no_descriptors(), pytest.raises(SpoolBroken):
        living.adopt()
    unreadable.add("00000002.log")
    assert living.adopt() == Found(records=2, spans=2)
    assert living.adopt() == Found()
    living.append(b"of its own", 1)
    unreadable.clear()
    assert living.adopt() == Found(records=1, spans=1)
    assert living.adopt() == Found()
    assert payloads(living) == [b"0", b"2", b"of its own", b"1"]
    assert living.bytes == sum(path.stat().st_size for path in base.rglob("*.log"))


def test_a_folder_that_cannot_be_listed_is_claimed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would ever look into it: who holds it has done so. The others do not wait for it."""
    living, first, second = [opened(tmp_path / "spool")[0] for _ in range(3)]
    first.append(b"1", 1)
    second.append(b"2", 1)
    killed(first)
    killed(second)
    listing = Path.iterdir

    def failing(folder: Path) -> Iterator[Path]:
        if folder.name == "0001":
            raise broken()
        return listing(folder)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", failing)
        assert living.adopt() == Found(records=1, spans=1)
    assert living.adopt() == Found(records=1, spans=1)
    assert payloads(living) == [b"2", b"1"]


_HOLDER = """
import sys, time
from pathlib import Path
from otel_receiver.spool import Spool, SpoolLimits
spool = Spool(Path(sys.argv[1]), SpoolLimits(min_free_bytes=0))
spool.adopt()
spool.append(b"from a process", 1)
print("ready", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_its_folder_to_others(tmp_path: Path) -> None:
    """kill -9, for real."""
    base = tmp_path / "spool"
    with subprocess.Popen([sys.executable, "-c", _HOLDER, str(base)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        spool, found = opened(base)
        assert found == Found()
        holder.kill()
        holder.wait()
        assert spool.adopt() == Found(records=1, spans=1)
    assert payloads(spool) == [b"from a process"]


def test_a_power_cut_in_the_middle_of_a_write_loses_nobodys_batch(tmp_path: Path) -> None:
    """But the one that was being written, whose client has heard nothing."""
    base, disk = tmp_path / "spool", FailingDisk()
    spool, _ = opened(base, disk=disk)
    spool.append(b"safe", 1)
    disk.failing_writes = [(0.7, PowerCut())]
    with pytest.raises(PowerCut):
        spool.append(b"torn" * 100, 1)
    killed(spool)
    spool, found = opened(base)
    assert (payloads(spool), found.torn) == ([b"safe"], 1)
