"""The page of all sessions: the list first, since people wait for it; what it adds up to follows by itself."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from query_api.access import Reading, Reads
from query_api.db import Reader
from query_api.problems import Problem
from query_api.routes.sessions import read_sessions
from query_api.service import service_of
from query_api.ui import columns
from query_api.ui.asked import SessionsPageQuery, seen_by
from query_api.ui.errors import faults_of
from query_api.ui.filters import filters_of
from query_api.ui.pages import View, remember, render, view_of
from query_api.ui.route import PageRoute
from query_api.ui.sums import sums_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
@router.get("/sessions")
async def show_sessions(
    request: Request, query: Annotated[SessionsPageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    view = view_of(request, caller)
    query = seen_by(view, query)
    if query.part == "sums":
        return render(view, "sums.html", {"place": "/sessions"} | await sums_of(view, query, caller, reader))
    frame = _frame(view, query)
    try:
        found: dict[str, Any] = await read_sessions(request, query, caller, reader)
    except Problem as problem:
        refused = {"found": None, "faults": faults_of(problem), "nothing_yet": False}
        return render(view, "sessions.html", frame | refused, problem.status.value)
    nothing_yet = len(found["items"]) == 0 and not await _has_any(reader)
    response = render(view, "sessions.html", frame | {"found": found, "faults": [], "nothing_yet": nothing_yet})
    if len(query.columns) > 0:
        remember(response, columns.COOKIE, columns.remembered(frame["columns"]))
    return response


def _frame(view: View, query: SessionsPageQuery) -> dict[str, Any]:
    return {
        "place": "/sessions",
        "query": query,
        "filters": filters_of(view, query),
        "columns": columns.chosen(query.columns, view.request.cookies.get(columns.COOKIE, "")),
        "all_columns": columns.COLUMNS,
        "endpoint": _endpoint(view),
        "keyed": not service_of(view.request).settings.projects.open,
    }


async def _has_any(reader: Reader) -> bool:
    """Whether the project has any session at all; asked only where a list is empty."""
    return await reader.row("any_session") is not None


def _endpoint(view: View) -> str:
    """Of the receiver, as this machine is called here."""
    host = view.request.url.hostname or "127.0.0.1"
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{service_of(view.request).settings.otlp_http_port}"
