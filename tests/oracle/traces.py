"""A row of `session_traces`: one trace's part of one session."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.oracle.calls import Call, calls_of_kind, merged_calls, tool_calls
from tests.oracle.placement import Trace
from tests.oracle.scores import Score, trace_scores
from tests.oracle.spans import USAGE, Span, root_order, time_order


@dataclass(frozen=True)
class SessionCalls:
    """The calls of one trace whose outermost span belongs to one session."""

    turns: Sequence[Call]  # by (start, span id)
    embeddings: Sequence[Call]
    tools: Sequence[Call]
    others: Sequence[Call]  # agents whose usage does not count, retrievals
    wrappers: Sequence[Call]  # whose usage counts: agents, and spans that are no calls, of kind "wrapper"

    @property
    def counted(self) -> list[Call]:
        """Those whose usage and cost are summed."""
        return [*self.turns, *self.embeddings, *self.wrappers]

    @property
    def without_usage(self) -> list[Call]:
        return [*self.tools, *self.others]


def session_calls(trace: Trace, session: str) -> SessionCalls:
    def here(calls: Iterable[Call]) -> list[Call]:
        return [call for call in calls if trace.session_of[call.outermost.span_id] == session]

    llm = merged_calls(trace, "llm")
    turns = sorted(here(llm.calls), key=lambda turn: time_order(turn.outermost))
    wrappers = [] if any(turn.merged.has_usage for turn in turns) else counted_wrappers(trace, session, llm.wrappers)
    agents = [call for call in here(calls_of_kind(trace, "agent")) if call.outermost not in wrappers]
    return SessionCalls(
        turns=turns,
        embeddings=here(merged_calls(trace, "embedding").calls),
        tools=here(tool_calls(trace)),
        others=[*agents, *here(calls_of_kind(trace, "retrieval"))],
        wrappers=[Call("agent" if span.call_kind == "agent" else "wrapper", [span]) for span in wrappers],
    )


def counted_wrappers(trace: Trace, session: str, llm_wrappers: Sequence[Span]) -> list[Span]:
    """The outermost spans that are no LLM calls and carry usage."""
    carriers = [
        span
        for span in trace.spans_in(session)
        if span.has_usage and (span.call_kind in ("agent", "") or span in llm_wrappers)
    ]
    return [span for span in carriers if not any(up in carriers for up in trace.ancestors(span))]


def trace_row(trace: Trace, session: str, scores: Iterable[Score]) -> dict[str, Any]:
    spans = trace.spans_in(session)
    calls = session_calls(trace, session)
    counted = [call.merged for call in calls.counted]
    users = [(span.started_at, trace.user_of[span.span_id]) for span in spans if trace.user_of[span.span_id] != ""]
    return {
        "project_id": trace.project_id,
        "session_id": session,
        "trace_id": trace.trace_id,
        "name": min(trace.spans, key=root_order).name,
        "started_at": min(span.started_at for span in spans),
        "ended_at": max(span.ended_at for span in spans),
        "spans": len(spans),
        "inherited_spans": sum(span.session_id != session for span in spans),
        "duplicate_spans": sum(trace.starts_of[span.span_id] - 1 for span in spans),
        "turns": len(calls.turns),
        "tool_calls": len(calls.tools),
        "embeddings": len(calls.embeddings),
        **{name: sum(getattr(span, name) or 0 for span in counted) for name in USAGE},
        "cost_usd": sum_of_known(span.cost_usd for span in counted),
        "unpriced_turns": sum(is_unpriced(turn.merged) for turn in calls.turns),
        "unpriced_usage": any(model_of(call.merged) == "" for call in calls.wrappers),
        "errors": sum(turn.merged.failed for turn in calls.turns),
        "failed": any(span.failed for span in spans),
        "user_id": users[0][1] if users else "",
        "user_since": users[0][0] if users else 0,
        "user_ids": distinct(user for _, user in users),
        "session_keys": distinct(span.session_key for span in spans),
        "models": distinct(model_of(span) for span in counted),
        "requested_models": distinct(span.request_model for span in counted),
        "services": distinct(span.service for span in spans),
        "environments": distinct(span.environment for span in spans),
        "tags": distinct(tag for span in spans for tag in span.tags),
        "tools": distinct(call.outermost.tool_name for call in calls.tools),
        "agents": distinct(span.agent_name for span in spans),
        "releases": distinct(span.release for span in spans),
        "prompts": distinct(span.prompt_name for span in spans),
        "metadata": sorted({pair for span in spans for pair in span.metadata}),
        "input_preview": input_preview(trace, spans, calls.turns),
        "output_preview": output_preview(trace, spans, calls.turns),
        "calls": call_rows(trace, calls),
        "scores": trace_scores(trace, session, scores),
    }


def call_rows(trace: Trace, calls: SessionCalls) -> list[dict[str, Any]]:
    rows = [
        *(call_row(trace, call, carries_usage=True) for call in calls.counted),
        *(call_row(trace, call, carries_usage=False) for call in calls.without_usage),
    ]
    return sorted(rows, key=lambda row: (row["started_at"], row["span_id"]))


def call_row(trace: Trace, call: Call, *, carries_usage: bool) -> dict[str, Any]:
    span = call.merged
    return {
        "span_id": span.span_id,
        "kind": call.kind,
        "name": span.name,
        "provider": span.provider,
        "request_model": span.request_model,
        "response_model": span.response_model,
        "service": span.service,
        "user_id": trace.user_of[span.span_id],
        "started_at": span.started_at,
        "duration_ns": span.duration_ns,
        "first_token_ns": span.first_token_ns,
        **{name: getattr(span, name) if carries_usage else None for name in USAGE},
        "cost_usd": span.cost_usd if carries_usage else None,
        "cost_source": span.cost_source if carries_usage else "",
        "failed": span.failed,
        "error_type": span.error_type,
        "finish_reasons": list(span.finish_reasons),
        "tool_name": span.tool_name,
        "members": [member.span_id for member in call.spans] if len(call.spans) > 1 else [],
    }


def is_unpriced(turn: Span) -> bool:
    return turn.cost_usd is None and not (turn.failed and not turn.has_usage)


def model_of(span: Span) -> str:
    return span.response_model or span.request_model


def input_preview(trace: Trace, spans: Sequence[Span], turns: Sequence[Call]) -> str:
    """The earliest turn's, else the first that an outermost span has."""
    of_turn = [turns[0].merged.input_preview] if turns else []
    return first_text([*of_turn, *(span.input_preview for span in outermost_spans(trace, spans))])


def output_preview(trace: Trace, spans: Sequence[Span], turns: Sequence[Call]) -> str:
    """The latest turn's that has any, else the first that an outermost span has."""
    of_turns = [turn.merged.output_preview for turn in reversed(turns)]
    return first_text([*of_turns, *(span.output_preview for span in outermost_spans(trace, spans))])


def outermost_spans(trace: Trace, spans: Sequence[Span]) -> list[Span]:
    """The spans of a session that have no ancestor in the same session."""
    here = {span.span_id for span in spans}
    return [span for span in spans if not any(up.span_id in here for up in trace.ancestors(span))]


def first_text(texts: Iterable[str]) -> str:
    return next((text for text in texts if text != ""), "")


def distinct(texts: Iterable[str]) -> list[str]:
    """Without the empty one, sorted by their bytes."""
    return sorted(set(texts) - {""}, key=lambda text: text.encode())


def sum_of_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """What is known of a sum; null only where nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
