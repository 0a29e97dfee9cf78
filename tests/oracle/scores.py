"""Evaluations and feedback: to which session each belongs, and what they add up to."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple, Self

from tests.oracle.placement import Trace
from tests.oracle.spans import Row


class Score(NamedTuple):
    """A number or a label. Of a span, else of a trace, else of a session: the first of the three ids that is there."""

    project_id: str
    trace_id: str
    span_id: str
    session_id: str
    name: str
    value: float | None
    label: str

    @classmethod
    def read_distinct(cls, rows: Iterable[Row]) -> list[Self]:
        """Sent twice is once, by score id within its subject; the last received counts. Without an id each counts."""
        last: dict[object, Row] = {}
        for number, row in enumerate(sorted(rows, key=lambda row: row.get("received_at", 0))):
            score_id = row.get("score_id", "")
            subject = (row.get("project_id", ""), row.get("trace_id", ""), row.get("session_id", ""))
            last[(*subject, row.get("span_id", ""), score_id) if score_id else number] = row
        return [cls.read(row) for row in last.values()]

    @classmethod
    def read(cls, row: Row) -> Self:
        project, trace, span, session = (row.get(f"{of}_id", "") for of in ("project", "trace", "span", "session"))
        return cls(project, trace, span, session, row["name"], row.get("value"), row.get("label", ""))


def trace_scores(trace: Trace, session: str, scores: Iterable[Score]) -> list[tuple[str, float | None, str]]:
    """The scores of a trace that belong to one of its sessions: numbers before labels."""
    of_trace = [score for score in scores if (score.project_id, score.trace_id) == (trace.project_id, trace.trace_id)]
    here = [score for score in of_trace if session_of(score, trace) == session]
    return sorted(((score.name, score.value, score.label) for score in here), key=number_before_label)


def session_of(score: Score, trace: Trace) -> str | None:
    """None where the span is not there, or is of no session that counts."""
    return trace.session_of.get(score.span_id) if score.span_id else trace.bound_session


def number_before_label(score: tuple[str, float | None, str]) -> tuple[str, bool, float, str]:
    name, value, label = score
    return (name, value is None, value or 0.0, label)


def own_scores(project: str, session: str, scores: Iterable[Score]) -> list[tuple[str, float | None, str]]:
    """The scores of a session itself, of no trace."""
    return [
        (score.name, score.value, score.label)
        for score in scores
        if (score.project_id, score.trace_id, score.session_id) == (project, "", session)
    ]


def summary(scores: Iterable[tuple[str, float | None, str]]) -> list[tuple[str, Fraction | None, str, int]]:
    """Per name the mean and count of its numbers, under the empty label, and the count of each of its labels. A score
    that is both a number and a label counts as both."""
    numbers: dict[str, list[float]] = {}
    labels: dict[tuple[str, str], int] = {}
    for name, value, label in scores:
        if value is not None:
            numbers.setdefault(name, []).append(value)
        if label != "":
            labels[name, label] = labels.get((name, label), 0) + 1
    means = [(name, mean(values), "", len(values)) for name, values in numbers.items()]
    counts = [(name, None, label, count) for (name, label), count in labels.items()]
    return sorted([*means, *counts], key=lambda row: (row[0], row[2]))


def mean(values: Iterable[Any]) -> Fraction | None:
    known = [Fraction(value) for value in values if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None
