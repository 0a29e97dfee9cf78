"""The page of recipes says what the recipes say and what was found when they were tried; links lead somewhere."""

import ast
import json
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.end_to_end.product import SOURCE

RECIPES = SOURCE / "examples" / "recipes"
TRIED: dict[str, Any] = json.loads((RECIPES / "tried.json").read_text())
FILES = {file.stem.removesuffix("_app"): file for file in RECIPES.glob("*_app.*")}
PAGES = ("docs/recipes.md", "docs/session-id.md")


def test_the_page_is_made_of_the_recipes_as_they_are() -> None:
    """After a change: try the recipe again, then `python examples/recipes/page.py`."""
    made = subprocess.run(
        [sys.executable, "-c", "import page; print(page.page(), end='')"],
        cwd=RECIPES,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (SOURCE / "docs" / "recipes.md").read_text()


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_recipe_was_tried_and_made_its_session(name: str) -> None:
    """The session that it names, with a turn for each question at least; the packages that it installs are named."""
    text, tried = FILES[name].read_text(), TRIED[name]
    assert tried["session"]["session_id"] in text
    assert tried["session"]["turns"] >= 2
    assert tried["session"]["errors"] == 0
    assert re.fullmatch(r"2\d{3}-\d\d-\d\d", tried["date"])
    install = text.splitlines()[0]
    assert all(package in install for package in tried["versions"])
    if FILES[name].suffix == ".py":
        ast.parse(text)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file, or to a heading of one."""
    file = SOURCE / page
    for target, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", file.read_text()):
        found = (file.parent / target).resolve()
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def test_the_headers_that_the_page_names_are_read() -> None:
    """`x-session-id` and `x-user-id`: see the receiver's own tests for what they do."""
    said = (SOURCE / "docs" / "session-id.md").read_text()
    source = "\n".join(file.read_text() for file in (SOURCE / "otel_receiver").glob("*.py"))
    for header in re.findall(r"(x-[\w-]+)=", said):
        assert f'"{header}"' in source
