"""What SEMANTICS says every number is, in plain Python, slowly: the rollup is tested against this.

`expected_traces` and `expected_sessions` recompute everything from the rows received. The order of the rows never
matters, nor does a row that stands there twice. Rows are dicts by the column names of `spans`; what is left out has
the column's default. Not here: retention and the expiry of content, which take rows away before anyone counts.
"""

from collections.abc import Iterable
from typing import Any

from tests.oracle.placement import Tombstone, placed_traces
from tests.oracle.scores import Score
from tests.oracle.sessions import session_row
from tests.oracle.spans import Row, Span
from tests.oracle.traces import trace_row

__all__ = ["Row", "Span", "Tombstone", "expected_sessions", "expected_traces"]


def expected_traces(
    rows: Iterable[Row], tombstones: Iterable[Tombstone] = (), scores: Iterable[Row] = ()
) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Rows of `session_traces` by (project, session, trace). A trace without any session stands under session ""."""
    received = [Span.read(row) for row in rows]
    graves = list(tombstones)
    distinct_scores = Score.read_distinct(scores)
    return {
        (trace.project_id, session, trace.trace_id): trace_row(trace, session, distinct_scores)
        for trace in placed_traces(received, graves)
        for session in trace.sessions()
    }


def expected_sessions(
    rows: Iterable[Row], tombstones: Iterable[Tombstone] = (), scores: Iterable[Row] = ()
) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of `sessions` by (project, session)."""
    given_scores = list(scores)
    traces = expected_traces(rows, tombstones, given_scores)
    distinct_scores = Score.read_distinct(given_scores)
    keys = {(project, session) for project, session, _ in traces if session != ""}
    return {
        (project, session): session_row(
            [row for key, row in sorted(traces.items()) if key[:2] == (project, session)], distinct_scores
        )
        for project, session in sorted(keys)
    }
