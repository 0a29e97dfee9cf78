"""The query service, composed: routes, errors, and what every answer carries."""

import contextlib
import logging
from collections.abc import AsyncIterator
from http import HTTPStatus
from importlib import import_module

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from query_api.access import LoopbackOnly
from query_api.audit import Audit
from query_api.bounds import Bounds
from query_api.compression import Compression
from query_api.cursors import Signer
from query_api.db import Connection
from query_api.headers import SecurityHeaders
from query_api.links import RawPath, register_id_convertor
from query_api.live import Live
from query_api.metrics import Measured, Metrics
from query_api.problems import Fault, Problem, bad_input
from query_api.secret import read_or_make
from query_api.service import Service
from query_api.settings import ApiSettings
from query_api.ui.errors import answer_problem

log = logging.getLogger(__name__)

ROUTES = (
    "health", "sessions", "traces", "users", "aggregates", "projects", "export", "live", "feedback", "login", "static",
    "pages_sessions", "pages_users", "pages_costs", "pages_diagnostics", "pages_session", "pages_trace",
)  # fmt: skip


def create_app(settings: ApiSettings) -> FastAPI:
    register_id_convertor()
    secret = read_or_make(settings.data_dir)
    connection = Connection(settings)
    service = Service(
        settings, connection, secret, Signer(secret), Audit(settings.data_dir), Live(connection), Metrics()
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.live.stop()
        await service.connection.close()
        service.audit.close()

    app = FastAPI(
        title="genai-sessions",
        summary="Sessions of GenAI applications, recomputed from their OpenTelemetry spans.",
        lifespan=lifespan,
        openapi_url=None,  # served by a route of ours, to callers with a key
        version="1",  # of the API: additions keep it
        redirect_slashes=False,
    )
    app.state.service = service
    for name in ROUTES:  # imported only now: their paths need the convertor
        app.include_router(import_module(f"query_api.routes.{name}").router)
    _answer_errors(app)
    # The last is the outermost.
    app.add_middleware(Bounds)
    if settings.projects.open:
        app.add_middleware(LoopbackOnly)
    app.add_middleware(Compression)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Measured, metrics=service.metrics)
    app.add_middleware(RawPath)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    def problem(request: Request, error: Problem) -> Response:
        return answer_problem(request, error)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = tuple(Fault(_field(each["loc"]), each["msg"]) for each in error.errors())
        detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5])
        return answer_problem(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults))

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI says of a body that is no text
            return answer_problem(request, bad_input("body", str(error.detail)))
        response = answer_problem(request, Problem(HTTPStatus(error.status_code), str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "This is a fault of ours; the log says more.")
        return answer_problem(request, problem)


def _field(location: tuple[int | str, ...]) -> str:
    """`limit` of ("query", "limit"), `0.name` of ("body", 0, "name")."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])
