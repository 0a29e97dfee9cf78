"""What the service counts of itself, as Prometheus text."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_BUCKETS = (*(f"{bound:g}" for bound in _SECONDS), "+Inf")
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
_ELSEWHERE = "elsewhere"
"""The route of what is no route, and likewise a method: they are the callers' words, and would be labels for ever."""


class Metrics:
    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests[method, route, status] += 1
        buckets = self._buckets.setdefault(route, [0] * len(_BUCKETS))
        buckets[bisect_left(_SECONDS, seconds)] += 1
        self._seconds[route] += seconds  # type: ignore[assignment]

    def lines(self, listeners: int) -> Iterator[str]:
        yield "# HELP api_requests_total Requests answered."
        yield "# TYPE api_requests_total counter"
        for (method, route, status), number in sorted(self._requests.items()):
            yield f'api_requests_total{{method="{method}",route="{route}",status="{status}"}} {number}'
        yield "# HELP api_request_seconds How long answers took, to their last byte."
        yield "# TYPE api_request_seconds histogram"
        for route, buckets in sorted(self._buckets.items()):
            for number, bound in enumerate(_BUCKETS, start=1):
                yield f'api_request_seconds_bucket{{route="{route}",le="{bound}"}} {sum(buckets[:number])}'
            yield f'api_request_seconds_sum{{route="{route}"}} {self._seconds[route]:.6f}'
            yield f'api_request_seconds_count{{route="{route}"}} {sum(buckets)}'
        yield "# HELP api_live_listeners Who listens to the live feeds."
        yield "# TYPE api_live_listeners gauge"
        yield f"api_live_listeners {listeners}"


class Measured:
    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        since = time.perf_counter()
        status = 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            route = getattr(scope.get("route"), "path_format", _ELSEWHERE)
            method = scope["method"] if scope["method"] in _METHODS else _ELSEWHERE
            self._metrics.count(method, route, status, time.perf_counter() - since)
