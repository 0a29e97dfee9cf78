"""The README says what is there, and all of it: commands, flags, settings, routes, dialects, files, examples."""

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi.routing import APIRoute

from clickhouse.connect import Database
from clickhouse.projects import digest, parse
from genai_sessions.arguments import parser
from genai_sessions.settings import ENVIRONMENT
from otel_receiver.dialects import DIALECTS
from otel_receiver.mapping.table import merge
from query_api.app import create_app
from query_api.settings import ApiSettings
from tests.end_to_end.product import SOURCE, call, environment, eventually, running_up

README = (SOURCE / "README.md").read_text()
NOT_OURS = {"--detach", "--build"}  # of docker compose
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"{\w+(?::\w+)?}")


class Command(NamedTuple):
    words: tuple[str, ...]
    flags: frozenset[str]


def commands(of: argparse.ArgumentParser | None = None, words: tuple[str, ...] = ()) -> Iterator[Command]:
    """All that can be typed, nested ones with both words."""
    of = parser() if of is None else of
    nested = [action for action in of._actions if isinstance(action.choices, dict)]
    for action in nested:
        for name, inner in action.choices.items():  # type: ignore[union-attr]
            yield from commands(inner, (*words, name))
    if not nested:
        flags = (flag for action in of._actions for flag in action.option_strings if flag.startswith("--"))
        yield Command(words, frozenset(flags))


def blocks(language: str) -> list[str]:
    return [text for found, text in _FENCED.findall(README) if found == language]


