"""Traces: the list, also of those without a session; one of them with its spans; and one span in full."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response

from query_api.access import Caller, Reading, Reads, ReadsContent
from query_api.answers import answer
from query_api.db import Reader, Row
from query_api.logged import stand_in, told_by_logs
from query_api.openapi import answers
from query_api.paging import answer_list, begin_page, count, page_body
from query_api.problems import unknown
from query_api.queries import ProjectQuery, TracesQuery, allowed_filter, only_project
from query_api.shapes import FullSpan, ListedTrace, Page, TraceWithSpans
from query_api.spans import shown_span, with_content, with_logs
from query_api.trees import depths

router = APIRouter(prefix="/api", tags=["traces"])

MAX_SPANS = 2_000
"""Of one answer; a waterfall of more is looked at in parts."""


class SpansQuery(ProjectQuery):
    limit: int = Field(1_000, ge=1, le=MAX_SPANS, description="Of the spans.")
    cursor: str | None = Field(None, description="`next_cursor` of the page of spans before.")


@router.get("/traces", responses=answers(Page[ListedTrace], "A page of traces."))
async def list_traces(
    request: Request, query: Annotated[TracesQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """Traces by any number or time. An empty `session_id` finds those without a session."""
    return answer_list(request, await read_traces(request, query, caller, reader), content=reader.content)


async def read_traces(request: Request, query: TracesQuery, caller: Caller, reader: Reader) -> dict[str, Any]:
    """A page of them."""
    page = begin_page(request, caller, query.limit, query.cursor)
    chosen = await reader.filter_traces(allowed_filter(query, page.now_ns, reader))
    order = {"sort": query.sort, "descending": query.order == "desc"}
    rows, total = await asyncio.gather(
        reader.rows("traces", chosen, **order, **page.parameters()), count(reader, page, "count_traces", chosen)
    )
    return page_body(page, rows, total)


@router.get("/traces/{trace_id:id}", responses=answers(TraceWithSpans, "The trace."))
async def get_trace(
    request: Request, trace_id: str, query: Annotated[SpansQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    """A trace and its spans in the order of time, each with its depth in the tree."""
    page = begin_page(request, caller, query.limit, query.cursor)
    trace, rows, tree, merged = await asyncio.gather(
        reader.row("trace", trace_id=trace_id),
        reader.rows("trace_spans", trace_id=trace_id, **page.parameters()),
        reader.rows("trace_tree", trace_id=trace_id),
        reader.rows("trace_merged", trace_id=trace_id),
    )
    if trace is None:
        raise unknown("such trace")
    told = await _logged_previews(reader, trace_id, rows)
    rows = [with_logs(row, told.get((trace_id, row["span_id"]))) for row in rows]
    deep = depths({row["span_id"]: row["parent_span_id"] for row in tree})
    into = {member: call["span_id"] for call in merged for member in call["members"][1:]}
    spans = [shown_span(row, trace_id, deep.get(row["span_id"], 0), into.get(row["span_id"])) for row in rows]
    hidden = {} if reader.content else dict.fromkeys(("attributes", "events", "links"))
    shown = [_without_order(span) | hidden for span in spans[: page.limit]]
    body = {"trace": trace, "spans": shown, "next_cursor": page.next_cursor(spans, None)}
    return answer(request, body, content=reader.content, same_while=[trace, spans])


@router.get(
    "/spans/{trace_id:id}/{span_id:id}",
    responses=answers(FullSpan, "The span."),
    dependencies=[Depends(only_project)],
)
async def get_span(request: Request, trace_id: str, span_id: str, reader: ReadsContent) -> Response:
    """One span with its messages, attributes, events and links in full."""
    return answer(request, await read_span(reader, trace_id, span_id), content=True)


async def read_span(reader: Reader, trace_id: str, span_id: str) -> Row:
    row, told, tree, merged = await asyncio.gather(
        reader.row("span", trace_id=trace_id, span_id=span_id),
        told_by_logs(reader, [(trace_id, span_id)]),
        reader.rows("trace_tree", trace_id=trace_id),
        reader.rows("trace_merged", trace_id=trace_id),
    )
    row = row or await stand_in(reader, (trace_id, span_id))
    if row is None:
        raise unknown("such span")
    deep = depths({each["span_id"]: each["parent_span_id"] for each in tree})
    into = next((call["span_id"] for call in merged if span_id in call["members"][1:]), None)
    known = with_logs(row, told.get((trace_id, span_id)))
    return with_content(shown_span(known, trace_id, deep.get(span_id, 0), into))


async def _logged_previews(reader: Reader, trace_id: str, rows: list[Row]) -> dict[tuple[str, str], Row]:
    if not reader.content:
        return {}
    return await told_by_logs(reader, [(trace_id, row["span_id"]) for row in rows])


def _without_order(span: Row) -> Row:
    return {name: value for name, value in span.items() if name not in ("sort_value", "sort_id")}
