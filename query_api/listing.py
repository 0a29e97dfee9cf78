"""A page of the list of sessions: which they are, and how many in all; then what is to be shown of them."""

from collections.abc import Iterable

import orjson

from query_api.db import Chosen, Reader, Row
from query_api.paging import Page

TRIES = 3
"""A session that is deleted between the two questions would make a page look like the last one."""


async def read_list(
    reader: Reader, chosen: Chosen, page: Page, *, sort: str, descending: bool
) -> tuple[list[Row], int | None]:
    """One row more than the page has, where there is one; and how many there were at the first page."""
    rows: list[Row] = []
    total: int | None = 0
    for _ in range(TRIES):
        found = await reader.row("sessions_page", chosen, sort=sort, descending=descending, **page.parameters())
        places = found["page"] if found is not None else []
        total = found["total"] if found is not None else 0
        rows = await _shown(reader, places)
        if len(rows) == len(places):
            break
    return rows, total if page.is_first else page.total


async def _shown(reader: Reader, places: list[tuple[str | None, str]]) -> list[Row]:
    if len(places) == 0:
        return []
    by_id = await read_shown(reader, [session_id for _, session_id in places])
    return [
        by_id[session_id] | {"sort_value": value, "sort_id": session_id}
        for value, session_id in places
        if session_id in by_id
    ]


async def read_shown(reader: Reader, session_ids: Iterable[str]) -> dict[str, Row]:
    """By id those that there are, as far as the key may see them."""
    rows = await reader.rows("sessions", reader.these_sessions(session_ids))
    hidden = {} if reader.content else {"input_preview": None, "output_preview": None}
    return {row["session_id"]: orjson.loads(row["shown"]) | hidden for row in rows}
