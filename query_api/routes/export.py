"""Everything that a filter chooses, of any size: for spreadsheets, notebooks and other databases."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict
from starlette.responses import Response, StreamingResponse

from clickhouse.ids import normal_id
from query_api.access import Reads, ReadsContent
from query_api.db import Reader
from query_api.export import as_csv, begun, held_back, lines, typed
from query_api.filters import Filter, OneOf
from query_api.openapi import files
from query_api.queries import FilterQuery, SubjectQuery, allowed_filter, only_project
from query_api.times import now_ns

router = APIRouter(prefix="/api", tags=["export"])

Format = Literal["csv", "jsonl", "parquet", "arrow"]
_WRITTEN = {"csv": "JSONCompactEachRowWithNames", "jsonl": "JSONEachRow", "parquet": "Parquet", "arrow": "ArrowStream"}
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}


class ExportQuery(FilterQuery):
    model_config = ConfigDict(extra="allow")

    format: Format = "jsonl"


@router.get("/export/sessions", responses=files(*_MEDIA_TYPES.values()))
async def export_sessions(query: Annotated[ExportQuery, Query()], reader: Reads) -> Response:
    """Sessions, with every field but `url`."""
    return await _export("sessions", query, reader)


@router.get("/export/turns", responses=files(*_MEDIA_TYPES.values()))
async def export_turns(query: Annotated[ExportQuery, Query()], reader: Reads) -> Response:
    """The turns of the chosen sessions that started in the range."""
    return await _export("turns", query, reader)


@router.get("/export/spans", responses=files(*_MEDIA_TYPES.values()))
async def export_spans(query: Annotated[ExportQuery, Query()], reader: ReadsContent) -> Response:
    """The spans of the chosen sessions that started in the range, in full; without a filter, all of them."""
    return await _export("spans", query, reader)


@router.get(
    "/users/{user_id:id}/export",
    responses=files(_MEDIA_TYPES["jsonl"]),
    dependencies=[Depends(only_project)],
)
async def export_user(user_id: str, reader: ReadsContent) -> Response:
    """Everything held about a user, as JSON Lines: sessions, spans in full, scores; each line says its `type`."""
    return await _export_user(user_id, reader)


@router.get("/user/export", responses=files(_MEDIA_TYPES["jsonl"]))
async def export_user_by_parameter(query: Annotated[SubjectQuery, Query()], reader: ReadsContent) -> Response:
    """The same for any id."""
    return await _export_user(query.id, reader)


async def _export(what: str, query: ExportQuery, reader: Reader) -> Response:
    wanted = allowed_filter(query, now_ns(), reader)
    everything = wanted.is_empty if what == "sessions" else wanted.only_times
    chosen = await reader.choose_sessions(wanted, everything=everything)
    rows = held_back(reader.stream(_WRITTEN[query.format], f"export_{what}", chosen))
    return await _streamed(as_csv(lines(rows)) if query.format == "csv" else rows, f"{what}.{query.format}")


async def _export_user(sent_id: str, reader: Reader) -> Response:
    user_id = normal_id(sent_id) or ""
    theirs = await reader.choose_sessions(Filter((OneOf("user", (user_id,)),)), everything=False)
    parts = {
        "session": reader.stream("JSONEachRow", "export_sessions", theirs),
        "span": reader.stream("JSONEachRow", "export_user_spans", user_id=user_id),
        "score": reader.stream("JSONEachRow", "export_user_scores", user_id=user_id),
    }
    return await _streamed(_one_after_the_other(parts), "user.jsonl")


async def _one_after_the_other(parts: dict[str, AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    for kind, chunks in parts.items():
        async for line in typed(kind, lines(held_back(chunks))):
            yield line


async def _streamed(chunks: AsyncIterator[bytes], name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(await begun(chunks), headers=headers, media_type=_MEDIA_TYPES[name.rpartition(".")[2]])
