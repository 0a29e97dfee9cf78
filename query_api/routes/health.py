"""Whether the service lives, and whether it can answer."""

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from query_api.service import service_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Response:
    """The service lives."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """The database answers, and its schema is there; otherwise 503."""
    await service_of(request).connection.read("JSONEachRow", "ready", {})
    return JSONResponse({"status": "ready"})
