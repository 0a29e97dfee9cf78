"""Evaluations: a number or a label, said by a span event or by the attributes of a span or log record itself."""

import math
from typing import Any

from otel_receiver.call import Score
from otel_receiver.mapping.hits import Hits, collect


def read_scores(hits: Hits) -> tuple[Score, ...]:
    span, table = hits.span, hits.table
    scores = [_score(hits, span.end_ns)] if "score_name" in hits.best else []
    for event in span.events:
        key = table.events.get(event.name)
        if key is not None and key.field == "score":
            said = collect(table, span._replace(attributes=event.attributes, events=()))
            scores.append(_score(said, event.at_ns))
    return tuple(score for score in scores if score is not None)


def _score(hits: Hits, at_ns: int) -> Score | None:
    name, value, label = hits.text("score_name"), hits.first("score_value", _number)[0], hits.text("score_label")
    if not name or (value is None and not label):
        return None
    return Score(name=name, value=value, label=label, comment=hits.text("score_comment"), at_ns=at_ns)


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
