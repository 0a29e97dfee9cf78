"""Batches on their way: who waits for which to be safe, and until when; and those that are safe but not stored."""

from asyncio import Future
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from otel_receiver.batch import Batch
from otel_receiver.spool import Record


class Waiting(NamedTuple):
    batch: Batch
    came: float  # when, on the loop's clock
    when_safe: Callable[[], None]
    refusal: Future[str | None]  # None: it is safe


class Group(NamedTuple):
    """Batches that go together, and are answered together."""

    members: list[Waiting]

    @property
    def came(self) -> float:
        return self.members[0].came

    def safe(self) -> None:
        for member in self._unanswered():
            member.when_safe()
            member.refusal.set_result(None)

    def refuse(self, message: str) -> None:
        """Whoever has not been told that it is safe."""
        for member in self._unanswered():
            member.refusal.set_result(message)

    def _unanswered(self) -> list[Waiting]:
        return [member for member in self.members if not member.refusal.done()]


class Kept(NamedTuple):
    """A batch that the disk answers for, and memory still has."""

    batch: Batch
    record: Record


_Member = TypeVar("_Member", Waiting, Kept)


class Room(Generic[_Member]):
    """First in, first out."""

    def __init__(self) -> None:
        self._queue: deque[_Member] = deque()
        self.rows = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def first(self) -> _Member:
        return self._queue[0]

    def enter(self, member: _Member) -> None:
        self._queue.append(member)
        self.rows += member.batch.row_count
        self.bytes += member.batch.size

    def leave(self, max_rows: int, max_bytes: int) -> list[_Member]:
        """As many as fit together, but at least the first."""
        members: list[_Member] = []
        rows = size = 0
        while self._queue:
            batch = self._queue[0].batch
            rows, size = rows + batch.row_count, size + batch.size
            if members and (rows > max_rows or size > max_bytes):
                break
            members.append(self._queue.popleft())
            self.rows -= batch.row_count
            self.bytes -= batch.size
        return members
