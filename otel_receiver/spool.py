"""What the database could not take yet, on disk: durable before it is acknowledged, drained in order, gone when stored.

A worker owns a folder, and takes over those of workers that are gone. What is done is forgotten a segment at a time;
so after a crash some records come twice, which the tables do not mind.

Every method may block on the disk and is called in threads; one lock orders them.
"""

import contextlib
import errno
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from otel_receiver.folders import Folders
from otel_receiver.quarantine import Quarantine
from otel_receiver.segment import Disk, Gap, Place, checksum_of, created, framed, payload_at, scanned

log = logging.getLogger(__name__)


class SpoolFull(Exception):
    """No room by our own limits, or the disk's."""


class SpoolBroken(Exception):
    """The disk does not take it."""


@dataclass(frozen=True)
class SpoolLimits:
    max_bytes: int = 4 << 30  # some 2 million spans with their prompts
    min_free_bytes: int = 512 << 20  # left to the database, which shares the disk where it is embedded
    segment_bytes: int = 64 << 20  # disk is given back in steps of this


@dataclass(eq=False)
class Segment:
    path: Path
    size: int = 0
    left: int = 0  # records not done yet


class Record(NamedTuple):
    segment: Segment
    place: Place


@dataclass
class Found:
    """What was taken over from workers that are gone."""

    records: int = 0
    spans: int = 0
    torn: int = 0  # ends of writes that a crash cut off: nobody was told that they were safe
    corrupt: int = 0  # broken in the middle; kept aside


