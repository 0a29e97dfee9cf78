"""What there is for this process: of a machine, or of the control group that it is in, as in a container."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_OWN = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def memory_bytes(own: Path = _OWN, groups: Path = _GROUPS) -> int:
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _limits(own, groups):
        with contextlib.suppress(OSError, ValueError):  # a container sees its own group alone; "max" is no limit
            known.append(int(limit.read_text()))
    return min(known)


def _limits(own: Path, groups: Path) -> Iterator[Path]:
    """Of the group and of those that it is in; version 2 has no names of controllers."""
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            inside = PurePosixPath(name).relative_to("/")
            for group in (inside, *inside.parents):
                if controllers == "":
                    yield groups / group / "memory.max"
                elif "memory" in controllers.split(","):
                    yield groups / "memory" / group / "memory.limit_in_bytes"
