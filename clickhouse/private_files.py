"""Files that are nobody else's: some have secrets in them."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Readable by us alone from its first byte, and whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)
