"""Folders that belong to whichever worker holds their lock. A lock dies with its holder, so it is never stale."""

import errno
import fcntl
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

_MAX_WORKERS = 1_000
"""Of one spool at a time: a hundred times a machine's cores."""


class Folders:
    def __init__(self, base: Path) -> None:
        self.base = base
        self._held: dict[Path, int] = {}  # ours -> the descriptor that carries the lock

    def claim(self) -> list[Path]:
        """Takes the folders that nobody holds, those of workers that are gone: their files. A folder whose files cannot
        be told now is left for another time: one that is ours is not claimed again."""
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.base.chmod(0o700)
        present = sorted(folder for folder in self.base.iterdir() if folder.is_dir())
        return [path for folder in present if folder not in self._held for path in self._files_of(folder)]

    def own(self) -> Path:
        """A folder to write in: the first of ours, else a new one."""
        for folder in self._held:
            return folder
        for number in range(1, _MAX_WORKERS + 1):
            folder = self.base / f"{number:04d}"
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            if self._hold(folder):  # else another worker, just starting, took it for an orphan
                return folder
        raise OSError(errno.EUSERS, f"more than {_MAX_WORKERS} workers share the spool")

    def release(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)
        self._held.clear()

    def _files_of(self, folder: Path) -> list[Path]:
        """Of one that is ours now; none where it is somebody else's."""
        try:
            return sorted(folder.iterdir()) if self._hold(folder) else []
        except OSError as error:
            log.warning("The folder %s is not taken over yet: %s.", folder, error.strerror)
            if folder in self._held:
                os.close(self._held.pop(folder))
            return []

    def _hold(self, folder: Path) -> bool:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise
        self._held[folder] = descriptor
        return True
