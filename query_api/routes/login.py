"""The pages' way in: a key once, then a cookie that names it and ends with it."""

from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from query_api.access import COOKIE, COOKIE_SECONDS, make_cookie
from query_api.problems import Problem
from query_api.service import service_of
from query_api.ui.pages import render, view_of

router = APIRouter(include_in_schema=False)

_HOME = "/"


@router.get("/login")
async def ask_for_key(request: Request) -> Response:
    wanted = _local(request.query_params.get("next", _HOME))
    return render(view_of(request, None), "login.html", {"next": wanted, "refused": None})


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Takes a form with `key` and, where the reader wanted to go, `next`."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
    secret = form.get("key", [""])[0].strip()
    service = service_of(request)
    key = service.settings.projects.key(secret)
    if key is None or "read" not in key.scopes:
        raise Problem(HTTPStatus.UNAUTHORIZED, "No key that may read looks like this.")
    response = RedirectResponse(_local(form.get("next", [_HOME])[0]), HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        make_cookie(secret, service.secret),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def log_out() -> Response:
    response = RedirectResponse(_HOME, HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _local(path: str) -> str:
    """Nobody is sent elsewhere: `//host` and `/\\host` are other hosts to browsers."""
    return path if path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() else _HOME
