"""grpc.health.v1 by hand: two methods are less than a dependency.

On the wire its request is a StringValue and its response an Int32Value, so those stand in for them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

_SERVING, _NOT_SERVING, _UNKNOWN = 1, 2, 3
_WATCH_S = 1.0  # how often a watched status is looked at

Method: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # generic in the stubs only


class Health:
    """Answers under overload and without a key; says nothing but the status."""

    def __init__(self, services: Iterable[str], ready: Callable[[], bool]) -> None:
        self._services, self._ready = frozenset({"", *services}), ready

    def methods(self) -> dict[str, Method]:
        return {
            "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(self._check),
            "/grpc.health.v1.Health/Watch": grpc.unary_stream_rpc_method_handler(self._watch),
        }

    def _status(self, request: bytes) -> int:
        try:
            service = StringValue.FromString(request).value
        except DecodeError:
            return _UNKNOWN
        if service not in self._services:
            return _UNKNOWN
        return _SERVING if self._ready() else _NOT_SERVING

    async def _check(self, request: bytes, context: _Context) -> bytes:
        status = self._status(request)
        if status == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        return Int32Value(value=status).SerializeToString()

    async def _watch(self, request: bytes, _context: _Context) -> AsyncIterator[bytes]:
        told = None
        while True:
            status = self._status(request)
            if status != told:
                yield Int32Value(value=status).SerializeToString()
                told = status
            await asyncio.sleep(_WATCH_S)
