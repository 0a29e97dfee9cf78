"""Disks that fail when they are told to."""

import errno
import os
import threading
from pathlib import Path

from otel_receiver.segment import Disk


class PowerCut(BaseException):
    """Nothing runs after this."""


class FailingDisk(Disk):
    """`failures` says what the next writes and syncs raise; a write may get part of its bytes down before."""

    def __init__(self) -> None:
        self.failing_writes: list[tuple[float, BaseException]] = []  # (share that is written, what is raised)
        self.failing_syncs: list[BaseException] = []
        self.syncs: list[int] = []
        self.free = 1 << 40
        self.turning = threading.Event()  # else it hangs
        self.turning.set()

    def write(self, descriptor: int, data: bytes) -> None:
        if self.failing_writes:
            share, error = self.failing_writes.pop(0)
            os.write(descriptor, data[: int(len(data) * share)])
            raise error
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self.turning.wait()
        self.syncs.append(descriptor)
        if self.failing_syncs:
            raise self.failing_syncs.pop(0)

    def free_bytes(self, folder: Path) -> int:
        folder.stat()
        return self.free


def broken() -> OSError:
    return OSError(errno.EIO, "Input/output error")


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")
