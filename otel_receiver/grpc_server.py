"""OTLP over gRPC: three services with one method each, and the health service. No reflection.

The methods are unary for clients. Here they are stream-unary, which is the same on the wire, but lets us read the body
when we want to: after we know who sends it, and when there is room for it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias, cast

import grpc

from otel_receiver.answers import grpc_trailers, reply_body
from otel_receiver.budget import Hold
from otel_receiver.errors import Permanent, Refused, Unavailable
from otel_receiver.export import Caller, Desk, Reply, Signal
from otel_receiver.grpc_health import Health, Method
from otel_receiver.probes import Probes
from otel_receiver.refusals import Refusals
from otel_receiver.settings import ReceiverSettings, Tls

_SERVICE = "opentelemetry.proto.collector.{}.v1.{}Service"
_SERVICES: dict[str, Signal] = {
    _SERVICE.format("trace", "Trace"): "traces",
    _SERVICE.format("logs", "Logs"): "logs",
    _SERVICE.format("metrics", "Metrics"): "metrics",
}


_MINUTE_MS = 60_000
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.http2.bdp_probe", 0),  # else a stream takes megabytes before anybody has asked for its body
    ("grpc.max_concurrent_streams", 100),  # per connection; each may hold a body before we look at it
    (
        "grpc.http2.min_ping_interval_without_data_ms",
        5_000,
    ),  # many clients ping every 10 s; the default hangs up on them
    ("grpc.keepalive_permit_without_calls", 1),  # exporters are idle between batches
    ("grpc.keepalive_time_ms", _MINUTE_MS),  # finds clients that vanished
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_connection_age_ms", 30 * _MINUTE_MS),  # so that a balancer's new receivers get their part
    ("grpc.max_connection_age_grace_ms", _MINUTE_MS // 2),
]

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # generic in the stubs only


class GrpcDoor(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    def __init__(self, desk: Desk, refusals: Refusals, probes: Probes, settings: ReceiverSettings) -> None:
        self._desk, self._refusals, self._settings = desk, refusals, settings
        self._methods = {f"/{service}/Export": self._export(signal) for service, signal in _SERVICES.items()}
        self._methods |= Health(_SERVICES, lambda: probes.readiness().ready).methods()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Method | None":
        return self._methods.get(handler_call_details.method)

    def _export(self, signal: Signal) -> Method:
        async def export(bodies: AsyncIterator[bytes], context: _Context) -> bytes:
            return await self._answer(signal, bodies, context)

        return grpc.stream_unary_rpc_method_handler(export)

    async def _answer(self, signal: Signal, bodies: AsyncIterator[bytes], context: _Context) -> bytes:
        project = ""
        try:
            caller = self._desk.admit(_headers(context))
            project = caller.project.id
            reply = await self._reply(signal, bodies, caller)
        except Refused as why:
            refused = why.bare()
        except Exception:  # noqa: BLE001 - the edge: whatever it was, the client may retry
            refused = self._refusals.unexpected("grpc", signal)
        else:
            self._count(signal, grpc.StatusCode.OK)
            return reply_body(signal, reply, "protobuf")
        self._refusals.note(refused, "grpc", signal, project)
        self._count(signal, refused.answer.grpc)
        # Only abort sends the status without a body before it; some clients do not retry otherwise.
        await context.abort(refused.answer.grpc, refused.message, grpc_trailers(refused))
        raise AssertionError("abort raises")

    async def _reply(self, signal: Signal, bodies: AsyncIterator[bytes], caller: Caller) -> Reply:
        """Apart from what answers: that is kept for a while where it aborts, and all that it has with it."""
        async with self._desk.budget.hold(caller.project.id) as hold:
            body = await _read(bodies, hold, self._settings)
        return await self._desk.export(signal, body, "protobuf", caller, hold)

    def _count(self, signal: Signal, code: grpc.StatusCode) -> None:
        self._desk.metrics.requests.add(signal, "grpc", "protobuf", code.name)


def _headers(context: _Context) -> dict[str, str]:
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


async def _read(bodies: AsyncIterator[bytes], hold: Hold, settings: ReceiverSettings) -> bytes:
    """The one message of the call; it is decompressed, and no larger than allowed, when we get it. How large is not
    known before, so there must be room for the largest, and who takes it must not take long."""
    await hold.grow_for(settings.max_body_bytes)
    # Closed, for else it waits for another message, and holds this one until the collector of garbage comes by.
    messages = cast("AsyncGenerator[bytes, None]", aiter(bodies))
    try:
        async with asyncio.timeout(settings.body_deadline_s), aclosing(messages):
            async for body in messages:
                hold.shrink_for(len(body))
                return body
    except TimeoutError:
        raise Unavailable("the body did not arrive in time") from None
    raise Permanent("malformed", "the call carries no message")


class GrpcServer:
    """Bound when made, so that the port is known; takes calls between start and stop."""

    def __init__(self, door: GrpcDoor, settings: ReceiverSettings) -> None:
        options = [*_OPTIONS, ("grpc.max_receive_message_length", settings.max_body_bytes)]
        options.append(("grpc.so_reuseport", int(settings.share_ports)))
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((door,))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.port = _bind(self._server, f"{host}:{settings.grpc_port}", settings.tls)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self, within_s: float) -> None:
        """No new calls; those in flight may end."""
        await self._server.stop(within_s)


def _bind(server: grpc.aio.Server, address: str, tls: Tls | None) -> int:
    try:
        return server.add_insecure_port(address) if tls is None else server.add_secure_port(address, _credentials(tls))
    except RuntimeError:
        raise OSError(f"cannot listen on {address} for OTLP over gRPC; is another receiver running?") from None


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    client_ca = None if tls.client_ca is None else tls.client_ca.read_bytes()
    pairs = [(tls.key.read_bytes(), tls.certificate.read_bytes())]
    return grpc.ssl_server_credentials(pairs, client_ca, require_client_auth=client_ca is not None)
