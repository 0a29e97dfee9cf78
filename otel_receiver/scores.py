"""Evaluations of spans -> rows of `scores`."""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.projects import Project
from otel_receiver.batch import Columns
from otel_receiver.call import Call, Ids, Score
from otel_receiver.dialects.log_events import LogCall
from otel_receiver.keeping import kept
from otel_receiver.span import Span


class Scored(NamedTuple):
    """A score and what it is of. An empty span id is a score of the trace; an empty trace id, of the session."""

    trace_id: str
    span_id: str
    at_ns: int  # when the score itself does not say
    score: Score
    session_id: str = ""


def score_rows(spans: Sequence[Span], calls: Sequence[Call], project: Project, received_ns: int) -> Columns:
    """Of evaluations that came as spans or as events of them."""
    scored = [
        Scored(span.trace_id, span.span_id, span.end_ns, score)
        for span, call in zip(spans, calls, strict=True)
        for score in call.scores
    ]
    return _rows(scored, project, received_ns)


def log_score_rows(told: Sequence[LogCall], project: Project, received_ns: int) -> Columns:
    """Of evaluations that came as log records. One that names no trace is of the session that it names."""
    scored = [
        Scored(log.trace_id, log.span_id, log.end_ns, score, "" if log.trace_id != "" else _session_id(log.call.ids))
        for log in told
        for score in log.call.scores
    ]
    return _rows(scored, project, received_ns)


def _session_id(ids: Ids) -> str:
    named = (ids.session_id, ids.conversation_id, ids.resource_session_id)
    return next((session_id for session_id in named if session_id is not None), "")


def _rows(scored: Sequence[Scored], project: Project, received_ns: int) -> Columns:
    if len(scored) == 0:
        return {}
    columns: Columns = {
        "project_id": [project.id] * len(scored),
        "trace_id": [each.trace_id for each in scored],
        "span_id": [each.span_id for each in scored],
        "session_id": [each.session_id for each in scored],
        "score_id": [score_id(each.score) for each in scored],
        "name": [each.score.name for each in scored],
        "value": [_finite(each.score.value) for each in scored],
        "label": [each.score.label for each in scored],
        "comment": [each.score.comment for each in scored],
        "scored_at": [each.at_ns if each.score.at_ns == 0 else each.score.at_ns for each in scored],
        "received_at": [received_ns // 1_000] * len(scored),
    }
    return kept(columns, project)


def score_id(score: Score) -> str:
    """The same evaluation of the same span, sent twice, is one; given anew, later, it is another."""
    told = "\0".join(map(str, (score.name, score.at_ns, score.value, score.label, score.comment)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
