"""Why a request is refused, and the one table of what a client hears.

There are two kinds: sending it again will not help (Permanent), or it may (Unavailable). Clients decide by the code
alone whether they retry or drop the batch, so nothing transient may ever look permanent: no UNKNOWN, INTERNAL or 500.
"""

import random
from typing import Literal, NamedTuple, Self

from grpc import StatusCode

Reason = Literal[
    "malformed",
    "too_large",
    "unauthenticated",
    "forbidden",
    "not_found",
    "method",
    "content_type",
    "content_encoding",
    "host",
    "unavailable",
    "over_quota",
]


class Answer(NamedTuple):
    grpc: StatusCode
    http: int


ANSWERS: dict[Reason, Answer] = {
    "malformed": Answer(StatusCode.INVALID_ARGUMENT, 400),
    "too_large": Answer(StatusCode.RESOURCE_EXHAUSTED, 413),  # without RetryInfo, so nobody sends it again
    "unauthenticated": Answer(StatusCode.UNAUTHENTICATED, 401),
    "forbidden": Answer(StatusCode.PERMISSION_DENIED, 403),
    "not_found": Answer(StatusCode.UNIMPLEMENTED, 404),
    "method": Answer(StatusCode.UNIMPLEMENTED, 405),
    "content_type": Answer(StatusCode.INVALID_ARGUMENT, 415),
    "content_encoding": Answer(StatusCode.UNIMPLEMENTED, 415),
    "host": Answer(StatusCode.PERMISSION_DENIED, 421),
    # 503 rather than 429 and UNAVAILABLE rather than RESOURCE_EXHAUSTED: some clients drop the latter at once.
    "unavailable": Answer(StatusCode.UNAVAILABLE, 503),
    "over_quota": Answer(StatusCode.RESOURCE_EXHAUSTED, 429),  # with RetryInfo: that makes it retryable
}

LONGEST_WAIT_S = 4.0
"""A longer hint exceeds what SDKs have left of their ten seconds, and they drop the batch at once."""

MAX_MESSAGE = 1_024
"""Characters of a refusal: clients read little of an error, and some have crashed on long ones."""


class Refused(Exception):
    """The message is a sentence for the client; it never quotes a payload or a key."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message[:MAX_MESSAGE])
        self.reason: Reason = reason

    @property
    def message(self) -> str:
        return str(self)

    @property
    def answer(self) -> Answer:
        return ANSWERS[self.reason]

    def bare(self) -> Self:
        """Without the steps it came through: they hold a body, and the one that keeps this is among them."""
        self.__context__ = None
        return self.with_traceback(None)


class Permanent(Refused):
    """Sending it again will not help."""


class Unavailable(Refused):
    """Sending it again may help, after a while."""

    def __init__(self, message: str, retry_after_s: float | None = None, reason: Reason = "unavailable") -> None:
        super().__init__(reason, message)
        wanted = random.uniform(1, 2) if retry_after_s is None else retry_after_s  # noqa: S311 - spreads clients out
        self.retry_after_s = min(max(wanted, 0.1), LONGEST_WAIT_S)
