"""An exchange -> the spans of one trace, each in its place and time, as OTLP has them."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from genai_sessions.demo.dialects import Dialect, Said, dialect
from genai_sessions.demo.story import Conversation, Exchange, Failure, Score

MS = 1_000_000


def traced(conversation: Conversation, exchange: Exchange, start_ns: int) -> ResourceSpans:
    app = conversation.app
    spelled = dialect(app.dialect)
    group = ResourceSpans()
    resource = {
        "service.name": app.name,
        "service.version": conversation.release,
        "deployment.environment.name": conversation.environment,
        "telemetry.sdk.name": "opentelemetry",
        "genai_sessions.demo": True,
    }
    group.resource.attributes.extend(_attributes(resource))
    scoped = group.scope_spans.add()
    scoped.scope.name = spelled.SCOPE
    scoped.spans.extend(_Trace(exchange, start_ns).told(conversation, spelled))
    return group


class _Trace:
    """Time goes on with each span that is told."""

    def __init__(self, exchange: Exchange, start_ns: int) -> None:
        self._exchange = exchange
        self._trace_id = exchange.trace_id.to_bytes(16, "big")
        self._ids = Random(exchange.trace_id)  # noqa: S311 - a story, not a secret
        self._start_ns = self._now_ns = start_ns
        self._root_id = self._id()

    def told(self, conversation: Conversation, spelled: Dialect) -> Iterator[Span]:
        exchange, lookup = self._exchange, self._exchange.lookup
        if lookup is not None:
            yield from self._spans(spelled.embedding(conversation, lookup), lookup.embedding_ms)
            self._pass(lookup.embedding_ms)
            yield from self._spans(spelled.search(conversation, lookup), lookup.search_ms)
            self._pass(lookup.search_ms)
        for turn in exchange.turns:
            said = spelled.turn(conversation, turn)
            yield from self._spans(said, turn.duration_ms, turn.failure, turn.first_token_ms)
            self._pass(turn.duration_ms)
            for tool in turn.tools:
                yield from self._spans(spelled.tool(conversation, tool), tool.duration_ms, tool.failure)
            self._pass(turn.tools_ms)
        yield self._root(spelled.root(conversation, exchange))

    def _root(self, said: Said) -> Span:
        exchange = self._exchange
        root = self._span(said, self._start_ns, self._now_ns, b"", exchange.failure)
        if exchange.score is not None:
            told = _of_score(exchange.score)
            root.events.append(
                Span.Event(time_unix_nano=self._now_ns, name="gen_ai.evaluation.result", attributes=told)
            )
        return root

    def _spans(
        self, said: Said, took_ms: float, failure: Failure | None = None, first_token_ms: float | None = None
    ) -> Iterator[Span]:
        """With the one around it, which takes as long."""
        end_ns, parent = self._now_ns + int(took_ms * MS), self._root_id
        if said.around is not None:
            around = self._span(said.around, self._now_ns, end_ns, parent, failure)
            parent = around.span_id
            yield around
        span = self._span(said, self._now_ns, end_ns, parent, failure)
        if said.first_token is not None and first_token_ms is not None:
            name, attributes = said.first_token
            at_ns = self._now_ns + int(first_token_ms * MS)
            span.events.insert(0, Span.Event(time_unix_nano=at_ns, name=name, attributes=_attributes(attributes)))
        yield span

    def _span(self, said: Said, start_ns: int, end_ns: int, parent: bytes, failure: Failure | None) -> Span:
        span = Span(
            trace_id=self._trace_id,
            span_id=self._id() if parent else self._root_id,
            parent_span_id=parent,
            name=said.name,
            kind=Span.SPAN_KIND_CLIENT if said.client else Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=end_ns,
            attributes=_attributes(said.attributes),
        )
        if failure is not None:
            span.status.MergeFrom(Status(code=Status.STATUS_CODE_ERROR, message=failure.message))
            span.attributes.extend(_attributes({"error.type": failure.type}))
            told = {"exception.type": failure.type, "exception.message": failure.message}
            span.events.append(Span.Event(time_unix_nano=end_ns, name="exception", attributes=_attributes(told)))
        return span

    def _pass(self, ms: float) -> None:
        self._now_ns += int(ms * MS)

    def _id(self) -> bytes:
        return (self._ids.getrandbits(64) | 1).to_bytes(8, "big")


def _of_score(score: Score) -> list[KeyValue]:
    return _attributes(
        {
            "gen_ai.evaluation.name": score.name,
            "gen_ai.evaluation.score.value": score.value,
            "gen_ai.evaluation.score.label": score.label or None,
            "gen_ai.evaluation.explanation": score.comment or None,
        }
    )


_SCALARS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}


def _attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in values.items() if value is not None]


def _value(value: Any) -> AnyValue:
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=map(_value, value)))
    return AnyValue(**{_SCALARS[type(value)]: value})