def rows(heading: str) -> list[list[str]]:
    """Of the table in this section, without its head."""
    section = re.split(rf"^#+ {heading}$", README, flags=re.MULTILINE)[1]
    table = [line for line in re.split(r"^## ", section, flags=re.MULTILINE)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_command_is_in_the_table_and_no_other() -> None:
    """Nested ones too, such as `keys new`."""
    known = {" ".join(command.words) for command in commands()}
    named = [text.removeprefix("genai-sessions ") for row in rows("Commands") for text in coded(row[0])]
    assert sorted(named) == sorted(known)


def test_every_flag_is_named_and_every_named_flag_exists() -> None:
    """In the table of settings, with its command, or in a sentence."""
    known = {flag for command in commands() for flag in command.flags} | {"--version"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - NOT_OURS
    assert named == known


def test_every_command_of_the_table_has_the_flags_that_stand_beside_it() -> None:
    """A flag moved to another command is noticed."""
    flags = {" ".join(command.words): command.flags for command in commands()}
    for row in rows("Commands"):
        ours = [flags[text.removeprefix("genai-sessions ")] for text in coded(row[0])]
        beside = {text for text in coded(row[1]) if text.startswith("--")}
        assert beside <= frozenset().union(*ours), row


def test_every_command_line_can_be_typed() -> None:
    """The parser takes it as it stands, comment and all."""
    typed = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("genai-sessions")]
    sentences = re.findall(r"`(genai-sessions [a-z][^`]*)`", README)
    assert len(typed) + len(sentences) > 20
    for line in [*typed, *(each for each in sentences if " restore" not in each[-8:])]:
        words = [word for word in shlex.split(line.replace("\n", " "), comments=True) if word != "…"][1:]
        if not words or words[0] in {"completion", "dead-letter", "import", "backup", "restore", "keys"}:
            assert words[0] in {command.words[0] for command in commands()}, line
            if len(words) <= 2:
                continue
        parser().parse_args(words)


def test_every_setting_is_in_the_table() -> None:
    """With its flag, where it has one."""
    flags = {flag for command in commands() for flag in command.flags}
    named = {variable: coded(flag) for flag, variable, _ in ((a, *coded(b), c) for a, b, c in rows("Settings"))}
    expected = {
        variable: [flag] if (flag := f"--{name.replace('_', '-')}") in flags else []
        for name, variable in ENVIRONMENT.items()
    }
    assert named == expected


def test_every_variable_is_one_of_ours_or_of_opentelemetry() -> None:
    """Also outside the table."""
    named = set(re.findall(r"\b(?:GENAI_SESSIONS|CLICKHOUSE)_[A-Z_]+", README))
    assert named == set(ENVIRONMENT.values())


def test_every_route_is_in_the_table_and_no_other(tmp_path: Path) -> None:
    """Those of the API and of probes; pages are for people."""
    app = create_app(ApiSettings(Database("127.0.0.1", 1), tmp_path))
    routes = {
        f"{method} {_PLACE.sub('{}', route.path)}"
        for route in _routes(app.router)
        for method in route.methods or ()
        if route.path.startswith("/api/") or route.path in ("/healthz", "/readyz", "/metrics")
    }
    named = [text for row in rows("API") for text in coded(row[0])]
    assert sorted(_PLACE.sub("{}", text) for text in named) == sorted(routes)


def _routes(router: Any) -> Iterator[APIRoute]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield route
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _routes(inner)


def test_every_dialect_is_in_the_table() -> None:
    """With keys that do say the session."""
    assert [coded(row[0])[0] for row in rows("Dialects")] == [dialect.name for dialect in DIALECTS]
    meanings = merge(DIALECTS).meanings
    for _, _, session, _ in rows("Dialects"):
        keys = [text for text in coded(session) if "." in text or ":" in text]
        assert keys
        assert all(meanings[key][0] in ("session", "conversation") for key in keys), session


def test_every_dialect_says_whether_it_was_recorded() -> None:
    """`not yet` stands where no recording is."""
    unrecorded = {coded(row[0])[0] for row in rows("Dialects") if row[3] == "not yet"}
    assert unrecorded == {dialect.name for dialect in DIALECTS if not dialect.recordings}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_every_file_that_is_named_exists(page: str) -> None:
    """Links, pictures, folders, and modules that are to be run."""
    text = re.sub(r"^<sub>.*?</sub>$", "", (SOURCE / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    folders = re.findall(r"`?((?:examples|deploy|tests|otel_receiver|bench|docs|\.ci)/[\w./-]*[\w/])`?", text)
    modules = [f"{module.replace('.', '/')}.py" for module in re.findall(r"python -m ([\w.]+)", text) if "." in module]
    invented = {"otel_receiver/dialects/parley.py"}
    assert [name for name in {*linked, *folders, *modules} - invented if not (SOURCE / name).exists()] == []


def test_every_link_inside_finds_its_heading() -> None:
    headings = {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings


def test_the_projects_file_is_one() -> None:
    """With a digest in place of the dots."""
    (text,) = blocks("toml")
    projects = parse(tomllib.loads(text.replace('"…"', f'"{digest("x")}"')), SOURCE / "projects.toml")
    assert (projects.by_id["shop"].retention_days, projects.by_id["shop"].content) == (90, "on")


def test_what_it_needs_is_what_the_package_says() -> None:
    """The version of Python."""
    package = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    assert package["requires-python"] == ">=3.11"
    assert "Python 3.11 or newer" in README


@pytest.mark.slow
def test_the_examples_do_what_they_say(tmp_path: Path) -> None:
    """The demo, then every request of curl and the program in Python, as they stand but for the port."""
    with running_up(tmp_path / "data") as product:
        told = call("demo", "--conversations", "20", "--otlp-http-port", product.ports.http)
        assert told.returncode == 0, told.stderr
        eventually(lambda: len(product.sessions()) >= 20)
        address = str(product.api.base_url).rstrip("/")
        for url in re.findall(r"^curl '([^']+)'", "\n".join(blocks("sh")), re.MULTILINE):
            assert httpx.get(url.replace("http://127.0.0.1:8080", address), trust_env=False).status_code == 200, url
        program = next(block for block in blocks("python") if "Client" in block)
        ran = subprocess.run(
            [sys.executable, "-c", program.replace("http://127.0.0.1:8080", address)],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.count("\n") > 2
