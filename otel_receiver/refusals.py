"""One line per refusal, with the reason: never content, never keys. A flood of one kind is told once a second."""

import logging
import secrets
import time
from collections.abc import Callable

from otel_receiver.errors import Refused, Unavailable
from otel_receiver.metrics import Metrics

_log = logging.getLogger("otel_receiver")

_QUIET_S = 1.0


class Refusals:
    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics, self._clock = metrics, clock
        self._told: dict[tuple[str, str], float] = {}  # by reason and project: both few
        self._untold: dict[tuple[str, str], int] = {}

    def note(self, refused: Refused, transport: str, signal: str, project: str = "") -> None:
        self._metrics.refusals.add(refused.reason)
        kind, now = (refused.reason, project), self._clock()
        if now - self._told.get(kind, now - _QUIET_S) < _QUIET_S:
            self._untold[kind] = self._untold.get(kind, 0) + 1
            return
        self._told[kind] = now
        _log.warning(
            "refused: %s",
            refused.message,
            extra={
                "reason": refused.reason,
                "transport": transport,
                "signal": signal,
                "project": project,
                "untold": self._untold.pop(kind, 0),
            },
        )

    def unexpected(self, transport: str, signal: str) -> Unavailable:
        """For an exception nobody foresaw, while it is being caught: the client may retry, we have the trace."""
        number = secrets.token_hex(4)
        _log.exception("unexpected error %s", number, extra={"transport": transport, "signal": signal})
        return Unavailable(f"unexpected error {number}; try again")
