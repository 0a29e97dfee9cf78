"""Through the receiver's own door, as any exporter would: OTLP over HTTP, tried again where it is asked to wait."""

import gzip
import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, TracesData

from genai_sessions.settings import SettingsRefused

TIMEOUT_SECONDS = 30
LONGEST_WAIT_SECONDS = 10.0
TRIES = 8
_LATER = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
_KEY_WANTED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class NotTaken(SettingsRefused):
    """The sentence says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Door:
    host: str
    port: int
    key: str | None
    wait: Callable[[float], object] = time.sleep

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def send(self, traces: list[ResourceSpans]) -> None:
        body = gzip.compress(TracesData(resource_spans=traces).SerializeToString(), 1)
        for _ in range(TRIES):
            status, answer, retry_after_s = self._post(body)
            if status == HTTPStatus.OK:
                return self._refuse_partial(answer)
            if status not in _LATER:
                raise NotTaken(self._why_not(status))
            self.wait(min(retry_after_s, LONGEST_WAIT_SECONDS))
        raise NotTaken(f"The receiver at {self.address} is busy; try again later.")

    def _post(self, body: bytes) -> tuple[int, bytes, float]:
        headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
        if self.key is not None:
            headers["x-api-key"] = self.key
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/v1/traces", body, headers)
            response = connection.getresponse()
            return response.status, response.read(), _seconds(response.getheader("retry-after"))
        except (OSError, http.client.HTTPException) as why:
            raise NotTaken(
                f"No receiver answers at {self.address} ({why}). "
                "Start `genai-sessions up`, or name its port with --otlp-http-port."
            ) from why
        finally:
            connection.close()

    def _refuse_partial(self, answer: bytes) -> None:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
        if partial.rejected_spans > 0:
            raise NotTaken(f"The receiver refused {partial.rejected_spans} spans: {partial.error_message}")

    def _why_not(self, status: int) -> str:
        if status in _KEY_WANTED:
            return f"The receiver at {self.address} wants a key that may send: name one with --key."
        return f"{self.address} answered {status} {http.client.responses.get(status, '')}; is it a receiver?"


def _seconds(text: str | None) -> float:
    """Dates are for proxies that are away for long; we ask again soon."""
    return float(text) if text is not None and text.isdecimal() else 1.0
