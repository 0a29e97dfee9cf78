"""What changes, as it changes: one poll of the database for all who listen to a project.

A recompute may become visible a little after another that began later. So each poll looks back a while, now and then
as long as a recompute can take, and tells only what it has not told before.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

import orjson

from query_api.db import Connection, Reader, Row
from query_api.filters import Filter, OneOf
from query_api.problems import Problem, away

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
LOOK_BACK_US = 10_000_000
LOOK_BACK_FAR_US = 300_000_000
"""No recompute lives longer than five minutes."""
FAR_EVERY_SECONDS = 30.0
HEARTBEAT_SECONDS = 15.0
"""Balancers cut what is silent for a minute; some for thirty seconds."""
MAX_LISTENERS = 500
MAX_CHANGES = 100_000
"""Of one poll, or of one replay; beyond it listeners are told to begin anew."""
MAX_WAITING = 10_000
"""Events that a slow listener may leave waiting before it is cut off; it comes back and is told what it missed."""
MAX_REMEMBERED = 500_000
_IDS_AT_ONCE_CHARACTERS = 20_000  # they travel as a parameter, which may have 128 KB


class Change(NamedTuple):
    session_id: str
    version: int
    position: int


class Event(NamedTuple):
    kind: str
    position: int
    data: bytes

    def encoded(self) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.position, self.kind.encode(), self.data)


class Listener:
    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self.has_ended = False
        self.waiting: asyncio.Queue[Event | None] = asyncio.Queue(MAX_WAITING)

    def tell(self, event: Event) -> None:
        if self.has_ended:
            return
        try:
            self.waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        """It comes back, and is told from the last event on that reached it."""
        self.has_ended = True
        while not self.waiting.empty():
            self.waiting.get_nowait()
        self.waiting.put_nowait(None)


class Feed:
    """Of one project. Polls as long as somebody listens."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._told: OrderedDict[str, int] = OrderedDict()
        self._position = 0
        self._swept_at = 0.0
        self.listeners: set[Listener] = set()

    async def begin(self) -> None:
        """From now on: what was there before is known."""
        [now] = await self._reader.rows("live_position")
        self._position = now["position"]
        self._note(await self._changes(self._position - LOOK_BACK_FAR_US))
        self._swept_at = time.monotonic()

    async def poll_for_ever(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._poll()
            except Problem as problem:
                log.warning("The live feed of %s waits: %s", self._reader.project, problem)

    async def replay(self, listener: Listener, position: int) -> None:
        """What happened since, as it is now. Some of it may have been told before: better twice than never."""
        changes = await self._changes(position - LOOK_BACK_FAR_US)
        async for _ in self._tell(changes, [listener]):
            pass  # the others have not been told

    @property
    def position(self) -> int:
        return self._position

    async def _poll(self) -> None:
        far = time.monotonic() - self._swept_at > FAR_EVERY_SECONDS
        changes = await self._changes(self._position - (LOOK_BACK_FAR_US if far else LOOK_BACK_US))
        # Noted once told: what the database fails at is told by a later poll, and no part twice.
        async for told in self._tell(self._new(changes), list(self.listeners)):
            self._note(told)
        if far:
            self._swept_at = time.monotonic()

    async def _changes(self, since_us: int) -> list[Change]:
        rows = await self._reader.rows("changed_sessions", since_us=max(0, since_us), limit=MAX_CHANGES)
        return [Change(**row) for row in rows]

    def _new(self, changes: Iterable[Change]) -> list[Change]:
        return [change for change in changes if self._told.get(change.session_id, 0) < change.version]

    def _note(self, told: Iterable[Change]) -> None:
        for change in told:
            self._told[change.session_id] = change.version
            self._told.move_to_end(change.session_id)
            self._position = max(self._position, change.position)
        while len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)

    async def _tell(self, changes: Sequence[Change], listeners: Sequence[Listener]) -> AsyncIterator[Sequence[Change]]:
        """Part by part, the oldest first; each comes out when it is told."""
        if len(changes) >= MAX_CHANGES:
            position = max(self._position, *(change.position for change in changes))
            for listener in listeners:
                listener.tell(Event("reset", position, b"{}"))
            yield changes
            return
        for part in _parts(changes):
            await self._tell_part(part, listeners)
            yield part

    async def _tell_part(self, changes: Sequence[Change], listeners: Sequence[Listener]) -> None:
        ids = tuple(change.session_id for change in changes)
        rows = await self._reader.rows("live_sessions", self._reader.these_sessions(ids))
        known = {row["session_id"]: row for row in rows}
        events = [_event(change, known.get(change.session_id)) for change in changes]
        for wanted in {listener.wanted for listener in listeners if not listener.has_ended}:
            alike = [listener for listener in listeners if listener.wanted == wanted]
            try:
                chosen = await self._chosen(wanted, ids)
            except Problem as problem:  # of their filter alone: the others are told
                log.warning("Listeners of %s are sent away, their filter fails: %s", self._reader.project, problem)
                for listener in alike:
                    listener.end()
            else:
                pairs = zip(ids, events, strict=True)
                _tell_all(alike, [event for each, event in pairs if event.kind == "gone" or each in chosen])

    async def _chosen(self, wanted: Filter, ids: tuple[str, ...]) -> frozenset[str]:
        if wanted.is_empty:
            return frozenset(ids)
        among = Filter((*wanted.terms, OneOf("session", ids)))
        rows = await self._reader.rows("chosen_sessions", await self._reader.filter_sessions(among))
        return frozenset(row["session_id"] for row in rows)


