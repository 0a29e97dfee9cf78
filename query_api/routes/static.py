"""Styles and scripts of the pages: the same for everybody, so without a key."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from query_api.problems import unknown
from query_api.ui.assets import assets

router = APIRouter(include_in_schema=False)

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@router.get("/static/{name:path}")
async def serve_asset(request: Request, name: str) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise unknown("such file")
    keep = _FOR_EVER if request.query_params.get("v") == asset.digest else _ASK_AGAIN
    return Response(asset.body, headers={"cache-control": keep}, media_type=asset.media_type)
