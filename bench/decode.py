"""What decoding costs: microseconds of CPU per GenAI span of 15 attributes and 1.4 kB, 500 to a request.

    python -m bench.decode

"warm" has seen the same short attributes before, as in a running receiver; "cold" has seen none of them.
"""

import base64
import random
import time
from collections.abc import Callable
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from otel_receiver.otlp import Encoding, decode_traces, protobuf_values

SPANS = 500
ROUNDS = 60
NOW = 1_790_000_000_000_000_000
MESSAGE = '[{"role":"%s","parts":[{"type":"text","content":"%s"}]}]'


def request() -> TracesData:
    chance = random.Random(1)
    data = TracesData()
    scoped = data.resource_spans.add().scope_spans.add()
    scoped.spans.extend(_span(chance, number) for number in range(SPANS))
    return data


def _span(chance: random.Random, number: int) -> Span:
    values: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "session.id": f"session-{number % 50}",
        "user.id": f"user-{number % 20}",
        "gen_ai.response.id": f"chatcmpl-{chance.random()}",
        "gen_ai.input.messages": MESSAGE % ("user", "x" * 400),
        "gen_ai.output.messages": MESSAGE % ("assistant", "y" * 300),
        "gen_ai.usage.input_tokens": chance.randrange(5_000),
        "gen_ai.usage.output_tokens": chance.randrange(5_000),
        "gen_ai.request.temperature": 0.7,
        "gen_ai.request.max_tokens": 1_024,
        "gen_ai.request.stream": True,
        "server.port": 443,
    }
    return Span(
        trace_id=chance.randbytes(16),
        span_id=chance.randbytes(8),
        parent_span_id=chance.randbytes(8),
        name="chat gpt-4o",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=NOW - 1_000_000_000,
        end_time_unix_nano=NOW,
        attributes=[KeyValue(key=key, value=_value(value)) for key, value in values.items()],
    )


def _value(value: Any) -> AnyValue:
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
    read = AnyValue()
    setattr(read, kinds[type(value)], value)
    return read


def as_json(data: TracesData) -> bytes:
    document = MessageToDict(data, use_integers_for_enums=True)
    for span in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for name in ("traceId", "spanId", "parentSpanId"):
            span[name] = base64.b64decode(span[name]).hex()
    return orjson.dumps(document)


def microseconds(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        before()
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best / SPANS * 1e6


def main() -> None:
    data = request()
    bodies: dict[Encoding, bytes] = {"protobuf": data.SerializeToString(), "json": as_json(data)}
    for encoding, body in bodies.items():
        warm = microseconds(lambda: decode_traces(body, encoding, NOW))  # noqa: B023 - called at once
        cold = microseconds(lambda: decode_traces(body, encoding, NOW), protobuf_values.remembered.cache_clear)  # noqa: B023
        print(f"{encoding:9} {len(body) // SPANS} bytes/span  warm {warm:.1f}  cold {cold:.1f} us/span")


if __name__ == "__main__":
    main()
