"""What all requests share."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from query_api.audit import Audit
from query_api.cursors import Signer
from query_api.db import Connection
from query_api.live import Live
from query_api.metrics import Metrics
from query_api.settings import ApiSettings


@dataclass(frozen=True, slots=True)
class Service:
    settings: ApiSettings
    connection: Connection
    secret: bytes
    signer: Signer
    audit: Audit
    live: Live
    metrics: Metrics


def service_of(request: HTTPConnection) -> Service:
    return cast("Service", request.app.state.service)
