"""What can be wrong with a request, as problem+json (RFC 9457): a sentence that says what to do, and where."""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

RETRY_AFTER_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in which parameter, from which character on."""

    field: str
    message: str
    position: int | None = None


class Problem(Exception):
    def __init__(self, status: HTTPStatus, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults


def unknown(what: str) -> Problem:
    """Also where it exists, but in a project that the key does not open: the difference is nobody's business."""
    return Problem(HTTPStatus.NOT_FOUND, f"There is no {what} here.")


def bad_input(field: str, message: str, position: int | None = None) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {message}", (Fault(field, message, position),))


def away(detail: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)


def too_large(detail: str) -> Problem:
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def answer_of(problem: Problem) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "errors": [asdict(fault) for fault in problem.faults],
    }
    headers = {"cache-control": "no-store"}
    if problem.status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    if problem.status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="genai-sessions"'
    return Response(orjson.dumps(body), problem.status.value, headers, media_type="application/problem+json")
