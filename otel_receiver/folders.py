"""Folders that belong to whichever worker holds their lock. A lock dies with its holder, so it is never stale."""

import errno
import fcntl
import os
from pathlib import Path

_MAX_WORKERS = 1_000
"""Of one spool at a time: a hundred times a machine's cores."""


class Folders:
    def __init__(self, base: Path) -> None:
        self.base = base
        self._held: dict[Path, int] = {}  # ours -> the descriptor that carries the lock

    def claim(self) -> list[Path]:
        """Takes the folders that nobody holds: those of workers that are gone."""
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.base.chmod(0o700)
        present = sorted(folder for folder in self.base.iterdir() if folder.is_dir())
        return [folder for folder in present if folder not in self._held and self._hold(folder)]

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

    def _hold(self, folder: Path) -> bool:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[folder] = descriptor
        return True
