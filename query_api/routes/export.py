"""Everything that a filter chooses, of any size: for spreadsheets, notebooks and other databases."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict
from starlette.responses import Response, StreamingResponse

from clickhouse.ids import normal_id
from query_api.access import Reads, ReadsContent
from query_api.db import Chosen, Reader
from query_api.export import as_csv, begun, held_back, lines, typed
from query_api.filters import Filter, OneOf
from query_api.logged import owned_by
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


TRACES_AT_ONCE = 200
"""Of a user: what is known of them is held in memory while it is decided which of their spans are the user's."""


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
    """Everything held about a user, as JSON Lines: sessions, spans and log records in full, scores. Each line says its
    `type`."""
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
    return await _streamed(_everything_of(user_id, theirs, reader), "user.jsonl")


async def _everything_of(user_id: str, theirs: Chosen, reader: Reader) -> AsyncIterator[bytes]:
    async for line in _said_to_be("session", reader.stream("JSONEachRow", "export_sessions", theirs)):
        yield line
    rows = await reader.rows("user_traces", user_id=user_id)
    traces = [row["trace_id"] for row in rows]
    for first in range(0, len(traces), TRACES_AT_ONCE):
        owned = await owned_by(reader, traces[first : first + TRACES_AT_ONCE], user_id)
        spans = reader.these("owned", ("trace_id", "span_id"), owned.spans)
        records = reader.these("owned", ("trace_id", "record_id"), owned.records)
        async for line in _said_to_be("span", reader.stream("JSONEachRow", "export_user_spans", spans)):
            yield line
        async for line in _said_to_be("log_call", reader.stream("JSONEachRow", "export_user_log_calls", records)):
            yield line
    scores = reader.stream("JSONEachRow", "export_user_scores", user_id=user_id)
    async for line in _said_to_be("score", scores):
        yield line


def _said_to_be(kind: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    return typed(kind, lines(held_back(chunks)))


async def _streamed(chunks: AsyncIterator[bytes], name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(await begun(chunks), headers=headers, media_type=_MEDIA_TYPES[name.rpartition(".")[2]])
