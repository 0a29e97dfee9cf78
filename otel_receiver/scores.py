"""Evaluations of spans -> rows of `scores`."""

import hashlib
import math
from collections.abc import Sequence

from clickhouse.projects import Project
from otel_receiver.batch import Columns
from otel_receiver.call import Call, Score
from otel_receiver.keeping import kept
from otel_receiver.span import Span


def score_rows(spans: Sequence[Span], calls: Sequence[Call], project: Project, received_ns: int) -> Columns:
    found = [(span, score) for span, call in zip(spans, calls, strict=True) for score in call.scores]
    if len(found) == 0:
        return {}
    columns: Columns = {
        "project_id": [project.id] * len(found),
        "trace_id": [span.trace_id for span, _ in found],
        "span_id": [span.span_id for span, _ in found],
        "session_id": [""] * len(found),
        "score_id": [score_id(score) for _, score in found],
        "name": [score.name for _, score in found],
        "value": [_finite(score.value) for _, score in found],
        "label": [score.label for _, score in found],
        "comment": [score.comment for _, score in found],
        "scored_at": [span.end_ns if score.at_ns == 0 else score.at_ns for span, score in found],
        "received_at": [received_ns // 1_000] * len(found),
    }
    return kept(columns, project)


def score_id(score: Score) -> str:
    """The same evaluation of the same span, sent twice, is one; given anew, later, it is another."""
    told = "\0".join(map(str, (score.name, score.at_ns, score.value, score.label, score.comment)))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
