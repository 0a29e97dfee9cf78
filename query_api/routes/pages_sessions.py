"""The page of all sessions: the list first, since people wait for it; what it adds up to follows by itself."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from query_api.access import Caller, Reading, Reads
from query_api.db import Reader
from query_api.problems import Fault, Problem
from query_api.queries import FilterQuery, SessionsQuery, Text, Texts, allowed_filter
from query_api.routes.aggregates import AggregatesQuery, read_sums
from query_api.routes.sessions import read_sessions
from query_api.service import service_of
from query_api.ui import columns
from query_api.ui.filters import Filters, filters_of
from query_api.ui.pages import View, remember, render, view_of
from query_api.ui.ranges import EVERYTHING, Span, series
from query_api.ui.route import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


class SessionsPageQuery(SessionsQuery):
    model_config = ConfigDict(extra="allow")

    from_: Text | None = Field("7d", alias="from", description="As the API has it, or all.")
    columns: Texts = Field([])
    part: Literal["sums"] | None = Field(None, description="The totals and charts alone.")


@router.get("/")
@router.get("/sessions")
async def show_sessions(
    request: Request, query: Annotated[SessionsPageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    view = view_of(request, caller)
    if query.from_ == EVERYTHING:
        query.from_ = None
    filters = filters_of(view, query)
    if query.part == "sums":
        return render(view, "sums.html", {"filters": filters} | await _sums(view, query, caller, reader))
    try:
        found: dict[str, Any] = await read_sessions(request, query, caller, reader)
    except Problem as problem:
        if problem.status is not HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return _refused(view, query, filters, problem)
    return await _listed(view, query, filters, found, reader)


async def _listed(
    view: View, query: SessionsPageQuery, filters: Filters, found: dict[str, Any], reader: Reader
) -> Response:
    nothing_yet = len(found["items"]) == 0 and not await _has_any(reader)
    shown = columns.chosen(query.columns, view.request.cookies.get(columns.COOKIE, ""))
    context = {"found": found, "faults": [], "nothing_yet": nothing_yet, "endpoint": _endpoint(view)}
    response = render(view, "sessions.html", _frame(query, filters, shown) | context)
    if len(query.columns) > 0:
        remember(response, columns.COOKIE, columns.remembered(shown))
    return response


def _refused(view: View, query: SessionsPageQuery, filters: Filters, problem: Problem) -> Response:
    """The search stays as it was written, with a mark where it went wrong."""
    shown = columns.chosen(query.columns, view.request.cookies.get(columns.COOKIE, ""))
    faults = [asdict(fault) for fault in problem.faults or (Fault("", problem.detail),)]
    context = {"found": None, "faults": faults, "nothing_yet": False, "endpoint": ""}
    return render(view, "sessions.html", _frame(query, filters, shown) | context, problem.status.value)


def _frame(query: SessionsPageQuery, filters: Filters, shown: list[columns.Column]) -> dict[str, Any]:
    return {
        "place": "/sessions",
        "query": query,
        "filters": filters,
        "columns": shown,
        "all_columns": columns.COLUMNS,
    }


async def _sums(view: View, query: SessionsPageQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    """What the filter's sessions add up to, and how that is spread over the time."""
    wanted = allowed_filter(query, view.now_ns, reader)
    span = Span(wanted.from_ns, wanted.to_ns, view.now_ns, view.zone)
    grouped = {"group_by": span.step.group, "tz": view.zone.key}
    sums = await read_sums(view.request, AggregatesQuery.model_validate(said(query) | grouped), caller, reader)
    return {"totals": sums["totals"], "chart": series(span, sums["groups"])}


def said(query: FilterQuery) -> dict[str, Any]:
    """The filter of a list, for another question about the same sessions."""
    fields = FilterQuery.model_fields.items()
    return {field.alias or name: getattr(query, name) for name, field in fields} | (query.model_extra or {})


async def _has_any(reader: Reader) -> bool:
    """Whether the project has any session at all; asked only where a list is empty."""
    row = await reader.row("any_session")
    return row is not None


def _endpoint(view: View) -> str:
    """Of the receiver, as this machine is called here."""
    host = view.request.url.hostname or "127.0.0.1"
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{service_of(view.request).settings.otlp_http_port}"
