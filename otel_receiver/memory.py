"""What the C library keeps of memory that nobody uses any more: bodies that came in thousands of small reads."""

import contextlib
import ctypes
from collections.abc import Callable


def _trimming() -> Callable[[int], int] | None:
    """Only glibc has it; others keep less."""
    with contextlib.suppress(OSError, AttributeError):
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
        return trim
    return None


_trim = _trimming()


def give_back() -> None:
    """To the system, all of it. Takes milliseconds, so: beside the loop, and after what was huge."""
    if _trim is not None:
        _trim(0)
