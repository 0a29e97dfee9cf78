"""Sessions as they change, as server-sent events."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from query_api.access import Reads
from query_api.export import begun
from query_api.openapi import files
from query_api.problems import bad_input
from query_api.queries import FilterQuery, allowed_filter
from query_api.service import service_of
from query_api.times import now_ns

router = APIRouter(prefix="/api", tags=["live"])

_POSITION = re.compile(r"\d{1,18}", re.ASCII)
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}  # a proxy that buffers would keep events back


@router.get("/live", responses=files("text/event-stream"))
async def listen(
    request: Request,
    query: Annotated[FilterQuery, Query()],
    reader: Reads,
    last_event_id: Annotated[str | None, Header(description="Begin with what has changed since.")] = None,
) -> Response:
    """`session` events: {"session_id", "last_active_at", "turns", "cost_usd", ...} of what the filter chooses; `gone`,
    when one was deleted; `reset`, when too much has happened to tell. A comment every fifteen seconds."""
    wanted = allowed_filter(query, now_ns(), reader)
    if last_event_id is not None and _POSITION.fullmatch(last_event_id) is None:
        raise bad_input("Last-Event-ID", "this is not an id of ours")
    since = int(last_event_id) if last_event_id is not None else None
    events = service_of(request).live.listen(reader.project, wanted, since)
    return StreamingResponse(await begun(events), headers=_HEADERS, media_type="text/event-stream")
