"""A row of `sessions`: what the traces of a session add up to."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from tests.oracle.scores import Score, mean, own_scores, summary
from tests.oracle.spans import USAGE
from tests.oracle.traces import distinct, first_text, sum_of_known

SUMMED = (
    "spans",
    "inherited_spans",
    "duplicate_spans",
    "turns",
    "tool_calls",
    "embeddings",
    *USAGE,
    "unpriced_turns",
    "errors",
)
LISTS = (
    "user_ids",
    "session_keys",
    "models",
    "requested_models",
    "services",
    "environments",
    "tags",
    "tools",
    "agents",
    "releases",
    "prompts",
)


def session_row(traces: Sequence[dict[str, Any]], scores: Iterable[Score]) -> dict[str, Any]:
    project, session = traces[0]["project_id"], traces[0]["session_id"]
    in_order = sorted(traces, key=lambda trace: (trace["started_at"], trace["trace_id"]))
    with_user = sorted(
        (trace["user_since"], trace["trace_id"], trace["user_id"]) for trace in traces if trace["user_id"] != ""
    )
    turns = [call for trace in traces for call in trace["calls"] if call["kind"] == "llm"]
    started_at = min(trace["started_at"] for trace in traces)
    last_active_at = max(trace["ended_at"] for trace in traces)
    sums = {name: sum(trace[name] for trace in traces) for name in SUMMED}
    own = own_scores(project, session, scores)
    return {
        "project_id": project,
        "session_id": session,
        "user_id": with_user[0][2] if with_user else "",
        "started_at": started_at,
        "last_active_at": last_active_at,
        "duration_ns": last_active_at - started_at,
        "active_ns": union_length([(trace["started_at"], trace["ended_at"]) for trace in traces]),
        "traces": len(traces),
        **sums,
        "total_tokens": sums["input_tokens"] + sums["output_tokens"],
        "cost_usd": sum_of_known(trace["cost_usd"] for trace in traces),
        "unpriced_usage": any(trace["unpriced_usage"] for trace in traces),
        "error_traces": sum(trace["failed"] for trace in traces),
        "avg_turn_ns": mean(turn["duration_ns"] for turn in turns),
        "p95_turn_ns": percentile_95([turn["duration_ns"] for turn in turns]),
        "avg_trace_ns": mean(trace["ended_at"] - trace["started_at"] for trace in traces),
        "first_token_ns": mean(turn["first_token_ns"] for turn in turns),
        **{name: distinct(value for trace in traces for value in trace[name]) for name in LISTS},
        "metadata": sorted({pair for trace in traces for pair in trace["metadata"]}),
        "scores": summary([score for trace in traces for score in trace["scores"]] + own),
        "input_preview": first_text(trace["input_preview"] for trace in in_order),
        "output_preview": first_text(trace["output_preview"] for trace in reversed(in_order)),
    }


def union_length(ranges: Iterable[tuple[int, int]]) -> int:
    """How much time at least one of the ranges covers."""
    covered, until = 0, None
    for start, end in sorted(ranges):
        begin = start if until is None else max(start, until)
        covered += max(0, end - begin)
        until = end if until is None else max(until, end)
    return covered


def percentile_95(values: Sequence[int]) -> Fraction | None:
    """Between the two values around 95 % of the way from the first to the last."""
    if not values:
        return None
    ranked = sorted(values)
    position = Fraction(95, 100) * (len(ranked) - 1)
    below = int(position)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (position - below) * (ranked[above] - ranked[below])
