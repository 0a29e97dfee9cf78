"""The exporters of the Python SDK, unmodified, against both doors."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from otel_receiver.batch import Batch
from otel_receiver.errors import Unavailable
from otel_receiver.span import Span
from tests.otel_receiver.doors import Doors, ListWriter, open_doors
from tests.otel_receiver.test_both_doors import shop_and_lab

Make = Callable[..., SpanExporter]


def _grpc(doors: Doors, headers: dict[str, str] | None = None) -> SpanExporter:
    return GrpcExporter(endpoint=f"http://127.0.0.1:{doors.grpc_port}", insecure=True, headers=headers, timeout=8)


def _http(doors: Doors, headers: dict[str, str] | None = None, path: str = "/v1/traces", **more: Any) -> SpanExporter:
    return HttpExporter(endpoint=f"http://127.0.0.1:{doors.http_port}{path}", headers=headers, timeout=8, **more)


@pytest.fixture(params=[_grpc, _http], ids=["grpc", "http"])
def make(request: pytest.FixtureRequest) -> Make:
    """An exporter for each door in turn."""
    chosen: Make = request.param
    return chosen


@pytest.fixture
def doors() -> Iterator[Doors]:
    """Doors of its own for each client."""
    with open_doors() as opened:
        yield opened


def _trace(exporter: SpanExporter, turns: int = 1) -> None:
    """A small agent, instrumented, until everything is sent."""
    provider = TracerProvider(resource=Resource({"service.name": "bot"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1.0")
    with tracer.start_as_current_span("agent") as agent:
        agent.set_attribute("session.id", "s-1")
        for turn in range(turns):
            with tracer.start_as_current_span("chat gpt-4o") as call:
                call.set_attributes({"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100 + turn})
                call.set_attribute("gen_ai.response.finish_reasons", ["stop"])
                call.add_event("token", {"i": turn})
    provider.shutdown()


def _written(doors: Doors) -> list[Span]:
    return [record for batch in doors.writer.batches for record in batch.spans["record"]]


def test_an_instrumented_app_arrives(doors: Doors, make: Make) -> None:
    """With one environment variable changed: everything, once, in one trace."""
    _trace(make(doors), turns=3)
    spans = _written(doors)
    assert sorted(span.name for span in spans) == ["agent", "chat gpt-4o", "chat gpt-4o", "chat gpt-4o"]
    (agent,) = [span for span in spans if span.name == "agent"]
    calls = [span for span in spans if span.name != "agent"]
    assert {span.trace_id for span in spans} == {agent.trace_id}
    assert {call.parent_span_id for call in calls} == {agent.span_id}
    assert sorted(str(call.attributes["gen_ai.usage.input_tokens"]) for call in calls) == ["100", "101", "102"]
    assert calls[0].attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert (agent.attributes["session.id"], agent.resource.attributes["service.name"]) == ("s-1", "bot")
    assert (agent.scope.name, agent.scope.version, agent.kind, agent.flaws) == ("tests", "1.0", "internal", ())
    assert [event.name for event in calls[0].events] == ["token"]


@pytest.mark.parametrize("compression", list(Compression))
def test_each_compression_of_the_sdk_arrives(doors: Doors, compression: Compression) -> None:
    """None, gzip, deflate."""
    _trace(_http(doors, compression=compression))
    assert len(_written(doors)) == 2


def test_a_langfuse_style_endpoint_and_key_arrive() -> None:
    """Its path prefix, and its public and secret key as Basic."""
    credentials = base64.b64encode(b"pk-any:shop-key").decode()
    with open_doors(projects=shop_and_lab()) as doors:
        _trace(_http(doors, {"authorization": f"Basic {credentials}"}, "/api/public/otel/v1/traces"))
        assert {project for batch in doors.writer.batches for project in batch.spans["project_id"]} == {"shop"}


def test_keys_in_exporter_headers_arrive(make: Make) -> None:
    """As OTEL_EXPORTER_OTLP_HEADERS sets them."""
    with open_doors(projects=shop_and_lab()) as doors:
        _trace(make(doors, {"x-api-key": "lab-key", "x-session-id": "all-of-it"}))
        batch = doors.writer.batches[0]
        assert (batch.spans["project_id"][0], batch.spans["received"][0].session_id) == ("lab", "all-of-it")


def test_a_client_comes_again_after_a_refusal(make: Make) -> None:
    """Line 55: it reads our hint, waits as long, and loses nothing."""
    refusals = iter([True, False])

    async def refuse_once(_batch: Batch) -> None:
        await asyncio.sleep(0)
        if next(refusals, False):
            raise Unavailable("not now", 0.1)

    with open_doors(writer=ListWriter(before=refuse_once)) as doors:
        _trace(make(doors))
        assert len(_written(doors)) == 2
        assert doors.desk.metrics.refusals.value("unavailable") == 1
