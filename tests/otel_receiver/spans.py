"""Spans and calls for tests, and the rows they become."""

from typing import Any

from clickhouse.projects import Project
from otel_receiver.batch import Batch
from otel_receiver.call import Call, Content, Ids, Usage
from otel_receiver.pricing import Prices
from otel_receiver.rows import write_rows
from otel_receiver.span import Resource, Scope, Span

NOW_NS = 1_790_000_000_123_456_789
SHOP = Resource({"service.name": "shop", "host.cpus": 8})
SCOPE = Scope("opentelemetry.instrumentation.openai", "2.4")
CALL = Call(
    kind="llm",
    dialect="otel_genai",
    provider="openai",
    request_model="gpt-4o-mini",
    usage=Usage(100, 20),
    ids=Ids(session_id="conv-1", session_key="session.id"),
    content=Content('[{"role":"user"}]', '[{"role":"assistant"}]', input_preview="Hi", output_preview="Hello"),
)


def span(number: int = 1, **changes: Any) -> Span:
    """A span; equal numbers are the same span."""
    known: dict[str, Any] = {
        "trace_id": f"{number // 4 + 1:032x}",
        "span_id": f"{number + 1:016x}",
        "parent_span_id": "",
        "name": f"chat {number}",
        "kind": "client",
        "start_ns": NOW_NS + number,
        "end_ns": NOW_NS + number + 1_000_000_000,
        "status": "ok",
        "status_message": "",
        "attributes": {"gen_ai.operation.name": "chat"},
        "events": (),
        "links": (),
        "resource": SHOP,
        "scope": SCOPE,
    }
    return Span(**{**known, **changes})


def rows(
    *spans: Span, call: Call = CALL, project: Project | None = None, received_ns: int = NOW_NS, **more: Any
) -> Batch:
    """Their rows, each read as the same call."""
    owner = Project("default") if project is None else project
    return write_rows(spans, [call] * len(spans), owner, Prices(), received_ns=received_ns, **more)


def batch_of(count: int, first: int = 0, project: str = "default", **changes: Any) -> Batch:
    return rows(*(span(number, **changes) for number in range(first, first + count)), project=Project(project))
