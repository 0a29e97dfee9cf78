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


def _relax(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        if field.type == _Field.TYPE_STRING or field.type_name.endswith(_LEFT_AS_BYTES):
            field.type = _Field.TYPE_BYTES
            field.ClearField("type_name")
    for nested in message.nested_type:
        _relax(nested)


def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()  # apart from the default pool, where the stock schema lives
    for module in (common_pb2, resource_pb2, trace_pb2, logs_pb2, metrics_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            _relax(message)
        pool.Add(file)
    return pool


_POOL = _pool()


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


TracesData = _class("trace.v1.TracesData")
LogsData = _class("logs.v1.LogsData")
MetricsData = _class("metrics.v1.MetricsData")
KeyValue = _class("common.v1.KeyValue")
AnyValue = _class("common.v1.AnyValue")
