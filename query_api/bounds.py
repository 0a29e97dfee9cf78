"""What may come in: short addresses; and as a change, what is small, of a stated length, and not from other sites.

A browser says where a request comes from, and sends cookies unasked.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from query_api.problems import Problem, answer_of, too_large

_CHANGES_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})


MAX_BODY_BYTES = 64 << 10
"""Feedback with a long comment; there is nothing larger to be sent here."""


MAX_QUERY_BYTES = 60_000
"""Servers take 64 KB of address and headers; and the database 128 KB of one parameter, where some letters are two."""


class Bounds:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None
        if scope["type"] == "http":
            refusal = _refusal(scope)
        await (self._app if refusal is None else answer_of(refusal))(scope, receive, send)


def _refusal(scope: Scope) -> Problem | None:
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        return Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "The query is too long.")
    return None if scope["method"] in _CHANGES_NOTHING else _refusal_of_change(Headers(scope=scope))


def _refusal_of_change(headers: Headers) -> Problem | None:
    if _is_foreign(headers):
        return Problem(HTTPStatus.FORBIDDEN, "Other sites may not change anything here.")
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return Problem(HTTPStatus.LENGTH_REQUIRED, "Say how long the body is.")
    if int(length) > MAX_BODY_BYTES:
        return too_large(f"A body has at most {MAX_BODY_BYTES} bytes here.")
    return None


def _is_foreign(headers: Headers) -> bool:
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    return origin is not None and _host_of(origin) != headers.get("host", "").lower()


def _host_of(origin: str) -> str | None:
    """None of what is no address, such as one with a bracket left open: that is no origin of ours."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
