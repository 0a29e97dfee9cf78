"""Sessions: the list, and one of them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from clickhouse.ids import normal_id
from query_api.access import Caller, Reads, requires
from query_api.answers import answer
from query_api.db import Chosen, Reader, Row
from query_api.links import session_url
from query_api.paging import answer_page, begin_page
from query_api.problems import unknown
from query_api.queries import SessionsQuery, allowed_filter, only_project

router = APIRouter(prefix="/api", tags=["sessions"])


@router.get("/sessions")
async def list_sessions(
    request: Request,
    query: Annotated[SessionsQuery, Query()],
    caller: Annotated[Caller, Depends(requires("read"))],
    reader: Reads,
) -> Response:
    """Sessions by any number or time, filtered by anything."""
    page = begin_page(request, caller, query.limit, query.cursor)
    chosen = await reader.choose(allowed_filter(query, page.now_ns, reader))
    order = {"sort": query.sort, "descending": query.order == "desc"}
    rows, total = await asyncio.gather(
        reader.rows("sessions", chosen, **order, **page.parameters()),
        _total(reader, chosen) if page.is_first else _known(page.total),
    )
    items = [_with_url(row) for row in rows]
    return answer_page(request, page, items, total, content=reader.content)


@router.get("/sessions/{session_id:id}", dependencies=[Depends(only_project)])
async def get_session(request: Request, session_id: str, reader: Reads) -> Response:
    """One session."""
    row = await reader.row("session", session_id=normal_id(session_id) or "")
    if row is None:
        raise unknown("such session")
    return answer(request, {"session": _with_url(row)}, content=reader.content)


async def _total(reader: Reader, chosen: Chosen) -> int:
    row = await reader.row("count_sessions", chosen)
    return row["total"] if row is not None else 0


async def _known(total: int | None) -> int | None:
    return total


def _with_url(row: Row) -> Row:
    return row | {"url": session_url(row["session_id"])}
