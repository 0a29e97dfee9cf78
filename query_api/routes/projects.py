"""Projects that a key opens; what is uncertain in one of them; its end."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from clickhouse.deletion import delete_project
from query_api.access import Administering, Reading, ReadsNumbers, record
from query_api.answers import answer
from query_api.db import Reader
from query_api.openapi import answers
from query_api.owner import delete
from query_api.problems import unknown
from query_api.queries import ProjectQuery, Text, only_project, parse
from query_api.service import service_of
from query_api.shapes import Deleted, Diagnostics, ListedProjects
from query_api.times import now_ns, parse_instant_ns, parse_zone

router = APIRouter(prefix="/api", tags=["projects"])


class DiagnosticsQuery(ProjectQuery):
    from_: Text = Field("7d", alias="from", description="Spans that started at or after.", examples=["24h"])
    to: Text = Field("0s", description="Spans that started before.")


_LISTS = ("shared_traces", "unpriced_models", "flaws", "session_keys", "dialects", "quarantined_traces")


@router.get("/projects", responses=answers(ListedProjects, "The projects."), dependencies=[Depends(only_project)])
async def list_projects(request: Request, caller: Reading) -> Response:
    """The projects that this key opens, the one that it opens first at the head."""
    known = service_of(request).settings.projects.by_id
    items = [
        {
            "project": project_id,
            "retention_days": known[project_id].retention_days or None,
            "content_days": known[project_id].content_days or None,
            "content": known[project_id].content,
            "scopes": sorted(caller.scopes),
        }
        for project_id in caller.projects
    ]
    return answer(request, {"items": items, "next_cursor": None, "total": len(items)}, content=False)


@router.delete(
    "/projects/{project_id:id}",
    status_code=202,
    responses=answers(Deleted, "What was removed.", 202),
    dependencies=[Depends(only_project)],
)
async def remove_project(request: Request, project_id: str, caller: Administering) -> Response:
    """Delete everything that a project has; what starts later opens it anew."""
    if project_id not in caller.projects:
        raise unknown("such project")
    record(request, caller, "delete")
    database = service_of(request).settings.database
    return JSONResponse(await delete(database, lambda client, all_: delete_project(client, all_, project_id)), 202)


@router.get("/diagnostics", responses=answers(Diagnostics, "What is uncertain."))
async def diagnose(request: Request, query: Annotated[DiagnosticsQuery, Query()], reader: ReadsNumbers) -> Response:
    """How fresh the numbers are, who has no session, what was rejected, and what has no price."""
    return answer(request, await read_diagnostics(query, reader), content=False)


async def read_diagnostics(query: DiagnosticsQuery, reader: Reader) -> dict[str, Any]:
    now, utc = now_ns(), parse_zone("UTC")
    range_ = {
        "from_ns": parse("from", parse_instant_ns, query.from_, now, utc),
        "to_ns": parse("to", parse_instant_ns, query.to, now, utc),
    }
    single, lists = await asyncio.gather(
        asyncio.gather(*(reader.row(name, None, **range_) for name in ("lag", "diagnostics", "suppressed"))),
        asyncio.gather(*(reader.rows(name, None, **range_) for name in _LISTS)),
    )
    body: dict[str, Any] = {name: value for row in single if row is not None for name, value in row.items()}
    body |= zip(_LISTS, lists, strict=True)
    body["traces_in_several_sessions"] = max((row.pop("total") for row in body["shared_traces"]), default=0)
    return body