class Live:
    """The feeds of all projects that somebody listens to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._feeds: dict[str, Feed] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}
        self._opening = asyncio.Lock()
        self.listeners = 0

    async def listen(self, project: str, wanted: Filter, since: int | None) -> AsyncIterator[bytes]:
        """Server-sent events; a position to come back to stands with each."""
        if self.listeners >= MAX_LISTENERS:
            raise away("Too many are listening already.")
        self.listeners += 1
        listener = Listener(wanted)
        try:
            feed = await self._join(project, listener)
            yield b"retry: 2000\nid: %d\n\n" % feed.position
            if since is not None:
                await feed.replay(listener, since)
            async for piece in _told(listener):
                yield piece
        finally:
            self.listeners -= 1
            self._leave(project, listener)

    def stop(self) -> None:
        for feed in self._feeds.values():
            for listener in feed.listeners:
                listener.end()
        for poll in self._polls.values():
            poll.cancel()

    async def _join(self, project: str, listener: Listener) -> Feed:
        async with self._opening:
            feed = self._feeds.get(project)
            if feed is None:
                feed = Feed(Reader(self._connection, project, content=False))
                await feed.begin()
                self._feeds[project] = feed
                self._polls[project] = asyncio.create_task(feed.poll_for_ever())
            feed.listeners.add(listener)
            return feed

    def _leave(self, project: str, listener: Listener) -> None:
        feed = self._feeds.get(project)
        if feed is None:
            return
        feed.listeners.discard(listener)
        if len(feed.listeners) == 0:
            del self._feeds[project]
            self._polls.pop(project).cancel()


def _tell_all(listeners: Iterable[Listener], events: Sequence[Event]) -> None:
    for listener in listeners:
        for event in events:
            listener.tell(event)


async def _told(listener: Listener) -> AsyncIterator[bytes]:
    while True:
        try:
            event = await asyncio.wait_for(listener.waiting.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            yield b": still here\n\n"
            continue
        if event is None:
            return
        yield event.encoded()


def _event(change: Change, row: Row | None) -> Event:
    if row is None or row["spans"] == 0:
        return Event("gone", change.position, orjson.dumps({"session_id": change.session_id}))
    shown = {name: value for name, value in row.items() if name != "spans"}
    return Event("session", change.position, orjson.dumps(shown))


def _parts(changes: Sequence[Change]) -> Iterable[Sequence[Change]]:
    part: list[Change] = []
    characters = 0
    for change in changes:
        part.append(change)
        characters += len(change.session_id) + 10
        if characters > _IDS_AT_ONCE_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part
