"""Where a list goes on: signed, so that nobody makes one up, and bound to the list it came from."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import orjson

_TAG_BYTES = 16
MAX_CURSOR_CHARACTERS = 16_384
"""An id has up to 1,024 characters; four bytes each, and base64 around it."""


@dataclass(frozen=True, slots=True)
class After:
    """The last row of a page: the next begins behind it. Order is (value is null, value, id)."""

    value: str | None  # decimal text: exact, whatever it counts
    id: str


@dataclass(frozen=True, slots=True)
class Cursor:
    list_key: str  # which list: route, project, filter and sort
    after: After
    total: int | None  # of the first page, as was counted then
    now_ns: int  # what relative times mean in this list


class BadCursor(ValueError):
    pass


def list_key(parts: Iterable[object]) -> str:
    return hashlib.sha256(orjson.dumps([str(part) for part in parts])).hexdigest()[:32]


class Signer:
    """With a secret that is kept with the data, so that replicas read each other's."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, cursor: Cursor) -> str:
        body = orjson.dumps(asdict(cursor))
        return base64.urlsafe_b64encode(self._tag(body) + body).decode().rstrip("=")

    def read(self, text: str) -> Cursor:
        """Only what was written with this secret comes back; so its shape needs no second look."""
        if len(text) > MAX_CURSOR_CHARACTERS:
            raise BadCursor
        try:
            signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise BadCursor from None
        tag, body = signed[:_TAG_BYTES], signed[_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(body)):
            raise BadCursor
        fields = orjson.loads(body)
        return Cursor(**fields | {"after": After(**fields["after"])})

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, b"cursor\0" + body, "sha256")[:_TAG_BYTES]
