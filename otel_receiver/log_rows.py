"""Log records that tell of calls -> rows of `log_calls`: what is written of a span and its call, without attributes."""

from collections.abc import Sequence

from clickhouse.projects import Project
from otel_receiver.batch import Batch, Columns
from otel_receiver.call import Content, Ids, Usage
from otel_receiver.dialects.log_events import LogCall
from otel_receiver.export import Received
from otel_receiver.pricing import Prices
from otel_receiver.rows import write_rows
from otel_receiver.scores import log_score_rows
from otel_receiver.span import Span

_AS_IN_SPANS = (
    *("project_id", "trace_id", "span_id", "started_at", "ended_at", "service", "scope_name", "environment", "release"),
    *("default_session_id", "default_user_id", "call_kind", "dialect", "operation", "provider", "request_model"),
    *("response_model", "response_id", "cost_usd", "cost_source", "price_source", "first_token_ns", "finish_reasons"),
    *("failed", "error_type", "error_message", "tool_name", "tool_call_id", "agent_name", "prompt_name", "tags"),
    *("metadata", "content_until", "retention_days", "received_at"),
    *(name for name in Ids._fields if name != "user_key"),
    *Usage._fields,
    *Content._fields,
)
_SCORE_BYTES = 500  # what a row of `scores` costs to hold, roughly


def write_log_rows(told: Sequence[LogCall], project: Project, prices: Prices, received: Received) -> Batch:
    """Evaluations become scores; what else a record tells is joined to its span when the trace is recomputed."""
    scores = log_score_rows(told, project, received.at_ns)
    scores_size = _SCORE_BYTES * sum(len(log.call.scores) for log in told)
    accounts = [log for log in told if log.says != "score" and log.trace_id != ""]
    if len(accounts) == 0:
        return Batch({}, scores, scores_size)
    rows = write_rows(
        [_span(log) for log in accounts],
        [log.call for log in accounts],
        project,
        prices,
        received_ns=received.at_ns,
        default_session_id=received.session_id,
        default_user_id=received.user_id,
    )
    columns: Columns = {name: rows.spans[name] for name in _AS_IN_SPANS}
    columns["record_id"] = [log.record_id for log in accounts]
    columns["says"] = ["around" if log.around else log.says for log in accounts]
    columns["event"] = [log.event for log in accounts]
    columns["position"] = list(range(len(accounts)))
    return Batch({}, scores, scores_size + rows.size, columns)


def _span(log: LogCall) -> Span:
    """As if it had been one. What it carries has been read."""
    return Span(
        log.trace_id,
        log.span_id,
        "",
        log.event,
        "internal",
        log.start_ns,
        log.end_ns,
        "unset",
        "",
        {},
        (),
        (),
        log.resource,
        log.scope,
    )
