"""Costs: how much, over time; by whom, with what; and who stands out. The filter stands at once, the sums follow."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from query_api.access import Caller, Reading, Reads
from query_api.db import Chosen, Reader
from query_api.filters import Filter
from query_api.problems import Problem
from query_api.queries import SessionsQuery, allowed_filter
from query_api.routes.aggregates import OutliersQuery, read_greatest, read_outliers
from query_api.routes.sessions import read_sessions
from query_api.ui.asked import CostsPageQuery, seen_by
from query_api.ui.errors import faults_of
from query_api.ui.filters import filters_of
from query_api.ui.pages import View, render, view_of
from query_api.ui.route import PageRoute
from query_api.ui.sums import said, sums_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

_GROUPS = ("model", "user", "service", "tag")
_ROWS = 10


@router.get("/costs")
async def show_costs(
    request: Request, query: Annotated[CostsPageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    view = view_of(request, caller)
    query = seen_by(view, query)
    context: dict[str, Any] = {"place": "/costs", "query": query, "filters": filters_of(view, query), "faults": []}
    try:
        wanted = allowed_filter(query, view.now_ns, reader)
    except Problem as problem:
        refused = {"totals": None, "faults": faults_of(problem)}
        return render(view, "costs.html", context | refused, problem.status.value)
    found = await _costs(view, query, wanted, caller, reader) if query.part == "sums" else {"totals": None}
    return render(view, "costs.html", context | found)


async def _costs(view: View, query: CostsPageQuery, wanted: Filter, caller: Caller, reader: Reader) -> dict[str, Any]:
    chosen = await reader.choose_sessions(wanted, everything=wanted.only_times)
    sums, groups, dearest, outliers = await asyncio.gather(
        sums_of(view, query, caller, reader),
        _groups(reader, wanted, chosen),
        read_sessions(view.request, _dearest(query), caller, reader),
        _outliers(view, query, caller, reader),
    )
    return sums | {"groups": groups, "dearest": dearest["items"], "outliers": outliers}


async def _groups(reader: Reader, wanted: Filter, chosen: Chosen) -> dict[str, Any]:
    """One more than is shown tells that there are more."""
    found = await asyncio.gather(*(read_greatest(reader, wanted, chosen, key, _ROWS + 1) for key in _GROUPS))
    return dict(zip(_GROUPS, found, strict=True))


def _dearest(query: CostsPageQuery) -> SessionsQuery:
    return SessionsQuery.model_validate(said(query) | {"sort": "cost_usd", "limit": _ROWS})


async def _outliers(view: View, query: CostsPageQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    asked = [
        OutliersQuery.model_validate(said(query) | {"kind": kind, "measure": "cost", "limit": _ROWS})
        for kind in ("session", "user")
    ]
    sessions, users = await asyncio.gather(*(read_outliers(view.request, each, caller, reader) for each in asked))
    return {"session": sessions, "user": users}
