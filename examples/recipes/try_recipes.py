"""Tries every recipe as its first lines say: what it installs into an environment of its own, against a stand-in for the
model and a real `genai-sessions up`; then asks whether its session adds up to what the model has answered.

    python examples/recipes/try_recipes.py [NAME …]      default: all; what was found is written to tried.json
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from model import INPUT_TOKENS, OUTPUT_TOKENS, Model

HERE = Path(__file__).parent
TRIED = HERE / "tried.json"
_ENDPOINT = "http://127.0.0.1:4318"
_WAIT_SECONDS = 20
_SHOWN = ["session_id", "user_id", "turns", "traces", "input_tokens", "output_tokens", "errors", "cost_usd", "models"]


class Recipe(NamedTuple):
    file: Path
    install: list[str]
    start: list[str]

    @property
    def name(self) -> str:
        return self.file.stem.removesuffix("_app")

    @property
    def text(self) -> str:
        return self.file.read_text()

    @property
    def session(self) -> str:
        found = re.search(r"[\w-]+-42|1{8}-[\d-]+", self.text.partition("\n\n")[2] or self.text)
        return found[0] if found else ""


def recipes() -> list[Recipe]:
    found = []
    for file in sorted(HERE.glob("*_app.*")):
        first, second = (re.sub(r"^(#|//) ", "", line) for line in file.read_text().splitlines()[:2])
        found.append(Recipe(file, shlex.split(first), shlex.split(second)))
    return found


def attempt(recipe: Recipe, base: Path) -> dict[str, Any]:
    folder = base / recipe.name
    folder.mkdir(exist_ok=True)
    installed = _install(recipe, folder)
    model = Model()
    with _sessions(folder) as (otlp, api):
        told = _environment(model.serve(), otlp, folder)
        assignments = dict(item.split("=", 1) for item in recipe.start if re.match(r"[A-Z_]+=", item))
        command = [item for item in recipe.start if not re.match(r"[A-Z_]+=", item)]
        told |= {name: value.replace(_ENDPOINT, otlp) for name, value in assignments.items()}
        shutil.copy(recipe.file, folder)
        program = shutil.which(command[0], path=told["PATH"]) or command[0]
        done = subprocess.run(
            [program, *command[1:]], cwd=folder, env=told, capture_output=True, text=True, timeout=180, check=False
        )
        (folder / "output.log").write_text(done.stdout + done.stderr)
        session = _session(api, recipe.session, model.calls)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "versions": installed,
        "exit_code": done.returncode,
        "calls": model.calls,
        "session": session,
        "right": done.returncode == 0 and _adds_up(session, model.calls),
    }


def _adds_up(session: dict[str, Any] | None, calls: int) -> bool:
    if session is None or calls == 0:
        return False
    found = (session["turns"], session["input_tokens"], session["output_tokens"])
    return found == (calls, calls * INPUT_TOKENS, calls * OUTPUT_TOKENS)


def _install(recipe: Recipe, folder: Path) -> dict[str, str]:
    """What came: the versions of what the recipe names."""
    program, _, *names = [item for item in recipe.install if not item.startswith("-")]
    return {"pip": _pip, "npm": _npm, "go": _go}[program](names, folder)


def _pip(names: list[str], folder: Path) -> dict[str, str]:
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *names], check=True)
    plain = [re.split(r"[\[<>=]", name)[0] for name in names]
    ask = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    told = subprocess.run([python, "-c", ask, *plain], capture_output=True, text=True, check=True)
    return dict(zip(plain, told.stdout.split(), strict=True))


def _npm(names: list[str], folder: Path) -> dict[str, str]:
    modules = folder / "node_modules"
    if not modules.exists():
        subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *names], cwd=folder, check=True
        )
    plain = [re.sub(r"(?<=.)@[^/]+$", "", name) for name in names]
    return {name: json.loads((modules / name / "package.json").read_text())["version"] for name in plain}


def _go(names: list[str], folder: Path) -> dict[str, str]:
    if not (folder / "go.mod").exists():
        subprocess.run(["go", "mod", "init", "shop"], cwd=folder, check=True)
        subprocess.run(["go", "get", *names], cwd=folder, check=True)
    told = subprocess.run(["go", "list", "-m", "all"], cwd=folder, capture_output=True, text=True, check=True)
    modules = dict(line.split() for line in told.stdout.splitlines()[1:])
    return {name: modules[name] for name in names}


def _environment(model: str, otlp: str, folder: Path) -> dict[str, str]:
    """What a user would have in the shell: the model's key, and where telemetry goes."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "LANG", "TMPDIR", "GOPATH", "GOCACHE", "GOPROXY")
    }
    return {
        **kept,
        "PATH": os.pathsep.join((str(folder / "venv" / "bin"), str(folder / "node_modules" / ".bin"), kept["PATH"])),
        "HOME": str(folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
        "OPENAI_API_KEY": "sk-any",
        "OPENAI_BASE_URL": f"{model}/v1",
        "OPENAI_API_BASE": f"{model}/v1",
        "ANTHROPIC_API_KEY": "sk-any",
        "ANTHROPIC_BASE_URL": model,
        "GEMINI_API_KEY": "any",
        "GOOGLE_GEMINI_BASE_URL": model,
        "CREWAI_DISABLE_TELEMETRY": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }


@contextmanager
def _sessions(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses for OTLP and of the API."""
    grpc, http, api = (_free_port() for _ in range(3))
    ports = ["--otlp-grpc-port", str(grpc), "--otlp-http-port", str(http), "--api-port", str(api)]
    shutil.rmtree(folder / "data", ignore_errors=True)
    command = [sys.executable, "-m", "genai_sessions", "up", "--data-dir", str(folder / "data"), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as up:
        try:
            assert up.stdout is not None
            if not up.stdout.readline():
                raise RuntimeError("genai-sessions did not start")
            yield f"http://127.0.0.1:{http}", f"http://127.0.0.1:{api}"
        finally:
            up.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _session(api: str, session_id: str, calls: int) -> dict[str, Any] | None:
    """As soon as it adds up; else as it is at last."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until, found = time.monotonic() + _WAIT_SECONDS, None
    while time.monotonic() < until:
        with opener.open(f"{api}/api/sessions?limit=200") as answer:
            items = json.load(answer)["items"]
        found = next((item for item in items if item["session_id"] == session_id), None)
        if _adds_up(found, calls):
            break
        time.sleep(0.5)
    return None if found is None else {name: found[name] for name in _SHOWN}


def main() -> int:
    base = Path(os.environ.get("RECIPES_DIR") or tempfile.mkdtemp(prefix="recipes-"))
    base.mkdir(exist_ok=True)
    worst = 0
    for recipe in recipes():
        if len(sys.argv) > 1 and recipe.name not in sys.argv[1:]:
            continue
        found = attempt(recipe, base)
        print(("ok " if found["right"] else "BAD"), recipe.name, found["calls"], found["session"], flush=True)
        if found["right"]:
            _note(recipe.name, {key: found[key] for key in ("date", "versions", "session")})
        worst = max(worst, int(not found["right"]))
    return worst


def _note(name: str, found: dict[str, Any]) -> None:
    tried = json.loads(TRIED.read_text()) if TRIED.exists() else {}
    TRIED.write_text(json.dumps({**tried, name: found}, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
