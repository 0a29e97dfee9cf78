"""The real Collector, made by its own builder from Go modules, once per set of versions; and telemetrygen beside it."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

BUILDER = Path(__file__).with_name("builder.yaml")
_CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
_SMALL = "-ldflags=-s -w"
_BUILD_SECONDS = 900


class Programs(NamedTuple):
    collector: Path
    telemetrygen: Path


def programs() -> Programs:
    """Out of the cache, or built into it. Skips the test where that takes what is not here."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go toolchain to build the Collector with")
    folder = _cache() / hashlib.sha256(BUILDER.read_bytes()).hexdigest()[:16]
    made = Programs(folder / "otelcol", folder / "telemetrygen")
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            _build(go, folder)
    return made


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Several test workers want the same one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "genai-sessions-tests"


def _version() -> str:
    """Builder and telemetrygen are released together with the components."""
    found = re.search(r"otlpreceiver (v\S+)", BUILDER.read_text())
    assert found is not None
    return found[1]


def _build(go: str, folder: Path) -> None:
    """In a folder of its own, which becomes the cached one when everything is there."""
    work = folder.with_suffix(".unfinished")
    shutil.rmtree(work, ignore_errors=True)
    source = work / "source"
    source.mkdir(parents=True)
    version = _version()
    _run([go, "install", _SMALL, f"go.opentelemetry.io/collector/cmd/builder@{version}"], work)
    _run([str(work / "builder"), f"--config={BUILDER}", "--skip-compilation", f"--output-path={source}"], work)
    _run([go, "build", _SMALL, "-trimpath", "-o", str(work / "otelcol"), "."], work, source)
    _run([go, "install", _SMALL, f"{_CONTRIB}/cmd/telemetrygen@{version}"], work)
    shutil.rmtree(source)
    work.rename(folder)


def _run(command: list[str], work: Path, folder: Path | None = None) -> None:
    """Without a network, or with a registry that lacks the modules, there is nothing to test."""
    told = {**os.environ, "GOBIN": str(work), "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        command, cwd=folder or work, env=told, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"the Collector could not be built: {done.stderr.strip()[-400:]}")
