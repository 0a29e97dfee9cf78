"""Records in a file: length, checksum, payload. Appended, synced before anybody is told, read back with suspicion."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_HEADER = struct.Struct(">4sIIII")  # magic, bytes of payload, spans, crc of payload, crc of the header so far
_MAGIC = b"gss1"  # the last byte is the version of the format
HEADER_BYTES = _HEADER.size
MAX_PAYLOAD = 1 << 30
"""Sixteen of the largest requests. A greater length is a broken header."""

_LOOK_BYTES = 1 << 20  # of what is read at a time when looking for the next record behind a broken one


class Place(NamedTuple):
    """Where a record's payload stands in its file, and what it should be."""

    offset: int
    length: int
    spans: int
    checksum: int

    @property
    def end(self) -> int:
        return self.offset + self.length


class Gap(NamedTuple):
    """Bytes that are no record."""

    start: int
    end: int


class Disk:
    """The few calls whose failing decides what we may promise. Tests let them fail."""

    def write(self, descriptor: int, data: bytes) -> None:
        rest = memoryview(data)
        while len(rest) > 0:
            rest = rest[os.write(descriptor, rest) :]

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def free_bytes(self, folder: Path) -> int:
        stat = os.statvfs(folder)
        return stat.f_bavail * stat.f_frsize

    def sync_folder(self, folder: Path) -> None:
        """A new file is not on disk before its name is."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)


def checksum_of(data: bytes) -> int:
    return zlib.crc32(data)


def framed(payload: bytes, spans: int) -> bytes:
    head = _HEADER.pack(_MAGIC, len(payload), spans, checksum_of(payload), 0)[:-4]
    return b"".join((head, checksum_of(head).to_bytes(4, "big"), payload))


def created(path: Path, disk: Disk) -> int:
    """A new file for our eyes only, whose name is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        disk.sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def payload_at(path: Path, place: Place) -> bytes | None:
    """None where the bytes are gone, or not those that were written. Any other OSError says nothing of them: there may
    be no descriptors left, or no memory."""
    try:
        with path.open("rb") as file:
            file.seek(place.offset)
            payload = file.read(place.length)
    except FileNotFoundError:
        return None
    return payload if len(payload) == place.length and checksum_of(payload) == place.checksum else None


def scanned(path: Path) -> Iterator[Place | Gap]:
    """What a file holds, by its headers; payloads are checked when they are read."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            place = _place(file.read(HEADER_BYTES), at, size)
            if place is None:
                start, at = at, _next_record(path, at + 1, size)
                yield Gap(start, at)
            else:
                yield place
                at = place.end


def _place(head: bytes, at: int, size: int) -> Place | None:
    if len(head) < HEADER_BYTES or not head.startswith(_MAGIC):
        return None
    _, length, spans, checksum, own = _HEADER.unpack(head)
    if checksum_of(head[:-4]) != own or length > MAX_PAYLOAD:
        return None
    place = Place(at + HEADER_BYTES, length, spans, checksum)
    return place if place.end <= size else None


def _next_record(path: Path, at: int, size: int) -> int:
    """Where the next whole record begins behind a broken one; the end of the file where there is none."""
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            window = file.read(_LOOK_BYTES + HEADER_BYTES)
            found = window.find(_MAGIC)
            while 0 <= found < _LOOK_BYTES:
                if _place(window[found : found + HEADER_BYTES], at + found, size) is not None:
                    return at + found
                found = window.find(_MAGIC, found + 1)
            at += _LOOK_BYTES
    return size
