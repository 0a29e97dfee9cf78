"""Whether the service lives, and whether it can answer."""

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from clickhouse.projects import is_loopback
from query_api.access import requires
from query_api.answers import answer
from query_api.openapi import describe
from query_api.queries import only_project
from query_api.service import service_of

router = APIRouter(tags=["health"], include_in_schema=False)

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/api/openapi.json", dependencies=[Depends(requires("read")), Depends(only_project)])
async def openapi(request: Request) -> Response:
    """This service, described."""
    return answer(request, describe(request.app), content=False)


@router.get("/healthz")
async def healthz() -> Response:
    """The service lives."""
    return JSONResponse({"status": "ok"})


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Counters of this service. Loopback needs no key: scrapers seldom have one."""
    if request.client is None or not is_loopback(request.client.host):
        await requires("read")(request)
    service = service_of(request)
    return PlainTextResponse("\n".join([*service.metrics.lines(service.live.listeners), ""]), media_type=_PROMETHEUS)


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """The database answers, and its schema is there; otherwise 503."""
    await service_of(request).connection.read("JSONEachRow", "ready", {})
    return JSONResponse({"status": "ready"})
