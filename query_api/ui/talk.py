"""What a page of a session needs: its traces in order, the calls in them, and what was new in each turn."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from query_api.calls import read_calls, read_messages
from query_api.cursors import After
from query_api.db import Reader, Row
from query_api.paging import Page
from query_api.ui.outline import MAX_TRACES, Outline

CALLS_AT_ONCE = 400
MOST_ROUNDS = 5
"""Of reading calls for one page; a trace of more calls than that is shown without the rest of them."""

Read = Callable[[Reader, Page, str], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some traces of a session that follow each other."""

    reader: Reader
    session_id: str
    page: Page
    outline: Outline
    first: int  # its number, from 1 on
    count: int

    @property
    def last(self) -> int:
        return min(self.first + self.count - 1, len(self.outline.rows))

    @property
    def following(self) -> int | None:
        return self.last + 1 if self.last < len(self.outline.rows) else None

    async def traces(self) -> list[Row]:
        before = _just_before(self.outline, self.first)
        return await traces_after(self.reader, self.session_id, before, self.last - self.first + 1)

    async def calls(self) -> list[Row]:
        """Of all kinds. Without what they said where the reader is not to know, or does not ask."""
        return await self._all(read_calls)

    async def messages(self) -> dict[tuple[str, str], Sequence[Any]]:
        if not self.reader.content:
            return {}
        entries = await self._all(read_messages)
        return {(entry["trace_id"], entry["span_id"]): entry["messages"] for entry in entries}

    async def _all(self, read: Read) -> list[Row]:
        """Those that lie in its traces, as far as they can be read in a few rounds."""
        shown = self.outline.rows[self.first - 1 : self.last]
        if len(shown) == 0:
            return []
        wanted, last_ns = {row["trace_id"] for row in shown}, max(row["end_ns"] for row in shown)
        found: list[Row] = []
        page = replace(self.page, limit=CALLS_AT_ONCE, after=After(str(shown[0]["start_ns"] - 1), ""))
        for _ in range(MOST_ROUNDS):
            rows = await read(self.reader, page, self.session_id)
            found += [row for row in rows[:CALLS_AT_ONCE] if row["trace_id"] in wanted]
            if len(rows) <= CALLS_AT_ONCE or float(rows[CALLS_AT_ONCE - 1]["sort_value"]) > last_ns:
                break
            last = rows[CALLS_AT_ONCE - 1]
            page = replace(page, after=After(last["sort_value"], last["sort_id"]))
        return found


async def read_outline(reader: Reader, session_id: str) -> Outline:
    return Outline(await reader.rows("session_outline", session_id=session_id, limit=MAX_TRACES))


async def traces_after(reader: Reader, session_id: str, after: After, limit: int) -> list[Row]:
    asked: dict[str, Any] = {"after_id": after.id, "after_value": after.value, "limit": limit}
    return await reader.rows("session_traces", session_id=session_id, **asked)


async def these_traces(reader: Reader, session_id: str, outline: Outline, trace_ids: Iterable[str]) -> list[Row]:
    found: list[Row] = []
    for trace_id in trace_ids:
        number = outline.numbers.get(trace_id)
        if number is not None:
            found += await traces_after(reader, session_id, _just_before(outline, number), 1)
    return found


def _just_before(outline: Outline, number: int) -> After:
    """The end of the trace before it, in the order of (start, id)."""
    if number < 2:  # noqa: PLR2004 - nothing is before the first
        return After("0", "")
    before = outline.rows[number - 2]
    return After(str(before["start_ns"]), before["trace_id"])
