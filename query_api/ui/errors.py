"""What went wrong, for people: a page where a browser asked for one, the way in where a key is missing."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from query_api.problems import RETRY_AFTER_SECONDS, Fault, Problem, answer_of
from query_api.ui.pages import render, view_of

LOGIN = "/login"


def answer_problem(request: Request, problem: Problem) -> Response:
    """As a page, or as problem+json."""
    if not wants_page(request):
        return answer_of(problem)
    if problem.status is HTTPStatus.UNAUTHORIZED:
        return _ask_for_key(request, problem)
    response = render(view_of(request, None), "error.html", {"problem": problem}, problem.status.value)
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return response


def faults_of(problem: Problem) -> list[dict[str, Any]]:
    """For a page that shows what was asked, and where that went wrong; anything else is a page of its own."""
    if problem.status is not HTTPStatus.UNPROCESSABLE_ENTITY:
        raise problem
    return [asdict(fault) for fault in problem.faults or (Fault("", problem.detail),)]


def wants_page(request: Request) -> bool:
    """Browsers ask for HTML by name; programs ask for anything."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def _ask_for_key(request: Request, problem: Problem) -> Response:
    if request.url.path == LOGIN:
        return render(view_of(request, None), "login.html", {"next": "/", "refused": problem.detail}, 401)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = f"?next={quote(asked, safe='')}" if request.method == "GET" and asked != "/" else ""
    return RedirectResponse(LOGIN + wanted, HTTPStatus.SEE_OTHER)
