"""A whole call out of a span: one pass over its attributes, then every field from what the pass found."""

from otel_receiver.call import Call, CallKind
from otel_receiver.mapping.content import read_content
from otel_receiver.mapping.details import told_apart, with_details
from otel_receiver.mapping.hits import Hits, collect
from otel_receiver.mapping.identity import Resources, read_ids
from otel_receiver.mapping.kind import decide
from otel_receiver.mapping.labels import read_metadata, read_tags
from otel_receiver.mapping.models import read_models
from otel_receiver.mapping.outcome import read_failure, read_finish_reasons, read_first_token
from otel_receiver.mapping.scores import read_scores
from otel_receiver.mapping.table import Table
from otel_receiver.mapping.usage import read_cost, read_usage
from otel_receiver.span import Span


class CallReader:
    """Reads spans with one table of dialects."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._resources = Resources(table)

    def read(self, span: Span, kind: CallKind | None = None) -> Call:
        """`kind` is for what is no span but speaks like one, and already knows."""
        details = with_details(self._table, span) if span.events else None
        hits = collect(self._table, span if details is None else details.span)
        decided, dialect, operation = decide(hits)
        hits.kind = kind = decided if kind is None else kind
        resource = self._resources.facts(span.resource)
        models = read_models(hits)
        usage = read_usage(hits)
        failure = read_failure(hits)
        carried = read_content(hits)
        if details is not None:
            carried = told_apart(details, carried)
        return Call(
            kind=kind,
            dialect=dialect,
            operation=operation,
            provider=models.provider,
            request_model=models.request_model or _model_in_name(hits),
            response_model=models.response_model,
            response_id=hits.text("response_id"),
            usage=usage,
            reported_cost_usd=read_cost(hits, usage),
            first_token_ns=read_first_token(hits),
            finish_reasons=read_finish_reasons(hits) or carried.finish_reasons,
            failed=failure.failed,
            error_type=failure.error_type,
            error_message=failure.error_message,
            tool_name=(hits.text("tool_name") or _name(hits, dialect)) if kind == "tool" else "",
            tool_call_id=hits.text("tool_call_id") if kind == "tool" else "",
            agent_name=hits.text("agent_name") or (_name(hits, dialect) if kind == "agent" else ""),
            prompt_name=hits.text("prompt_name"),
            prompt_version=hits.text("prompt_version"),
            release=hits.text("release") or resource.release,
            environment=hits.text("environment") or resource.environment,
            tags=read_tags(hits),
            metadata=read_metadata(hits),
            ids=read_ids(hits, resource),
            content=carried.content,
            consumed=carried.consumed,
            consumed_events=carried.events,
            scores=read_scores(hits),
            flaws=tuple(dict.fromkeys(hits.flaws)) if hits.flaws else (),
        )


def _name(hits: Hits, dialect: str) -> str:
    name_of = hits.table.name_of.get(dialect)
    return "" if name_of is None else name_of(hits.span)


def _model_in_name(hits: Hits) -> str:
    """`chat claude-sonnet-4-5`: all that some failed calls have."""
    if hits.kind not in ("llm", "embedding") or "kind" in hits.best:
        return ""
    return hits.span.name.partition(" ")[2]
