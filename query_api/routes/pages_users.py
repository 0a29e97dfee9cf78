"""Users: who they are, what each comes to, and their sessions."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from clickhouse.ids import normal_id
from query_api.access import Caller, Reading, Reads, ReadsNumbers
from query_api.db import Reader
from query_api.problems import Problem
from query_api.routes.users import read_user, read_users
from query_api.ui import columns
from query_api.ui.asked import UserByIdQuery, UserPageQuery, UsersPageQuery, seen_by
from query_api.ui.errors import faults_of
from query_api.ui.filters import filters_of
from query_api.ui.pages import render, view_of
from query_api.ui.route import PageRoute
from query_api.ui.sums import sums_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/users")
async def show_users(
    request: Request, query: Annotated[UsersPageQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    view = view_of(request, caller)
    query = seen_by(view, query)
    if query.part == "sums":
        return render(view, "sums.html", {"place": "/users"} | await sums_of(view, query, caller, reader))
    context: dict[str, Any] = {"place": "/users", "query": query, "filters": filters_of(view, query), "faults": []}
    try:
        found = await read_users(request, query, caller, reader)
    except Problem as problem:
        refused = {"found": None, "faults": faults_of(problem)}
        return render(view, "users.html", context | refused, problem.status.value)
    return render(view, "users.html", context | {"found": found})


@router.get("/users/{user_id:id}")
async def show_user(
    request: Request, user_id: str, query: Annotated[UserPageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    return await _show_user(request, user_id, query, caller, reader)


@router.get("/user")
async def show_user_by_parameter(
    request: Request, query: Annotated[UserByIdQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """For ids that do not survive in a path."""
    return await _show_user(request, query.id, query, caller, reader)


async def _show_user(request: Request, user_id: str, query: UserPageQuery, caller: Caller, reader: Reader) -> Response:
    view = view_of(request, caller)
    query = seen_by(view, query)
    theirs = query.model_copy(update={"user_id": [user_id]})
    if query.part == "sums":
        return render(view, "sums.html", {"place": "/users"} | await sums_of(view, theirs, caller, reader))
    found = await read_user(request, user_id, query, caller, reader)
    context = {
        "place": "/users",
        "user": found["user"],
        "sessions": found["sessions"],
        "query": query,
        "filters": filters_of(view, query),
        "columns": [each for each in columns.chosen([], "") if each.key != "user"],
        "user_id": normal_id(user_id),
    }
    return render(view, "user.html", context)
