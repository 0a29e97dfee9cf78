"""What a project may send per second, where its limits say so."""

import time
from collections.abc import Callable

from clickhouse.projects import Project
from otel_receiver.errors import Unavailable

BURST_S = 5.0
"""SDKs send every five seconds what they gathered, so a limit is an average over as long."""


class Rate:
    """An allowance that fills up with time. A single request may overdraw it, so that any size can pass."""

    def __init__(self, per_second: int, clock: Callable[[], float]) -> None:
        self._per_second, self._clock = per_second, clock
        self._left = per_second * BURST_S
        self._at = clock()

    def take(self, amount: int, *, begun: bool = False) -> float:
        """0 if it is granted, else the seconds until something is. The rest of what has begun is."""
        now = self._clock()
        self._left = min(self._per_second * BURST_S, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left <= 0 and not begun:
            return -self._left / self._per_second + 1 / self._per_second
        self._left -= amount
        return 0.0


class Quotas:
    """Per receiver: with several, a project may send as much to each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rates: dict[tuple[str, str], Rate] = {}

    def take_bytes(self, project: Project, amount: int) -> None:
        self._take(project.id, "bytes", project.limits.bytes_per_second, amount)

    def take_spans(self, project: Project, amount: int, *, begun: bool = False) -> None:
        self._take(project.id, "spans", project.limits.spans_per_second, amount, begun=begun)

    def _take(self, project: str, unit: str, per_second: int, amount: int, *, begun: bool = False) -> None:
        if per_second == 0:
            return
        rate = self._rates.get((project, unit)) or self._rates.setdefault(
            (project, unit), Rate(per_second, self._clock)
        )
        wait_s = rate.take(amount, begun=begun)
        if wait_s > 0:
            raise Unavailable(f"over the limit of {per_second} {unit} a second", max(1.0, wait_s), "over_quota")
