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
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from otel_receiver.folders import Folders
from otel_receiver.segment import HEADER_BYTES, Disk, Gap, Place, checksum_of, created, framed, payload_at, scanned

log = logging.getLogger(__name__)

MAX_QUARANTINED = 100
"""Files of broken bytes kept for a look; a disk that breaks more of them tells nothing new."""


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
        self._quarantine = base.with_name(f"{base.name}-corrupt")
        self._guard = threading.Lock()
        self._records: dict[Record, None] = {}  # in order
        self._held: set[Record] = set()  # somebody is storing these at this moment
        self._active: Segment | None = None
        self._descriptor = -1  # of the active segment
        self.bytes = 0

    def adopt(self) -> Found:
        """Takes over what workers that are gone have left; at the start, what this one left itself."""
        found = Found()
        with self._guard:
            try:
                for folder in self._folders.claim():
                    for path in sorted(folder.glob("[0-9]*.log")):
                        self._take_over(path, found)
            except OSError as error:
                raise SpoolBroken(f"the spool in {self._folders.base} cannot be used: {error.strerror}") from error
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

    def release(self, record: Record) -> None:
        """Whoever held it could not store it."""
        with self._guard:
            self._held.discard(record)

    def waiting(self) -> list[Record]:
        """What is to be stored, the oldest first."""
        with self._guard:
            return [record for record in self._records if record not in self._held]

    def read(self, record: Record) -> bytes | None:
        """None where the bytes have rotten."""
        return payload_at(record.segment.path, record.place)

    def reject(self, record: Record) -> None:
        """It cannot be read: it is kept aside, and done."""
        with self._guard:
            self._put_aside(record.segment.path, record.place)
        self.done(record)

    def done(self, record: Record) -> None:
        with self._guard:
            if record not in self._records:
                return
            del self._records[record]
            self._held.discard(record)
            record.segment.left -= 1
            if record.segment.left == 0:
                with contextlib.suppress(OSError):  # what cannot be deleted is stored again after the next start
                    self._empty(record.segment)

    def close(self) -> None:
        with self._guard:
            segment = self._active
            self._retire()
            if segment is not None and segment.left == 0:
                self._remove(segment)
            self._folders.release()

    def _take_over(self, path: Path, found: Found) -> None:
        segment = Segment(path, path.stat().st_size)
        self.bytes += segment.size
        items = list(scanned(path))
        # Only the end of a file can be torn: what stands before it was synced before the next write began.
        if items and (isinstance(items[-1], Gap) or payload_at(path, items[-1]) is None):
            self._put_aside(path, items.pop())
            found.torn += 1
        for item in items:
            if isinstance(item, Gap):
                found.corrupt += 1
                self._put_aside(path, item)
            else:
                found.records += 1
                found.spans += item.spans
                self._noted(segment, item)
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

    def _put_aside(self, path: Path, broken: Gap | Place) -> None:
        """For somebody to look at."""
        start = broken.start if isinstance(broken, Gap) else broken.offset - HEADER_BYTES
        log.warning("The spool has %d broken bytes in %s.", broken.end - start, path)
        with contextlib.suppress(OSError):
            self._quarantine.mkdir(mode=0o700, exist_ok=True)
            if len(list(self._quarantine.iterdir())) >= MAX_QUARANTINED:
                return
            kept = self._quarantine / f"{path.parent.name}-{path.stem}-{start}-{time.time_ns()}.broken"
            with path.open("rb") as file:
                file.seek(start)
                kept.touch(0o600, exist_ok=False)
                kept.write_bytes(file.read(broken.end - start))
