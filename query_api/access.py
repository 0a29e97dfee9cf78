"""Who asks, for which project, and what they may: every route under /api names the scope it needs."""

import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from clickhouse.projects import Key, Projects, digest, is_loopback, secret_in
from clickhouse.projects import Scope as KeyScope
from query_api.db import Reader
from query_api.problems import Problem, answer_of, unknown
from query_api.service import Service, service_of

COOKIE = "genai_sessions"
COOKIE_SECONDS = 30 * 86_400
CSRF_HEADER = "x-csrf-token"
_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
_SEARCHES = frozenset({"q", "text"})


@dataclass(frozen=True, slots=True)
class Caller:
    name: str  # of the key: what the audit log says
    project: str
    scopes: frozenset[KeyScope]
    named: str | None  # the project, where it is not the one that the key opens first
    projects: tuple[str, ...]  # all that the key opens


Requirement = Callable[[Request], Awaitable[Caller]]


def requires(scope: KeyScope) -> Requirement:
    """A dependency of a route. Tests find it there, and no route goes without."""

    async def caller(request: Request) -> Caller:
        key = _key_of(request)
        if scope not in key.scopes:
            raise Problem(HTTPStatus.FORBIDDEN, f'This needs a key with the scope "{scope}"; yours has not.')
        project = _project_of(request, key)
        return Caller(key.name, project, key.scopes, project if project != key.projects[0] else None, key.projects)

    caller.scope = scope  # type: ignore[attr-defined]
    return caller


def _key_of(request: Request) -> Key:
    service = service_of(request)
    key = service.settings.projects.key(secret_in(request.headers))
    if key is None:
        key = _key_of_cookie(request, service)
    if key is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "Send a key as `Authorization: Bearer <key>` or as `x-api-key`.")
    return key


def _project_of(request: Request, key: Key) -> str:
    chosen = request.query_params.get("project")
    if chosen is None:
        return key.projects[0]
    if chosen not in key.projects:
        raise unknown("such project")
    return chosen


def _key_of_cookie(request: Request, service: Service) -> Key | None:
    """A cookie names a key by its digest, so that it ends with the key. What changes something needs the token too:
    other sites can make a browser send the cookie, but cannot read the page that holds the token."""
    cookie = request.cookies.get(COOKIE)
    opened = open_cookie(cookie, service.secret, service.settings.projects) if cookie is not None else None
    if cookie is None or opened is None or request.method in _CHANGES_NOTHING:
        return opened
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token(cookie, service.secret).encode()):
        raise Problem(HTTPStatus.FORBIDDEN, f"Send the page's token as `{CSRF_HEADER}`.")
    return opened


def make_cookie(key_secret: str, secret: bytes) -> str:
    body = f"{digest(key_secret)}.{int(time.time()) + COOKIE_SECONDS}"
    return f"{body}.{_signature(secret, 'cookie', body)}"


def open_cookie(cookie: str, secret: bytes, projects: Projects) -> Key | None:
    body, _, signature = cookie.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, "cookie", body).encode()):
        return None
    key_digest, _, ends = body.partition(".")
    return projects.by_digest.get(key_digest) if int(ends) > time.time() else None


def csrf_token(cookie: str, secret: bytes) -> str:
    return _signature(secret, "csrf", cookie)


def _signature(secret: bytes, purpose: str, body: str) -> str:
    return hmac.digest(secret, f"{purpose}\0{body}".encode(), "sha256").hex()


class LoopbackOnly:
    """Without a projects file nobody is asked for a key. So only this machine may ask, and under its own name: a page
    from elsewhere whose name was bent to 127.0.0.1 shows itself by its Host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_local(scope):
            refusal = Problem(HTTPStatus.FORBIDDEN, "Without a projects file only this machine may ask, as localhost.")
            await answer_of(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    peer = scope.get("client")
    return (
        peer is not None
        and is_loopback(peer[0])
        and len(hosts) == 1
        and is_loopback(_without_port(hosts[0].strip().lower()))
    )


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _reads_numbers(request: Request, caller: Annotated[Caller, Depends(requires("read"))]) -> Reader:
    return _reader(request, caller, told=not _SEARCHES.isdisjoint(request.query_params))


def _reads(request: Request, caller: Annotated[Caller, Depends(requires("read"))]) -> Reader:
    return _reader(request, caller, told=True)


def _reads_content(request: Request, caller: Annotated[Caller, Depends(requires("content"))]) -> Reader:
    return _reader(request, caller, told=True)


def _reader(request: Request, caller: Caller, *, told: bool) -> Reader:
    """Written down where the answer tells of content, and the key lets it."""
    may = "content" in caller.scopes
    if may and told:
        record(request, caller, "read")
    return Reader(service_of(request).connection, caller.project, content=may, named=caller.named)


def record(request: Request, caller: Caller, action: str) -> None:
    subject = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    service_of(request).audit.record(action, key=caller.name, project=caller.project, subject=subject)


ReadsNumbers = Annotated[Reader, Depends(_reads_numbers)]
"""Numbers and names only: the same for all who may read. Who may read content may choose by it; then that is written
down."""
Reads = Annotated[Reader, Depends(_reads)]
"""What was said too, for those who may; then it is written down."""
ReadsContent = Annotated[Reader, Depends(_reads_content)]


def _administers(request: Request, caller: Annotated[Caller, Depends(requires("admin"))]) -> Reader:
    return Reader(service_of(request).connection, caller.project, content=True, named=caller.named)


Administers = Annotated[Reader, Depends(_administers)]
"""What a change has to look up first."""
Reading = Annotated[Caller, Depends(requires("read"))]
Administering = Annotated[Caller, Depends(requires("admin"))]
