"""Sessions: the list; and one of them, with its traces, its calls and what was said."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from clickhouse.deletion import delete_session
from clickhouse.ids import normal_id
from query_api.access import Administering, Caller, Reading, Reads, ReadsContent, record
from query_api.answers import answer
from query_api.calls import read_calls, read_messages
from query_api.db import Reader, Row
from query_api.links import session_url
from query_api.listing import read_list, read_shown
from query_api.openapi import answers
from query_api.owner import delete
from query_api.paging import answer_list, answer_page, begin_page, page_body
from query_api.problems import Problem, unknown
from query_api.queries import PageQuery, SessionsQuery, SubjectQuery, allowed_filter, only_project
from query_api.service import service_of
from query_api.shapes import Call, Deleted, ListedSession, MessageEntry, Page, SessionView, WholeSession

router = APIRouter(prefix="/api", tags=["sessions"])


class SessionQuery(PageQuery, SubjectQuery):
    view: Literal["session", "calls", "messages"] = "session"


@router.get("/sessions", responses=answers(Page[ListedSession], "A page of sessions."))
async def list_sessions(
    request: Request, query: Annotated[SessionsQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """Sessions by any number or time, filtered by anything."""
    return answer_list(request, await read_sessions(request, query, caller, reader), content=reader.content)


async def read_sessions(request: Request, query: SessionsQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    """A page of them."""
    page = begin_page(request, caller, query.limit, query.cursor)
    chosen = await reader.filter_sessions(allowed_filter(query, page.now_ns, reader))
    rows, total = await read_list(reader, chosen, page, sort=query.sort, descending=query.order == "desc")
    return page_body(page, [_with_url(row, reader) for row in rows], total)


@router.get("/sessions/{session_id:id}", responses=answers(WholeSession, "The session."))
async def get_session(
    request: Request, session_id: str, query: Annotated[PageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """A session, a page of its traces in the order of time, its neighbours, and how its numbers came about."""
    return await _answer_session(request, session_id, query, caller, reader)


@router.get("/sessions/{session_id:id}/calls", responses=answers(Page[Call], "A page of calls."))
async def get_calls(
    request: Request, session_id: str, query: Annotated[PageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """The timeline: every call in the order of time."""
    return await _answer_calls(request, session_id, query, caller, reader)


@router.get("/sessions/{session_id:id}/messages", responses=answers(Page[MessageEntry], "A page of turns."))
async def get_messages(
    request: Request, session_id: str, query: Annotated[PageQuery, Query()], caller: Reading, reader: ReadsContent
) -> Response:
    """The conversation: each turn's new messages."""
    return await _answer_messages(request, session_id, query, caller, reader)


@router.get("/session", responses=answers(SessionView, "The session, or what `view` names."))
async def get_session_by_parameter(
    request: Request, query: Annotated[SessionQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """The same for any id: `view=calls` and `view=messages` are its timeline and its conversation."""
    if query.view == "calls":
        return await _answer_calls(request, query.id, query, caller, reader)
    if query.view == "messages":
        return await _answer_messages(request, query.id, query, caller, reader)
    return await _answer_session(request, query.id, query, caller, reader)


@router.delete(
    "/sessions/{session_id:id}",
    status_code=202,
    responses=answers(Deleted, "What was removed.", 202),
    dependencies=[Depends(only_project)],
)
async def remove_session(request: Request, session_id: str, caller: Administering) -> Response:
    """Delete a session for good, late spans of it included."""
    return await _remove(request, session_id, caller)


@router.delete("/session", status_code=202, responses=answers(Deleted, "What was removed.", 202))
async def remove_session_by_parameter(
    request: Request, query: Annotated[SubjectQuery, Query()], caller: Administering
) -> Response:
    """The same for any id."""
    return await _remove(request, query.id, caller)


async def _answer_session(request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader) -> Response:
    body = await read_session(request, sent_id, query, caller, reader)
    traces = body["traces"]
    same_while = body | {"traces": [traces["items"], traces["next_cursor"] is None]}
    return answer(request, body, content=reader.content, same_while=same_while)


async def read_session(
    request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader
) -> dict[str, Any]:
    """With a page of its traces."""
    session_id = normal_id(sent_id) or ""
    page = begin_page(request, caller, query.limit, query.cursor)
    found, traces, diagnostics, neighbours, scores = await asyncio.gather(
        read_shown(reader, [session_id]),
        reader.rows("session_traces", session_id=session_id, **page.parameters()),
        reader.row("session_diagnostics", session_id=session_id),
        reader.row("session_neighbours", session_id=session_id),
        reader.rows("session_scores", session_id=session_id),
    )
    session = found.get(session_id)
    if session is None:
        raise unknown("such session")
    return {
        "session": _with_url(session, reader),
        "traces": page_body(page, traces, session["traces"]),
        "diagnostics": diagnostics,
        "neighbours": {name: _neighbour(other, reader) for name, other in (neighbours or {}).items()},
        "scores": scores,
    }


async def _answer_calls(request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader) -> Response:
    session_id = normal_id(sent_id) or ""
    page = begin_page(request, caller, query.limit, query.cursor)
    calls, counts = await asyncio.gather(read_calls(reader, page, session_id), _counts(reader, session_id))
    return answer_page(request, page, calls, counts["calls"], content=reader.content)


async def _answer_messages(
    request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader
) -> Response:
    if not reader.content:
        raise Problem(HTTPStatus.FORBIDDEN, 'Reading what was said needs a key with the scope "content".')
    session_id = normal_id(sent_id) or ""
    page = begin_page(request, caller, query.limit, query.cursor)
    entries, counts = await asyncio.gather(read_messages(reader, page, session_id), _counts(reader, session_id))
    return answer_page(request, page, entries, counts["turns"], content=True)


async def _counts(reader: Reader, session_id: str) -> Row:
    counts = await reader.row("count_calls", session_id=session_id)
    if counts is None or counts["traces"] == 0:
        raise unknown("such session")
    return counts


async def _remove(request: Request, sent_id: str, caller: Caller) -> Response:
    session_id = normal_id(sent_id)
    if session_id is None:
        raise unknown("such session")
    record(request, caller, "delete")
    database = service_of(request).settings.database
    deleted = await delete(database, lambda client, all_: delete_session(client, all_, caller.project, session_id))
    return JSONResponse(deleted, 202)


def _with_url(row: Row, reader: Reader) -> Row:
    return row | {"url": session_url(row["session_id"], reader.named)}


def _neighbour(session_id: str, reader: Reader) -> dict[str, str] | None:
    if session_id == "":
        return None
    return {"session_id": session_id, "url": session_url(session_id, reader.named)}
