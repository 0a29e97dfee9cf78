"""The page of one trace: its spans over time, and beside them what one of them says."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from pydantic import Field
from starlette.responses import Response

from query_api.access import Reading, Reads
from query_api.db import Reader, Row
from query_api.problems import Problem, unknown
from query_api.queries import ProjectQuery, Text
from query_api.routes.traces import read_span
from query_api.ui import panel
from query_api.ui.outline import Outline
from query_api.ui.pages import render, view_of
from query_api.ui.route import PageRoute
from query_api.ui.said import MAX_CHARACTERS, Typist
from query_api.ui.talk import read_outline
from query_api.ui.waterfall import MOST_SPANS, Node, tree

router = APIRouter(route_class=PageRoute, include_in_schema=False)

KINDS = ("none", "llm", "tool", "agent", "embedding", "retrieval")
WITHOUT_SCRIPT = 200
"""Spans that are there before a script is."""
EVERYTHING = 1 << 31
_ALL: dict[str, Any] = {"after_id": None, "after_value": "0", "limit": MOST_SPANS + 1}


class TracePageQuery(ProjectQuery):
    view: Literal["waterfall", "flame"] = "waterfall"
    span: Text | None = Field(None, description="The id of the one to look into.")
    tab: Literal["messages", "attributes", "events", "raw"] = "messages"
    raw: Literal["yes"] | None = Field(None, description="What was said as it was written.")
    full: Literal["yes"] | None = Field(None, description="Also what is very long.")
    part: Literal["panel"] | None = Field(None, description="The span alone.")


@router.get("/traces/{trace_id:id}")
async def show_trace(
    request: Request, trace_id: str, query: Annotated[TracePageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    view = view_of(request, caller)
    if query.part == "panel" and query.span is not None:
        context = {"query": query, "path": request.url.path, "trace_id": trace_id}
        return render(view, "trace_panel.html", context | await _panel(query, trace_id, reader))
    trace, nodes = await _read(trace_id, reader)
    shown = query if query.span is not None or len(nodes) == 0 else query.model_copy(update={"span": nodes[0].span_id})
    selected, outline = await asyncio.gather(_panel(shown, trace_id, reader), _outline(reader, trace["session_id"]))
    start_ns, total_ns = _extent(nodes)
    context = {
        "place": "/sessions",
        "query": shown,
        "trace": trace,
        "trace_id": trace_id,
        "nodes": nodes[:WITHOUT_SCRIPT],
        "spans": len(nodes),
        "left_out": trace["spans"] - MOST_SPANS if len(nodes) == MOST_SPANS else 0,
        "start_ns": start_ns,
        "total_ns": total_ns,
        "number": outline.numbers.get(trace_id),
        "outline": outline,
        "data": _data(nodes, start_ns, total_ns),
    }
    return render(view, "trace.html", context | selected)


async def _read(trace_id: str, reader: Reader) -> tuple[Row, list[Node]]:
    """The spans without what they say: that is read when one is looked into."""
    silent = replace(reader, content=False)
    trace, rows, merged = await asyncio.gather(
        reader.row("trace", trace_id=trace_id),
        silent.rows("trace_spans", trace_id=trace_id, **_ALL),
        reader.rows("trace_merged", trace_id=trace_id),
    )
    if trace is None:
        raise unknown("such trace")
    into = {member: call["span_id"] for call in merged for member in call["members"][1:]}
    return trace, tree([row | {"merged_into": into.get(row["span_id"])} for row in rows[:MOST_SPANS]])


async def _outline(reader: Reader, session_id: str | None) -> Outline:
    return Outline([]) if session_id is None else await read_outline(reader, session_id)


async def _panel(query: TracePageQuery, trace_id: str, reader: Reader) -> dict[str, Any]:
    nothing: dict[str, Any] = {"span": None, "blocks": [], "groups": [], "json": None}
    if query.span is None or not reader.content:
        return nothing
    try:
        span = await read_span(reader, trace_id, query.span)
    except Problem:
        return nothing
    full = query.full is not None
    found: dict[str, Any] = nothing | {"span": span}
    if query.tab == "messages":
        limit = EVERYTHING if full else MAX_CHARACTERS
        found["blocks"] = panel.blocks(span, Typist(raw=query.raw is not None or full, limit=limit))
    elif query.tab == "attributes":
        found["groups"] = panel.attribute_groups(span, full=full)
    elif query.tab == "events":
        found["groups"] = [
            (event, panel.values_of(event["attributes"], full=full)) for event in [*span["events"], *span["links"]]
        ]
    else:
        found["json"] = panel.raw(span, full=full)
    return found


def _extent(nodes: list[Node]) -> tuple[int, int]:
    """Where the first begins, and how long it is from there to the last end."""
    start = min((node.start_ns for node in nodes), default=0)
    return start, max(max((node.end_ns for node in nodes), default=0) - start, 1)


def _data(nodes: list[Node], start_ns: int, total_ns: int) -> Markup:
    """For the script: one short list per span, and nothing in it that could end the element it stands in."""
    body = orjson.dumps({"total": total_ns / 1e6, "spans": [_compact(node, start_ns) for node in nodes]})
    return Markup(body.decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704


def _compact(node: Node, start_ns: int) -> list[Any]:
    """id, depth, name, kind, start, duration, failed, about, tokens, cost, its part of the critical path, merged."""
    row = node.row
    counted = [row[name] for name in ("input_tokens", "output_tokens") if row[name] is not None]
    critical = [[_ms(begin - start_ns), _ms(end - start_ns)] for begin, end in node.critical]
    return [
        node.span_id, node.depth, row["name"] or "", KINDS.index(row["call_kind"] or "none"),
        _ms(node.start_ns - start_ns), _ms(node.end_ns - node.start_ns), int(row["status"] == "error"), about(row),
        sum(counted) if counted else None, row["cost_usd"], critical, int(row["merged_into"] is not None),
    ]  # fmt: skip


def about(row: Mapping[str, Any]) -> str:
    """Its model or its tool."""
    named = row["tool_name"] or row["response_model"] or row["request_model"] or ""
    return str(named)[:80]


def _ms(ns: int) -> float:
    return round(ns / 1e6, 3)
