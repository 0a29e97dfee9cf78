"""Ids in addresses: percent-encoded once, in one segment."""

import re
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

_DOTS = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)")
"""Clients take `.` and `..` out of paths before they send them, encoded or not."""


class RawPath:
    """The framework decodes a path before it routes, and `a%2Fcalls` would be the calls of `a`. We route on the path as
    it was sent; each id is decoded once, by the convertor below."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("raw_path") is not None:
            scope = {**scope, "path": scope["raw_path"].decode("latin-1").partition("?")[0]}
        await self._app(scope, receive, send)


class _IdConvertor(Convertor[str]):
    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return quote(value, safe="")


def register_id_convertor() -> None:
    """`{session_id:id}` in a route."""
    register_url_convertor("id", _IdConvertor())


def session_url(session_id: str, project: str | None = None) -> str:
    return _url("/sessions", "/session", session_id, project)


def user_url(user_id: str, project: str | None = None) -> str:
    return _url("/users", "/user", user_id, project)


def _url(listing: str, single: str, subject: str, project: str | None) -> str:
    """The id as a parameter where a path would not survive it. `project` where it is not the one a key opens first."""
    encoded = quote(subject, safe="")
    parameters = [f"id={encoded}"] if _DOTS.search(subject) else []
    path = single if parameters else f"{listing}/{encoded}"
    if project is not None:
        parameters.append(f"project={quote(project, safe='')}")
    return path + ("?" + "&".join(parameters) if parameters else "")
