"""What pages bring along: our styles and scripts, and two libraries. All of it small, so all of it in memory."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
_SHOWN = frozenset({".css", ".js", ".svg"})
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    media_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """By name, as in `vendor/htmx.min.js`: what is not listed here is not served."""
    return {path.relative_to(FOLDER).as_posix(): _read(path) for path in FOLDER.rglob("*") if path.suffix in _SHOWN}


def address(name: str) -> str:
    """With what it contains in its address, so that browsers may keep it for ever."""
    return f"/static/{name}?v={assets()[name].digest}"


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(body, media_type, hashlib.sha256(body).hexdigest()[:16])
