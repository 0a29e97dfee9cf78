"""The page of one session, in three views: what was said, when it happened, and every call."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from clickhouse.ids import normal_id
from query_api.access import Caller, Reading, Reads
from query_api.calls import read_calls
from query_api.db import Reader, Row
from query_api.paging import MAX_LIMIT, Page, begin_page, page_body
from query_api.problems import Problem
from query_api.queries import PageQuery, SessionsQuery, SubjectQuery, Text, TracesQuery
from query_api.routes.sessions import read_session, read_sessions
from query_api.routes.traces import read_traces
from query_api.ui.cards import Card, cards
from query_api.ui.outline import Outline
from query_api.ui.pages import render, view_of
from query_api.ui.route import PageRoute
from query_api.ui.said import Typist
from query_api.ui.talk import Stretch, read_outline, these_traces
from query_api.ui.timeline import timeline

router = APIRouter(route_class=PageRoute, include_in_schema=False)

CARDS = 20
ROWS = 60
"""Traces of the timeline at once."""
CALLS = 100
_OF_THE_SEARCH = (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.FORBIDDEN)
_HEX_ID = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}", re.IGNORECASE)

_ONE = PageQuery.model_validate({"limit": 1})
Said = Mapping[tuple[str, str], Sequence[Any]]


class SessionPageQuery(PageQuery):
    view: Literal["conversation", "timeline", "calls"] = "conversation"
    limit: int = Field(CALLS, ge=1, le=MAX_LIMIT)
    start: int = Field(1, ge=1, description="The number of the trace to begin with.")
    find: Text | None = Field(None, description="As `q`, or the id of a trace or a span.")
    raw: Literal["yes"] | None = Field(None, description="What was said as it was written.")
    part: Literal["more"] | None = Field(None, description="What follows, without the page around it.")


class SessionPageByParameter(SessionPageQuery, SubjectQuery):
    pass


@router.get("/sessions/{session_id:id}")
async def show_session(
    request: Request, session_id: str, query: Annotated[SessionPageQuery, Query()], caller: Reading, reader: Reads
) -> Response:
    return await _show(request, session_id, query, caller, reader)


@router.get("/session")
async def show_session_by_parameter(
    request: Request, query: Annotated[SessionPageByParameter, Query()], caller: Reading, reader: Reads
) -> Response:
    return await _show(request, query.id, query, caller, reader)


async def _show(request: Request, sent_id: str, query: SessionPageQuery, caller: Caller, reader: Reader) -> Response:
    view = view_of(request, caller)
    found, outline = await asyncio.gather(
        read_session(request, sent_id, _ONE, caller, reader), read_outline(reader, normal_id(sent_id) or "")
    )
    session = found["session"]
    asked = _Asked(request, query, caller, reader, session["session_id"], outline)
    context = {"query": query, "session": session, "outline": outline}
    if query.part == "more":
        return render(view, f"session_{query.view}.html", context | await asked.context())
    shown, of_user = await asyncio.gather(asked.context(), _sessions_of(session["user_id"], request, caller, reader))
    around = {name: found[name] for name in ("neighbours", "scores")} | {"of_user": of_user, "place": "/sessions"}
    return render(view, "session.html", context | shown | around)


async def _sessions_of(user_id: str | None, request: Request, caller: Caller, reader: Reader) -> int | None:
    """How many that user has."""
    if user_id is None:
        return None
    theirs = SessionsQuery.model_validate({"user_id": [user_id], "limit": 1})
    total: int = (await read_sessions(request, theirs, caller, reader))["total"]
    return total


@dataclass(frozen=True, slots=True)
class _Asked:
    """One view of one session."""

    request: Request
    query: SessionPageQuery
    caller: Caller
    reader: Reader
    session_id: str
    outline: Outline

    async def context(self) -> dict[str, Any]:
        if self.query.view == "calls":
            return {"calls": await self._calls(), "numbers": self.outline.numbers}
        if self.query.view == "timeline":
            return await self._timeline()
        return await (self._conversation() if self.query.find is None else self._search(self.query.find))

    async def _calls(self) -> dict[str, Any]:
        page = self._page()
        return page_body(page, await read_calls(self.reader, page, self.session_id), None)

    async def _timeline(self) -> dict[str, Any]:
        silent = replace(self.reader, content=False)
        stretch = Stretch(silent, self.session_id, self._page(), self.outline, self.query.start, ROWS)
        traces, calls = await asyncio.gather(stretch.traces(), stretch.calls())
        return {"timeline": timeline(self._numbered(traces), calls), "stretch": stretch}

    async def _conversation(self) -> dict[str, Any]:
        stretch = Stretch(self.reader, self.session_id, self._page(), self.outline, self.query.start, CARDS)
        traces, calls, messages = await asyncio.gather(stretch.traces(), stretch.calls(), stretch.messages())
        return {"cards": self._cards(traces, calls, messages), "stretch": stretch, "found": None}

    async def _search(self, wanted: str) -> dict[str, Any]:
        """The traces that have it, each in short and with its own number."""
        try:
            traces, total, cursor = await self._found(wanted.strip())
        except Problem as problem:
            if problem.status not in _OF_THE_SEARCH:
                raise
            return {"cards": [], "found": {"total": 0, "problem": problem.detail, "next_cursor": None}}
        return {"cards": self._cards(traces), "found": {"total": total, "problem": None, "next_cursor": cursor}}

    async def _found(self, wanted: str) -> tuple[list[Row], int, str | None]:
        if _HEX_ID.fullmatch(wanted):
            trace_ids = [wanted.lower()]
            if wanted.lower() not in self.outline.numbers:
                rows = await self.reader.rows("traces_of_span", span_id=wanted.lower())
                trace_ids = [row["trace_id"] for row in rows]
            traces = await these_traces(self.reader, self.session_id, self.outline, trace_ids)
            if len(traces) > 0:
                return traces, len(traces), None
        asked = {"session_id": [self.session_id], "q": wanted, "order": "asc", "limit": CARDS}
        query = TracesQuery.model_validate(asked | {"cursor": self.query.cursor})
        body = await read_traces(self.request, query, self.caller, self.reader)
        known = [row for row in body["items"] if row["trace_id"] in self.outline.numbers]
        return known, body["total"], body["next_cursor"]

    def _cards(self, traces: list[Row], calls: Sequence[Row] = (), messages: Said | None = None) -> list[Card]:
        typist = Typist(raw=self.query.raw is not None)
        return list(cards(self._numbered(traces), calls, messages or {}, typist))

    def _numbered(self, traces: list[Row]) -> list[tuple[int, Row, float | None]]:
        numbers = [(self.outline.numbers.get(trace["trace_id"], 0), trace) for trace in traces]
        return [(number, trace, self.outline.pause_ms(number)) for number, trace in numbers if number > 0]

    def _page(self) -> Page:
        return begin_page(self.request, self.caller, self.query.limit, self.query.cursor)