class Spool:
    def __init__(self, base: Path, limits: SpoolLimits, disk: Disk | None = None) -> None:
        self._limits = limits
        self._disk = Disk() if disk is None else disk
        self._folders = Folders(base)
        self._quarantine = Quarantine(base.with_name(f"{base.name}-corrupt"))
        self._guard = threading.Lock()
        self._records: dict[Record, None] = {}  # in order
        self._held: set[Record] = set()  # somebody is storing these at this moment
        self._left: dict[Path, None] = {}  # by workers that are gone, and not taken over yet
        self._active: Segment | None = None
        self._descriptor = -1  # of the active segment
        self.bytes = 0

    def adopt(self) -> Found:
        """Takes over what workers that are gone have left; at the start, what this one left itself."""
        found = Found()
        with self._guard:
            try:
                files = self._folders.claim()
            except OSError as error:
                raise SpoolBroken(f"the spool in {self._folders.base} cannot be used: {error.strerror}") from error
            self._left.update(dict.fromkeys(path for path in files if path.match("[0-9]*.log")))
            for path in list(self._left):
                try:
                    if path.exists():  # nobody has deleted it meanwhile
                        self._take_over(path, found)
                except OSError as error:
                    log.warning("What is in %s is not taken over yet: %s.", path, error.strerror)
                else:
                    del self._left[path]
        return found

    def append(self, payload: bytes, spans: int, *, held: bool = False) -> Record:
        """On disk for good when this returns. A held record is not given out before it is released."""
        frame = framed(payload, spans)
        with self._guard:
            self._refuse_without_room(len(frame))
            try:
                segment = self._written(frame)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise SpoolFull("the disk is full") from error
                segment = self._written_elsewhere(frame, error)
            place = Place(segment.size - len(payload), len(payload), spans, checksum_of(payload))
            record = self._noted(segment, place)
            if held:
                self._held.add(record)
            return record

    def release(self, *records: Record) -> None:
        """Whoever held them could not store them."""
        with self._guard:
            self._held.difference_update(records)

    def waiting(self) -> list[Record]:
        """What is to be stored, the oldest first."""
        with self._guard:
            return [record for record in self._records if record not in self._held]

    def read(self, record: Record) -> bytes | None:
        """None where the bytes have rotten; raises SpoolBroken where nobody can tell now."""
        try:
            return payload_at(record.segment.path, record.place)
        except OSError as error:
            raise SpoolBroken(f"a record cannot be read now: {error.strerror}") from error

    def reject(self, record: Record) -> bool:
        """Its bytes have rotten: it is kept aside, and done; False where it was done before. Raises SpoolBroken where
        it cannot be kept aside now."""
        with self._guard:
            if record not in self._records:
                return False
            try:
                self._quarantine.keep(record.segment.path, record.place)
            except OSError as error:
                raise SpoolBroken(f"broken bytes cannot be kept aside now: {error.strerror}") from error
            self._forget(record)
            return True

    def done(self, *records: Record) -> None:
        with self._guard:
            for record in records:
                if record in self._records:
                    self._forget(record)

    def close(self) -> None:
        with self._guard:
            segment = self._active
            self._retire()
            if segment is not None and segment.left == 0:
                self._remove(segment)
            self._folders.release()

    def _forget(self, record: Record) -> None:
        del self._records[record]
        self._held.discard(record)
        record.segment.left -= 1
        if record.segment.left == 0:
            with contextlib.suppress(OSError):  # what cannot be deleted is stored again after the next start
                self._empty(record.segment)

    def _take_over(self, path: Path, found: Found) -> None:
        """All of it, or OSError and nothing."""
        segment, items = Segment(path, path.stat().st_size), list(scanned(path))
        self.bytes += segment.size
        # Only the end of a file can be torn: what stands before it was synced before the next write began.
        broken: list[Gap | Place] = [items.pop()] if items and _is_torn(path, items[-1]) else []
        found.torn += len(broken)
        for item in items:
            if isinstance(item, Gap):
                found.corrupt += 1
                broken.append(item)
            else:
                found.records += 1
                found.spans += item.spans
                self._noted(segment, item)
        with contextlib.suppress(OSError):  # then a file with nothing else in it is looked at again by the next start
            for each in broken:
                self._quarantine.keep(path, each)
            if segment.left == 0:
                self._remove(segment)

    def _noted(self, segment: Segment, place: Place) -> Record:
        record = Record(segment, place)
        self._records[record] = None
        segment.left += 1
        return record

    def _refuse_without_room(self, size: int) -> None:
        if self.bytes + size > self._limits.max_bytes:
            raise SpoolFull("the spool has reached its size")
        try:
            free = self._disk.free_bytes(self._folders.base)
        except OSError as error:
            raise SpoolBroken(f"the spool's folder cannot be used: {error.strerror}") from error
        if free - size < self._limits.min_free_bytes:
            raise SpoolFull("the disk has too little room left")

    def _written(self, frame: bytes) -> Segment:
        segment = self._open_segment()
        try:
            self._disk.write(self._descriptor, frame)
            self._disk.sync(self._descriptor)
            if os.fstat(self._descriptor).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "the segment was deleted")
        except OSError:
            self._abandon(segment)
            raise
        segment.size += len(frame)
        self.bytes += len(frame)
        return segment

    def _written_elsewhere(self, frame: bytes, first: OSError) -> Segment:
        """A sync that failed is never repeated: the page may be marked clean and yet be lost. Another file is."""
        log.error("A segment of the spool is abandoned: %s.", first.strerror)
        try:
            return self._written(frame)
        except OSError as error:
            raise SpoolBroken(f"the spool cannot be written: {error.strerror}") from error

    def _open_segment(self) -> Segment:
        if self._active is not None and self._active.size < self._limits.segment_bytes:
            return self._active
        self._retire()
        folder = self._folders.own()
        numbers = [int(path.stem) for path in folder.glob("[0-9]*.log")]
        path = folder / f"{max(numbers, default=0) + 1:08d}.log"
        self._descriptor = created(path, self._disk)
        self._active = Segment(path)
        return self._active

    def _retire(self) -> None:
        if self._active is not None:
            os.close(self._descriptor)
            self._active = None

    def _abandon(self, segment: Segment) -> None:
        """What of it was synced before stays readable; the rest nobody was told about."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, segment.size)
        self._retire()
        if segment.left == 0:
            self._remove(segment)

    def _empty(self, segment: Segment) -> None:
        if segment is self._active:
            os.ftruncate(self._descriptor, 0)  # cheaper than a new file, whose name would have to be synced
            self.bytes -= segment.size
            segment.size = 0
        else:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        self.bytes -= segment.size


def _is_torn(path: Path, last: Gap | Place) -> bool:
    """What cannot be read now may be whole, and acknowledged."""
    try:
        return isinstance(last, Gap) or payload_at(path, last) is None
    except OSError:
        return False
