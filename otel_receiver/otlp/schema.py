"""OTLP's own schema, with every text read as bytes.

The stock schema refuses a whole request for one byte that is not UTF-8, so texts are decoded by us. Attributes and
values are left as bytes too and decoded one by one: then a broken or bottomless one costs itself, not its neighbours,
and equal ones are decoded once. On the wire, texts, bytes and messages look the same, so nothing else changes.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_LEFT_AS_BYTES = ("KeyValue", "AnyValue", "DataPoint")  # ends of message names; data points are only counted
_RECORDS = ("Span", "LogRecord")


def _relax(message: descriptor_pb2.DescriptorProto, left_as_bytes: tuple[str, ...]) -> None:
    for field in message.field:
        if field.type == _Field.TYPE_STRING or field.type_name.endswith(left_as_bytes):
            field.type = _Field.TYPE_BYTES
            field.ClearField("type_name")
    for nested in message.nested_type:
        _relax(nested, left_as_bytes)


def _pool(*more: str) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()  # apart from the default pool, where the stock schema lives
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _relax(message, _LEFT_AS_BYTES + more)
        pool.Add(file)
    return pool


_POOL = _pool()
_POOL_OF_PACKED = _pool(*_RECORDS)


def _class(name: str, pool: descriptor_pool.DescriptorPool = _POOL) -> Any:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


TracesData = _class("trace.v1.TracesData")
Span = _class("trace.v1.Span")
LogsData = _class("logs.v1.LogsData")
LogRecord = _class("logs.v1.LogRecord")
MetricsData = _class("metrics.v1.MetricsData")
KeyValue = _class("common.v1.KeyValue")
AnyValue = _class("common.v1.AnyValue")

# Of huge bodies: spans and log records stay as they came until their turn. A million empty ones would be 250 MB of
# messages in a body of 60.
PackedTracesData = _class("trace.v1.TracesData", _POOL_OF_PACKED)
PackedLogsData = _class("logs.v1.LogsData", _POOL_OF_PACKED)
