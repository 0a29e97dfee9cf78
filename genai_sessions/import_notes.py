"""What an import has done: per hour of its source the number of spans, in the data folder, whole after any crash."""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from clickhouse.history import Hour
from clickhouse.private_files import write_private
from genai_sessions.settings import SettingsRefused

_FOLDER = "imports"


def forget_imports(data_dir: Path) -> None:
    """What is in the database is not what they say any more. To import again costs time, and changes nothing."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(data_dir / _FOLDER)


class ImportNotes:
    def __init__(self, path: Path, spans_of_hour: dict[int, int]) -> None:
        self._path, self._spans_of_hour = path, spans_of_hour

    @classmethod
    def of(cls, data_dir: Path, what: Sequence[str]) -> "ImportNotes":
        """`what` tells this import from others: from where, into which project of which database."""
        name = hashlib.sha256("\n".join(what).encode()).hexdigest()[:16]
        path = data_dir / _FOLDER / f"{name}.json"
        try:
            noted = json.loads(path.read_text()) if path.exists() else {"hours": {}}
            return cls(path, {int(hour): int(spans) for hour, spans in noted["hours"].items()})
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise SettingsRefused(
                f"The notes of this import in {path} cannot be read; remove them to begin anew."
            ) from error

    def due(self, hours: Iterable[Hour]) -> list[Hour]:
        """What is not done, or has changed since."""
        return [hour for hour in hours if self._spans_of_hour.get(hour.number) != hour.spans]

    def forget(self) -> None:
        self._spans_of_hour = {}

    def done(self, spans_of_hour: Mapping[int, int]) -> None:
        self._spans_of_hour.update(spans_of_hour)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, json.dumps({"hours": self._spans_of_hour}))
