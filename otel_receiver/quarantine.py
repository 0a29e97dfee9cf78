"""Broken bytes of the spool, kept for somebody to look at."""

import logging
import time
from pathlib import Path

from otel_receiver.segment import HEADER_BYTES, Gap, Place

log = logging.getLogger(__name__)

MAX_KEPT = 100
"""Files; a disk that breaks more of them tells nothing new."""


class Quarantine:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, path: Path, broken: Gap | Place) -> None:
        """Unless there is enough of it, or nothing left to keep; raises OSError where it cannot be kept now."""
        start = broken.start if isinstance(broken, Gap) else broken.offset - HEADER_BYTES
        log.warning("The spool has %d broken bytes in %s.", broken.end - start, path)
        try:
            with path.open("rb") as file:
                file.seek(start)
                data = file.read(broken.end - start)
        except FileNotFoundError:
            return
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if len(list(self._folder.iterdir())) < MAX_KEPT:
            self._write(f"{path.parent.name}-{path.stem}-{start}-{time.time_ns()}", data)

    def _write(self, name: str, data: bytes) -> None:
        kept = self._folder / f"{name}.broken"
        kept.touch(0o600, exist_ok=False)
        try:
            kept.write_bytes(data)
        except OSError:  # it is tried again; what each try leaves would fill the quarantine
            kept.unlink(missing_ok=True)
            raise
