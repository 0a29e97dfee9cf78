"""The secret that signs cursors and cookies: made once, kept with the data, for replicas to share."""

import os
import secrets
from pathlib import Path

_BYTES = 32
_NAME = "api.secret"


def read_or_make(data_dir: Path) -> bytes:
    path = data_dir / _NAME
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) < _BYTES:
        raise ValueError(f"{path} is too short to be a secret; remove it and a new one will be made")
    return secret


def _make(path: Path) -> None:
    """Written aside and linked: whoever comes at the same time sees a whole one, and the first stays."""
    draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
