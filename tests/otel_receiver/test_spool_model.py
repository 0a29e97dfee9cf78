"""Random histories of the spool against a model: writes, crashes at any byte, failing disks, rot."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_receiver.spool import Record, Spool, SpoolBroken, SpoolFull, SpoolLimits
from tests.otel_receiver.disks import FailingDisk, PowerCut, broken, full

LIMITS = SpoolLimits(max_bytes=20_000, min_free_bytes=0, segment_bytes=400)


class SpoolHistories(RuleBasedStateMachine):
    """What `append` returned for is there until it is done, in order, whole, whatever happens meanwhile."""

    @initialize()
    def begin(self) -> None:
        self.base = Path(tempfile.mkdtemp()) / "spool"
        self.number = 0
        self.safe: dict[bytes, None] = {}  # acknowledged and not done, in order
        self.begun: set[bytes] = set()  # whatever was ever tried
        self.records: dict[bytes, Record] = {}
        self.open()

    def open(self) -> None:
        self.disk = FailingDisk()
        self.spool = Spool(self.base, LIMITS, self.disk)
        self.spool.adopt()
        # What was never acknowledged, or done in a segment that was not, may come again; nothing else may.
        self.records = {}
        for record in self.spool.waiting():
            payload = self.spool.read(record)
            if payload is None:
                self.spool.reject(record)  # rotten before
            else:
                self.records[payload] = record
        assert [payload for payload in self.records if payload in self.safe] == list(self.safe)
        assert self.begun.issuperset(self.records)
        self.safe = dict.fromkeys(self.records)

    def payload(self, size: int) -> bytes:
        self.number += 1
        payload = b"%d:" % self.number + os.urandom(size)
        self.begun.add(payload)
        return payload

    def crash(self) -> None:
        self.spool._folders.release()
        self.spool._retire()
        self.open()

    @rule(size=st.integers(0, 300), held=st.booleans())
    def append(self, size: int, held: bool) -> None:
        payload = self.payload(size)
        try:
            self.records[payload] = self.spool.append(payload, 1, held=held)
        except SpoolFull:
            assert self.spool.bytes + size > LIMITS.max_bytes - 100
        else:
            self.safe[payload] = None

    @rule(size=st.integers(0, 300), errors=st.lists(st.sampled_from([broken, full]), min_size=1, max_size=2))
    def append_to_a_failing_disk(self, size: int, errors: list[type[OSError]]) -> None:
        payload = self.payload(size)
        self.disk.failing_syncs = [error() for error in errors]
        try:
            self.records[payload] = self.spool.append(payload, 1)
        except (SpoolFull, SpoolBroken):
            pass
        else:
            self.safe[payload] = None
        self.disk.failing_syncs = []

    @rule(size=st.integers(0, 300), share=st.floats(0, 1))
    def crash_while_writing(self, size: int, share: float) -> None:
        self.disk.failing_writes = [(share, PowerCut())]
        try:
            self.spool.append(self.payload(size), 1)
        except PowerCut:
            self.crash()
        except SpoolFull:
            self.disk.failing_writes = []

    @rule()
    def crash_between(self) -> None:
        self.crash()

    @rule()
    def stop_and_start(self) -> None:
        self.spool.close()
        self.open()

    @precondition(lambda self: self.safe)
    @rule(data=st.data())
    def finish_one(self, data: st.DataObject) -> None:
        payload = data.draw(st.sampled_from(list(self.safe)))
        self.spool.done(self.records[payload])
        del self.safe[payload]

    @precondition(lambda self: self.safe)
    @rule(data=st.data(), bit=st.integers(0, 7))
    def rot_one(self, data: st.DataObject, bit: int) -> None:
        """A bit of a payload flips: that record is lost, and known to be; the others are not."""
        payload = data.draw(st.sampled_from(list(self.safe)))
        record: Record = self.records[payload]
        at = data.draw(st.integers(record.place.offset, record.place.end - 1))
        with record.segment.path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ (1 << bit)]))
        assert self.spool.read(record) is None
        self.spool.reject(record)
        del self.safe[payload]

    @invariant()
    def what_is_safe_can_be_read_in_order(self) -> None:
        if not hasattr(self, "spool"):
            return
        assert [self.spool.read(self.records[payload]) for payload in self.safe] == list(self.safe)
        order = {record: place for place, record in enumerate(self.spool._records)}
        places = [order[self.records[payload]] for payload in self.safe]
        assert places == sorted(places)
        assert len(places) == len(order)

    @invariant()
    def the_books_match_the_disk(self) -> None:
        if not hasattr(self, "spool"):
            return
        on_disk = sum(path.stat().st_size for path in self.base.rglob("*.log"))
        assert self.spool.bytes == on_disk

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
            shutil.rmtree(self.base.parent)


TestSpoolHistories = SpoolHistories.TestCase
TestSpoolHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
