"""How the receiver on this host is doing, as it tells of itself. Where there are several, a dashboard knows more."""

import re
from http import HTTPStatus
from typing import NamedTuple

import aiohttp

_SECONDS = 1.0
_MOST_BYTES = 1 << 20
_NUMBER = re.compile(r"^genai_sessions_receiver_(\w+)(?:\{[^}]*\})? (\S+)$", re.ASCII | re.MULTILINE)


class Spool(NamedTuple):
    """What is safe on its disk, and not in the database yet."""

    waiting_bytes: float
    spooled_spans: float  # since it started


async def read_spool(otlp_http_port: int) -> Spool | None:
    """None where no receiver answers."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as client,
            client.get(f"http://127.0.0.1:{otlp_http_port}/metrics") as answer,
        ):
            text = (await answer.content.read(_MOST_BYTES)).decode("utf-8", "replace")
            if answer.status != HTTPStatus.OK:
                return None
    except (aiohttp.ClientError, OSError, TimeoutError):
        return None
    numbers = {name: float(value) for name, value in _NUMBER.findall(text)}
    if "spool_bytes" not in numbers:
        return None
    return Spool(numbers["spool_bytes"], numbers.get("spans_spooled", 0))
