"""Users: what each adds up to, and their sessions."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from clickhouse.deletion import delete_user
from clickhouse.ids import normal_id
from query_api.access import Administering, Caller, Reading, Reads, ReadsNumbers, record
from query_api.answers import answer
from query_api.db import Reader
from query_api.filters import Filter, OneOf
from query_api.links import session_url, user_url
from query_api.listing import read_list
from query_api.openapi import answers
from query_api.owner import delete
from query_api.paging import answer_list, begin_page, count, page_body
from query_api.problems import unknown
from query_api.queries import PageQuery, SubjectQuery, UsersQuery, allowed_filter, only_project
from query_api.service import service_of
from query_api.shapes import Deleted, ListedUser, Page, UserWithSessions

router = APIRouter(prefix="/api", tags=["users"])

_ALL = {"after_id": None, "after_null": False, "after_value": 0, "limit": 1}


class UserQuery(PageQuery, SubjectQuery):
    pass


@router.get("/users", responses=answers(Page[ListedUser], "A page of users."))
async def list_users(
    request: Request, query: Annotated[UsersQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    """The users of the sessions that the filter chooses, and what these sessions add up to for each."""
    return answer_list(request, await read_users(request, query, caller, reader), content=False)


async def read_users(request: Request, query: UsersQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    """A page of them."""
    page = begin_page(request, caller, query.limit, query.cursor)
    wanted = allowed_filter(query, page.now_ns, reader)
    chosen = await reader.choose_sessions(wanted, everything=wanted.is_empty)
    order = {"sort": query.sort, "descending": query.order == "desc"}
    rows, total = await asyncio.gather(
        reader.rows("users", chosen, only=[], **order, **page.parameters()), count(reader, page, "count_users", chosen)
    )
    return page_body(page, [row | {"url": user_url(row["user_id"], reader.named)} for row in rows], total)


@router.get("/users/{user_id:id}", responses=answers(UserWithSessions, "The user."))
async def get_user(
    request: Request, user_id: str, query: Annotated[PageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """A user, and a page of their sessions, the latest first."""
    return await _answer_user(request, user_id, query, caller, reader)


@router.get("/user", responses=answers(UserWithSessions, "The user."))
async def get_user_by_parameter(
    request: Request, query: Annotated[UserQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """The same for any id."""
    return await _answer_user(request, query.id, query, caller, reader)


@router.delete(
    "/users/{user_id:id}",
    status_code=202,
    responses=answers(Deleted, "What was removed.", 202),
    dependencies=[Depends(only_project)],
)
async def remove_user(request: Request, user_id: str, caller: Administering) -> Response:
    """Delete every span of a user for good, late ones included."""
    return await _remove(request, user_id, caller)


@router.delete("/user", status_code=202, responses=answers(Deleted, "What was removed.", 202))
async def remove_user_by_parameter(
    request: Request, query: Annotated[SubjectQuery, Query()], caller: Administering
) -> Response:
    """The same for any id."""
    return await _remove(request, query.id, caller)


async def _answer_user(request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader) -> Response:
    body = await read_user(request, sent_id, query, caller, reader)
    same_while = [body["user"], body["sessions"]["items"]]
    return answer(request, body, content=reader.content, same_while=same_while)


async def read_user(request: Request, sent_id: str, query: PageQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    user_id = normal_id(sent_id) or ""
    page = begin_page(request, caller, query.limit, query.cursor)
    wanted = Filter((OneOf("user", (user_id,)),))
    theirs = await reader.filter_sessions(wanted)
    ids = await reader.choose_sessions(wanted, everything=False)
    user, (sessions, total) = await asyncio.gather(
        reader.row("users", ids, only=[user_id], sort="last_active_at", descending=True, **_ALL),
        read_list(reader, theirs, page, sort="last_active_at", descending=True),
    )
    if user is None:
        raise unknown("such user")
    del user["sort_value"], user["sort_id"]
    rows = [row | {"url": session_url(row["session_id"], reader.named)} for row in sessions]
    return {"user": user | {"url": user_url(user_id, reader.named)}, "sessions": page_body(page, rows, total)}


async def _remove(request: Request, sent_id: str, caller: Caller) -> Response:
    user_id = normal_id(sent_id)
    if user_id is None:
        raise unknown("such user")
    record(request, caller, "delete")
    database = service_of(request).settings.database
    deleted = await delete(database, lambda client, all_: delete_user(client, all_, caller.project, user_id))
    return JSONResponse(deleted, 202)
