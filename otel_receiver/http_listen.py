"""Listening for HTTP, with uvicorn: our socket, our deadlines, and no signals of its own."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from otel_receiver.http_server import HttpDoor
from otel_receiver.settings import ReceiverSettings, Tls

_KEEP_ALIVE_S = 75
"""Longer than a balancer's usual minute, and than the pause between batches: some clients lose a batch to a connection
that closes under them."""

_BACKLOG = 2_048  # connections waiting to be accepted: a fleet that reconnects at once


class HttpServer:
    """Bound when made, so that the port is known; answers between start and stop."""

    def __init__(self, door: HttpDoor, settings: ReceiverSettings) -> None:
        self._socket = _bound(settings)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Quiet(_config(door, settings))
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if self._serving.done():
            await self._serving  # raises what went wrong

    async def stop(self) -> None:
        """No new connections; requests in flight may end, within the drain time of the settings."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


class _Quiet(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the entry point's."""
        yield


class _Deadline(H11Protocol):
    """Closes connections whose request line and headers do not arrive: uvicorn would wait for ever."""

    head_deadline_s: float
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        super().on_response_complete()  # goes on with what was sent behind the request
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch_head()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        """The timer runs while a head is due: from the first byte of it, or from the start of the connection."""
        begun = self.cycle is None or len(self.conn.trailing_data[0]) > 0
        if self.conn.their_state is not h11.IDLE or not begun:
            self._unwatch_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_deadline_s, self.transport.close)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _config(door: HttpDoor, settings: ReceiverSettings) -> uvicorn.Config:
    protocol = type("Deadline", (_Deadline,), {"head_deadline_s": settings.head_deadline_s})
    return uvicorn.Config(
        door,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.drain_s),
        **_tls(settings.tls),
    )


def _tls(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    options: dict[str, Any] = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    if tls.client_ca is not None:
        options |= {"ssl_ca_certs": str(tls.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return options


def _bound(settings: ReceiverSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if settings.share_ports:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((settings.host, settings.http_port))
    except OSError as why:
        bound.close()
        address = f"{settings.host}:{settings.http_port}"
        raise OSError(f"cannot listen on {address} for OTLP over HTTP: {why.strerror}") from None
    return bound
