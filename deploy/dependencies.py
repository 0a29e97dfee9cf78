"""What the image installs: the dependencies in pyproject.toml without the embedded engine."""  # noqa: INP001 - a script

import sys
import tomllib
from pathlib import Path

ENGINE = "chdb"


def without_engine(pyproject: Path) -> list[str]:
    needed: list[str] = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    return [requirement for requirement in needed if not requirement.startswith(ENGINE)]


if __name__ == "__main__":
    sys.stdout.write("\n".join(without_engine(Path(sys.argv[1]))))
