"""How pages are routed: what a form sends empty was not said."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

Answers = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """Forms send their empty fields too: the address is told without them, so that it can be shared."""

    def get_route_handler(self) -> Answers:
        answers = super().get_route_handler()

        async def answer(request: Request) -> Response:
            sent = parse_qsl(request.url.query, keep_blank_values=True)
            said = [(name, value) for name, value in sent if value != ""]
            if len(said) < len(sent):
                address = request.url.path + (f"?{urlencode(said)}" if said else "")
                return RedirectResponse(address, HTTPStatus.SEE_OTHER)
            return await answers(request)

        return answer
