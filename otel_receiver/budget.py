"""How much may be in flight: bytes of all requests, with a share per project, so that one cannot starve the others."""

import asyncio
from collections import Counter, deque
from types import TracebackType
from typing import NamedTuple, Self

from otel_receiver.errors import Unavailable

HUGE_BYTES = 8 << 20
"""A body above this counts twice, and is read, mapped and stored piece by piece: as objects and rows it would take ten
times its bytes."""


class _Waiting(NamedTuple):
    project: str
    size: int
    granted: asyncio.Future[None]


class Budget:
    """Bytes from the first one read of a body until its rows are safe. Who finds no room waits a moment, in order."""

    def __init__(self, total: int, share: int, hold_s: float) -> None:
        self.total, self.share, self.hold_s = total, share, hold_s
        self.used = 0
        self._by_project: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()

    def hold(self, project: str) -> "Hold":
        return Hold(self, project)

    async def take(self, project: str, size: int) -> None:
        if self._fits(project, size) and len(self._waiting) == 0:
            self._grant(project, size)
            return
        waiting = _Waiting(project, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake()
        try:
            async with asyncio.timeout(self.hold_s):
                await waiting.granted
        except BaseException as why:
            self._leave(waiting)
            if isinstance(why, TimeoutError):
                raise Unavailable("too many bytes are in flight; try again") from None
            raise

    def give(self, project: str, size: int) -> None:
        self.used -= size
        self._by_project[project] -= size
        if self._by_project[project] == 0:
            del self._by_project[project]
        self._wake()

    def _fits(self, project: str, size: int) -> bool:
        return self.used + size <= self.total and self._by_project[project] + size <= self.share

    def _grant(self, project: str, size: int) -> None:
        self.used += size
        self._by_project[project] += size

    def _wake(self) -> None:
        """In order of arrival. Who only exceeds a project's share lets others pass; a lack of room stops everybody."""
        for waiting in list(self._waiting):
            if waiting.granted.done():
                continue  # its time is over, too: it leaves at its next step
            if self.used + waiting.size > self.total:
                return
            if self._fits(waiting.project, waiting.size):
                self._waiting.remove(waiting)
                self._grant(waiting.project, waiting.size)
                waiting.granted.set_result(None)

    def _leave(self, waiting: _Waiting) -> None:
        """Whoever gives up leaves the queue, or gives back what was granted at that very moment."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._wake()
        else:
            self.give(waiting.project, waiting.size)


class Hold:
    """What one request holds. As a context it is given back if reading fails; after that, whoever stores the request
    gives it back."""

    def __init__(self, budget: Budget, project: str) -> None:
        self.size = 0
        self._budget, self._project = budget, project

    async def grow(self, size: int) -> None:
        await self._budget.take(self._project, size)
        self.size += size

    async def grow_for(self, body: int) -> None:
        """For a body of that size, if that is more than what is held."""
        more = self._room(body) - self.size
        if more > 0:
            await self.grow(more)

    def shrink_for(self, body: int) -> None:
        """To what it turned out to be."""
        given = self.size - self._room(body)
        if given > 0:
            self.size -= given
            self._budget.give(self._project, given)

    def release(self) -> None:
        self.shrink_for(0)

    def _room(self, body: int) -> int:
        """A huge one counts twice: while it is put together or read there are two of it."""
        return body if body <= HUGE_BYTES else min(2 * body, self._budget.share)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.release()
