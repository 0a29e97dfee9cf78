"""JSON answers: an ETag so that what has not changed is not sent again, and a word on who may keep them."""

import hashlib
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

MEDIA_TYPE = "application/json"


def answer(request: Request, body: Any, *, content: bool, same_while: Any = None) -> Response:
    """`same_while`: the part of the body that decides whether it has changed; without it, all of it."""
    encoded = orjson.dumps(body)
    tag = etag(encoded if same_while is None else orjson.dumps(same_while))
    headers = {"etag": tag, "cache-control": "no-store" if content else "private, no-cache", "vary": "authorization"}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(None, 304, headers)
    return Response(encoded, 200, headers, media_type=MEDIA_TYPE)


def etag(encoded: bytes) -> str:
    """Weak: it may be sent compressed one way or the other."""
    return f'W/"{hashlib.sha256(encoded).hexdigest()[:32]}"'


def _has(if_none_match: str, tag: str) -> bool:
    """Compared weakly, as for GET: `W/` does not matter."""
    sent = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag.removeprefix("W/") in sent or "*" in sent
