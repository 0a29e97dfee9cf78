"""Rows that the database refused for good, each with the reason: kept on disk to be looked at, and stored after all."""

import logging
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from otel_receiver.batch import Batch
from otel_receiver.codec import decoded, encoded
from otel_receiver.segment import Disk, Place, created, framed, payload_at, scanned
from otel_receiver.spool import SpoolBroken, SpoolFull
from otel_receiver.verdicts import NotEver
from otel_receiver.watched import Inserts

log = logging.getLogger(__name__)

MAX_LETTERS = 10_000
"""A schema that refuses everything must not fill the disk: when there are so many, the rest stays in the spool."""


class Letter(NamedTuple):
    path: Path
    buried_at: str
    reason: str
    batch: Batch


class DeadLetters:
    """A file per burial, so that whoever looks or replays needs no lock."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = Disk() if disk is None else disk

    def bury(self, batch: Batch, reason: str) -> Path:
        """On disk for good when this returns."""
        now = time.time_ns()
        payload = encoded(batch, reason=reason, buried_at=str(now))
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if len(list(self._folder.iterdir())) >= MAX_LETTERS:
                raise SpoolFull("there are too many dead letters; look at them with `genai-sessions dead-letter`")
            return self._written(
                self._folder / f"{now}-{secrets.token_hex(4)}.letter", framed(payload, batch.span_count)
            )
        except OSError as error:
            raise SpoolBroken(f"a dead letter cannot be written: {error.strerror}") from error

    def letters(self) -> Iterator[Letter]:
        """The oldest first. What a crash left half written was never acknowledged, and is passed over."""
        for path in sorted(self._folder.glob("*.letter")):
            for place in scanned(path):
                payload = _payload_at(path, place) if isinstance(place, Place) else None
                if payload is not None:
                    batch, told = decoded(payload)
                    yield Letter(path, told["buried_at"], told["reason"], batch)

    def remove(self, letter: Letter) -> None:
        letter.path.unlink(missing_ok=True)

    def _written(self, path: Path, frame: bytes) -> Path:
        descriptor = created(path, self._disk)
        try:
            self._disk.write(descriptor, frame)
            self._disk.sync(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return path


def _payload_at(path: Path, place: Place) -> bytes | None:
    """One letter that the disk does not give now must not keep the others from being sent again."""
    try:
        return payload_at(path, place)
    except OSError as error:
        log.warning("The dead letter %s cannot be read now: %s.", path, error.strerror)
        return None


async def replay(letters: DeadLetters, tables: Inserts) -> tuple[int, int]:
    """Tries every letter again: how many spans were stored, and how many are refused still."""
    stored = refused = 0
    for letter in letters.letters():
        try:
            await tables.insert(letter.batch)
        except NotEver:
            refused += letter.batch.span_count
        else:
            letters.remove(letter)
            stored += letter.batch.span_count
    return stored, refused
