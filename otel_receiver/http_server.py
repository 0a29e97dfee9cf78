"""OTLP over HTTP, and the probes. An ASGI app of its own: a framework would read bodies and shape errors its way."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import orjson

from clickhouse.projects import is_loopback
from otel_receiver.answers import refusal_body, reply_body, retry_seconds
from otel_receiver.budget import Hold
from otel_receiver.decompress import Compression
from otel_receiver.errors import Permanent, Refused, Unavailable
from otel_receiver.export import Desk, Signal
from otel_receiver.http_body import ClientGone, Incoming, Receive, read_body, too_large
from otel_receiver.otlp import Encoding
from otel_receiver.probes import Probes
from otel_receiver.refusals import Refusals
from otel_receiver.settings import ReceiverSettings

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

_SIGNALS: dict[str, Signal] = {"/v1/traces": "traces", "/v1/logs": "logs", "/v1/metrics": "metrics"}
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_ENCODINGS: dict[str, Encoding] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_MEDIA_TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}
_COMPRESSIONS: dict[str, Compression | None] = {
    "": None,
    "identity": None,
    "gzip": "gzip",
    "deflate": "deflate",
    "zstd": "zstd",
}
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class _Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    incoming: Incoming


class _Response(NamedTuple):
    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class HttpDoor:
    def __init__(self, desk: Desk, refusals: Refusals, probes: Probes, settings: ReceiverSettings) -> None:
        self._desk, self._refusals, self._probes, self._settings = desk, refusals, probes, settings
        # A page in a browser on this machine can reach a loopback port under a name of its own, but not change Host.
        self._hosts = _LOCAL_NAMES | {settings.host, *settings.host_names} if is_loopback(settings.host) else None

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = _Request(scope["method"], scope["path"], _headers(scope["headers"]), Incoming(receive))
        try:
            response = await self._respond(request)
        except ClientGone:
            return
        await _send(send, response)

    async def _respond(self, request: _Request) -> _Response:
        encoding = _encoding(request.headers) or "json"
        signal = _SIGNALS.get(request.path[request.path.rfind("/v1/") :])  # SDKs add prefixes such as /api/public/otel
        project = ""
        try:
            self._check_host(request.headers.get("host", ""))
            if signal is None:
                return self._probe(request)
            _check_method(request, "POST")
            caller = self._desk.admit(request.headers)
            project = caller.project.id
            async with self._desk.budget.hold(project) as hold:
                body = await self._body(request, hold)
            reply = await self._desk.export(signal, body, encoding, caller, hold)
        except Refused as why:
            refused = why.bare()
        except ClientGone:
            raise
        except Exception:  # noqa: BLE001 - the edge: whatever it was, the client may retry
            refused = self._refusals.unexpected("http", signal or "none")
        else:
            self._count(signal, encoding, 200)
            return _Response(200, reply_body(signal, reply, encoding), _MEDIA_TYPES[encoding])
        self._refusals.note(refused, "http", signal or "none", project)
        self._count(signal or "none", encoding, refused.answer.http)
        return await _refusal(refused, encoding, request)

    async def _body(self, request: _Request, hold: Hold) -> bytes:
        if _encoding(request.headers) is None:
            raise Permanent("content_type", f"the content type is one of {', '.join(_ENCODINGS)}")
        most = self._settings.max_body_bytes
        told = request.headers.get("content-length", "")
        length = int(told) if told.isdecimal() else 0
        if length > most:
            raise too_large(most)
        compression = _compression(request.headers)
        deadline_s = self._settings.body_deadline_s
        return await read_body(request.incoming, hold, compression, most=most, length=length, deadline_s=deadline_s)

    def _check_host(self, host: str) -> None:
        if self._hosts is not None and _without_port(host) not in self._hosts:
            raise Permanent("host", "this server answers under local names only")

    def _probe(self, request: _Request) -> _Response:
        if request.path not in _PROBES:
            raise Permanent("not_found", "there are /v1/traces, /v1/logs, /v1/metrics, /healthz, /readyz and /metrics")
        _check_method(request, "GET", "HEAD")
        if request.path == "/healthz":
            return _Response(200, b'{"alive":true}')
        if request.path == "/metrics":
            return _Response(200, self._probes.metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        readiness = self._probes.readiness()
        return _Response(200 if readiness.ready else 503, orjson.dumps(readiness._asdict()))

    def _count(self, signal: str, encoding: Encoding, status: int) -> None:
        self._desk.metrics.requests.add(signal, "http", encoding, str(status))


def _check_method(request: _Request, *allowed: str) -> None:
    if request.method not in allowed:
        raise Permanent("method", f"the method is {' or '.join(allowed)}")


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Of a header sent twice the last counts, except where several codings would hide behind it."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1"), _text(value)
        headers[key] = f"{headers[key]},{text}" if key == "content-encoding" and key in headers else text
    return headers


def _text(value: bytes) -> str:
    """Session ids come in headers too, and people write them in UTF-8, whatever HTTP says."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _encoding(headers: Mapping[str, str]) -> Encoding | None:
    return _ENCODINGS.get(headers.get("content-type", "").partition(";")[0].strip().lower())


def _compression(headers: Mapping[str, str]) -> Compression | None:
    name = headers.get("content-encoding", "").strip().lower()
    if name not in _COMPRESSIONS:
        raise Permanent("content_encoding", "the content encoding is gzip, deflate, zstd or none")
    return _COMPRESSIONS[name]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


async def _refusal(refused: Refused, encoding: Encoding, request: _Request) -> _Response:
    headers: list[tuple[str, str]] = []
    if isinstance(refused, Unavailable):
        headers.append(("retry-after", str(retry_seconds(refused))))
    if refused.reason == "unauthenticated":
        headers.append(("www-authenticate", "Bearer"))
    if refused.reason == "method":
        headers.append(("allow", "GET, HEAD" if request.path in _PROBES else "POST"))
    # A client that waits to be told to go on need not send its body; of others, a short rest is read away.
    if "expect" in request.headers or not await request.incoming.discard():
        headers.append(("connection", "close"))
    return _Response(refused.answer.http, refusal_body(refused, encoding), _MEDIA_TYPES[encoding], tuple(headers))


async def _send(send: Send, response: _Response) -> None:
    headers = [
        ("content-type", response.media_type),
        ("content-length", str(len(response.body))),
        ("x-content-type-options", "nosniff"),
        *response.headers,
    ]
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})
