"""What the C library keeps of memory that nobody uses any more. Only glibc can be told; others keep less."""

import contextlib
import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_ONLY_GLIBC = (OSError, AttributeError)


def keep_little() -> None:
    """Blocks of half a megabyte, as bodies of 500 spans are, come from the system and go back to it. Kept for the next
    one, as they are unless told, and in a heap for each thread, they come to hundreds of megabytes."""
    with contextlib.suppress(*_ONLY_GLIBC):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 19)
        mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """All of it, such as bodies that came in thousands of small reads. Takes milliseconds, so: beside the loop, and
    after what was huge."""
    with contextlib.suppress(*_ONLY_GLIBC):
        ctypes.CDLL(None).malloc_trim(0)
