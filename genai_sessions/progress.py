"""How far a long command is: one line that is written over on a terminal, and a line now and then in a log."""

import sys
import time

TERMINAL_SECONDS = 0.2
LOG_SECONDS = 5.0


class ProgressLine:
    """Of `total` spans."""

    def __init__(self, total: int) -> None:
        self._out = sys.stdout
        self._total, self._done = total, 0
        self._began_at = self._shown_at = time.monotonic()
        self._live = self._out.isatty()

    def advance(self, spans: int, where: str) -> None:
        self._done += spans
        now = time.monotonic()
        if now - self._shown_at >= (TERMINAL_SECONDS if self._live else LOG_SECONDS):
            self._shown_at = now
            line = f"{where}: {self._text(now)}"
            print(f"\r{line}\x1b[K" if self._live else line, end="" if self._live else "\n", file=self._out, flush=True)

    def end(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=self._out, flush=True)

    def _text(self, now: float) -> str:
        rate = self._done / max(now - self._began_at, 1e-3)
        left = max(self._total - self._done, 0) / max(rate, 1e-3)
        return f"{self._done:,} of {self._total:,} spans, {rate:,.0f} a second, {_length(left)} to go"


def _length(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {int(seconds) % 60} s"  # noqa: PLR2004
