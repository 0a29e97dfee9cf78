"""Diagnostics: how fresh the numbers are, and what could not be told for certain."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from query_api.access import Reading, ReadsNumbers
from query_api.receiver import read_spool
from query_api.routes.projects import DiagnosticsQuery, read_diagnostics
from query_api.service import service_of
from query_api.ui.pages import render, view_of
from query_api.ui.ranges import RANGES
from query_api.ui.route import PageRoute

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/diagnostics")
async def show_diagnostics(
    request: Request, query: Annotated[DiagnosticsQuery, Query()], caller: Reading, reader: ReadsNumbers
) -> Response:
    view = view_of(request, caller)
    port = service_of(request).settings.otlp_http_port
    found, spool = await asyncio.gather(read_diagnostics(query, reader), read_spool(port))
    context = {"place": "/diagnostics", "found": found, "spool": spool, "query": query, "ranges": RANGES}
    return render(view, "diagnostics.html", context)
