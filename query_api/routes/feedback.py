"""Feedback: what people, or other models, think of a session, a trace or a span."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from clickhouse.ids import normal_id
from query_api.access import Administering, Administers, record
from query_api.db import Reader
from query_api.keeping import kept
from query_api.openapi import answers
from query_api.owner import Score, write_score
from query_api.problems import bad_input, unknown
from query_api.queries import only_project
from query_api.service import service_of
from query_api.shapes import Given

router = APIRouter(prefix="/api", tags=["feedback"])

Id = Annotated[str, Field(min_length=1, max_length=4_096)]
Label = Annotated[str, Field(min_length=1, max_length=256)]
Number = Annotated[float, Field(allow_inf_nan=False, strict=True)]


class Feedback(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"session_id": "conv-42", "name": "helpful", "value": 1, "comment": "Good"}]},
    )

    session_id: Id | None = None
    trace_id: Id | None = None
    span_id: Id | None = Field(None, description="With its trace_id, unless it occurs in one trace only.")
    name: Label
    value: Number | Label = Field(description="A number, or a label such as up.")
    comment: str = Field("", max_length=8_192)
    id: Annotated[str, Field(max_length=256)] = Field("", description="The same one again replaces what it said.")


@router.post(
    "/feedback",
    status_code=201,
    responses=answers(Given, "The id under which it can be replaced.", 201),
    dependencies=[Depends(only_project)],
)
async def give_feedback(request: Request, feedback: Feedback, caller: Administering, reader: Administers) -> Response:
    """A score; within seconds it counts in the session."""
    if (feedback.session_id is None) == (feedback.trace_id is None and feedback.span_id is None):
        raise bad_input("session_id", "name a session, or a trace, or a span of one")
    record(request, caller, "feedback")
    session_id, trace_id = await _subject(reader, feedback)
    number = feedback.value if isinstance(feedback.value, float) else None
    score = Score(
        name=feedback.name,
        value=number,
        label=feedback.value if isinstance(feedback.value, str) else "",
        comment=feedback.comment,
        session_id=session_id,
        trace_id=trace_id,
        span_id=feedback.span_id or "",
        score_id=feedback.id,
    )
    settings = service_of(request).settings
    score = kept(score, settings.projects.by_id[caller.project])
    score_id = await write_score(settings.database, caller.project, score)
    return JSONResponse({"id": score_id}, 201)


async def _subject(reader: Reader, feedback: Feedback) -> tuple[str, str]:
    """Of which session, or of which trace. Neither need be here yet: feedback may outrun the spans."""
    if feedback.session_id is not None:
        session_id = normal_id(feedback.session_id)
        if session_id is None:
            raise bad_input("session_id", "this is nobody's id")
        return session_id, ""
    return "", feedback.trace_id or await _trace_of(reader, feedback.span_id or "")


async def _trace_of(reader: Reader, span_id: str) -> str:
    rows = await reader.rows("traces_of_span", span_id=span_id)
    if len(rows) == 0:
        raise unknown("such span")
    if len(rows) > 1:
        raise bad_input("trace_id", "the span occurs in several traces; name one")
    trace_id: str = rows[0]["trace_id"]
    return trace_id
