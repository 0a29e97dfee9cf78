"""Batches on their way: who waits for which to be safe, and until when."""

from asyncio import Future
from collections import deque
from typing import NamedTuple

from otel_receiver.batch import Batch


class Waiting(NamedTuple):
    batch: Batch
    due: float  # when it must be safe, on the loop's clock
    refusal: Future[str | None]  # None: it is safe


class Group(NamedTuple):
    """Batches that go together, and are answered together."""

    members: list[Waiting]

    @property
    def due(self) -> float:
        return self.members[0].due

    def safe(self) -> None:
        self._answer(None)

    def refuse(self, message: str) -> None:
        """Whoever has not been told that it is safe."""
        self._answer(message)

    def _answer(self, refusal: str | None) -> None:
        for member in self.members:
            if not member.refusal.done():
                member.refusal.set_result(refusal)


class WaitingRoom:
    """First in, first out."""

    def __init__(self) -> None:
        self._queue: deque[Waiting] = deque()
        self.rows = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def due(self) -> float:
        """Of the first."""
        return self._queue[0].due

    def enter(self, waiting: Waiting) -> None:
        self._queue.append(waiting)
        self.rows += waiting.batch.row_count
        self.bytes += waiting.batch.size

    def leave(self, max_rows: int, max_bytes: int) -> Group:
        """As many as fit together, but at least the first."""
        members: list[Waiting] = []
        rows = size = 0
        while self._queue:
            batch = self._queue[0].batch
            rows, size = rows + batch.row_count, size + batch.size
            if members and (rows > max_rows or size > max_bytes):
                break
            members.append(self._queue.popleft())
            self.rows -= batch.row_count
            self.bytes -= batch.size
        return Group(members)
