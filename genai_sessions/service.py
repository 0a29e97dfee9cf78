"""One of our own commands as a child: started again when it dies, told to stop, and gone when its parent is."""

import contextlib
import gc
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

OWNED = "GENAI_SESSIONS_OWNED"
"""Set for children: their standard input is a pipe whose other end their parent holds."""
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
"""Of glibc: an arena for every thread keeps what large requests needed once."""
FIRST_BACK_OFF_SECONDS = 0.2
MAX_BACK_OFF_SECONDS = 5.0
STABLE_SECONDS = 60.0
"""Who lived as long as this did not die of how it was started."""


@dataclass
class Service:
    """The longer it keeps dying, the later it is started again."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stop_seconds: float
    child: "subprocess.Popen[bytes] | None" = None
    back_off: float = FIRST_BACK_OFF_SECONDS
    started_at: float = 0.0
    revive_at: float = field(default=0.0)

    def start(self) -> None:
        # Passwords go by environment: a command line is everybody's to read.
        self.child = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "genai_sessions", *self.arguments],
            env={**_FEW_ARENAS, **os.environ, **self.environment, OWNED: "1", "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
        )
        self.started_at, self.revive_at = time.monotonic(), 0.0

    @property
    def ended(self) -> int | None:
        return None if self.child is None else self.child.poll()

    def revive(self) -> None:
        """To be called now and then."""
        if self.ended is None:
            return
        if self.revive_at > 0:
            if time.monotonic() >= self.revive_at:
                self.start()
            return
        if time.monotonic() - self.started_at > STABLE_SECONDS:
            self.back_off = FIRST_BACK_OFF_SECONDS
        log.warning("The %s ended (exit code %s); it is started again in %.1f s.", self.name, self.ended, self.back_off)
        self.revive_at = time.monotonic() + self.back_off
        self.back_off = min(2 * self.back_off, MAX_BACK_OFF_SECONDS)


def stop_all(services: Sequence[Service]) -> None:
    """All at once, so that the slowest decides how long it takes."""
    for service in services:
        if service.child is not None:
            with contextlib.suppress(ProcessLookupError):
                service.child.send_signal(signal.SIGTERM)
    told_at = time.monotonic()
    for service in services:
        if service.child is not None:
            _await_end(service.name, service.child, told_at + service.stop_seconds)


def _await_end(name: str, child: "subprocess.Popen[bytes]", until: float) -> None:
    try:
        child.wait(max(until - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        log.warning("The %s did not stop in time; it is killed.", name)
        child.kill()
        child.wait()
    if child.stdin is not None:
        child.stdin.close()


def collect_rarely() -> None:
    """Rows come and go by the thousand and are no cycles: to look for some every 700 objects, as Python does unless
    told, takes a fifth of a receiver's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def open_all_it_may() -> None:
    """Every connection takes a descriptor, and so does the spool. Unless it asks for more, a process gets 1,024:
    for the sake of select(), which nobody here calls."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then there are as many as there were
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_on_signal() -> threading.Event:
    """Set by SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def end_with_parent() -> None:
    """A parent that was killed cannot tell us to stop; the end of our standard input does."""
    if os.environ.pop(OWNED, "") == "":
        return

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watcher", daemon=True).start()
