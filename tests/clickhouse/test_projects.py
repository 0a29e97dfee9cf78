"""Projects and keys: who a caller is, and every way a file can be wrong."""

import base64
from pathlib import Path
from typing import Any

import pytest

from clickhouse.projects import (
    BadProjects,
    Limits,
    digest,
    load,
    new_key,
    secret_in,
    without_file,
)

SHA = digest("right")
GOOD = """
[[projects]]
id = "shop"
retention_days = 90
content_days = 30
content = "truncated"
redact = ['\\d{16}', 'sk-\\w+']
prices = "prices.toml"
limits = { spans_per_second = 5000, bytes_per_second = 20_000_000 }

[[projects]]
id = "lab"
prices = { "my-model" = { input = 1.5 } }

[[keys]]
name = "shop-backend"
sha256 = "RIGHT"
projects = ["shop"]
scopes = ["ingest"]

[[keys]]
name = "dashboard"
sha256 = "BOARD"
projects = ["shop", "lab"]
scopes = ["admin"]
""".replace("RIGHT", SHA).replace("BOARD", digest("board"))


def write(folder: Path, text: str) -> Path:
    path = folder / "projects.toml"
    path.write_text(text)
    return path


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(BadProjects) as why:
        load(write(folder, text))
    return str(why.value)


def test_a_file_says_what_each_project_wants(tmp_path: Path) -> None:
    """Every field arrives, and every default."""
    projects = load(write(tmp_path, GOOD))
    shop, lab = projects.by_id["shop"], projects.by_id["lab"]
    assert (shop.retention_days, shop.content_days, shop.content) == (90, 30, "truncated")
    assert [bool(list(pattern.finditer("my sk-lark"))) for pattern in shop.redact] == [False, True]
    assert shop.prices == tmp_path / "prices.toml"
    assert shop.limits == Limits(5000, 20_000_000)
    assert (lab.retention_days, lab.content_days, lab.content, lab.redact, lab.limits) == (0, 0, "on", (), Limits())
    assert lab.prices == {"my-model": {"input": 1.5}}


def test_a_key_opens_its_projects_with_its_scopes(tmp_path: Path) -> None:
    """Admin contains content contains read; ingest stands apart."""
    projects = load(write(tmp_path, GOOD))
    backend, board = projects.key("right"), projects.key("board")
    assert backend is not None
    assert board is not None
    assert (backend.name, backend.projects, sorted(backend.scopes)) == ("shop-backend", ("shop",), ["ingest"])
    assert (board.projects, sorted(board.scopes)) == (("shop", "lab"), ["admin", "content", "read"])


@pytest.mark.parametrize(
    "secret", [None, "", "wrong", "right ", SHA, "x' OR sleep(8)--", "\0", "\udcff", "k" * 1_000_000]
)
def test_any_other_key_opens_nothing(tmp_path: Path, secret: str | None) -> None:
    """Line 57: whatever it is made of; the digest is no key either."""
    assert load(write(tmp_path, GOOD)).key(secret) is None


def test_without_a_file_everybody_is_welcome_to_one_project() -> None:
    """Keys are ignored; the bind is then loopback only, which settings see to."""
    projects = without_file()
    for secret in (None, "anything"):
        key = projects.key(secret)
        assert key is not None
        assert (key.projects, sorted(key.scopes)) == (("default",), ["admin", "content", "ingest", "read"])
    assert list(projects.by_id) == ["default"]
    assert projects.open


def test_a_new_key_is_found_by_its_digest(tmp_path: Path) -> None:
    """What `keys new` prints is what the file takes."""
    key, sha256 = new_key()
    assert key.startswith("gs_")
    assert len(key) > 40
    found = load(write(tmp_path, GOOD.replace(SHA, sha256))).key(key)
    assert found is not None
    assert found.name == "shop-backend"
    assert new_key() != new_key()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({"authorization": "Bearer k1"}, "k1"),
        ({"authorization": "bearer   k1  "}, "k1"),
        ({"authorization": basic("public:k1")}, "k1"),
        ({"authorization": basic(":k:1")}, "k:1"),
        ({"x-api-key": "k1"}, "k1"),
        ({"x-api-key": "k1", "authorization": "Digest abc"}, "k1"),
        ({"authorization": "Bearer k1", "x-api-key": "k2"}, "k1"),
        ({}, None),
        ({"authorization": ""}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Bearer "}, None),
        ({"authorization": basic("no colon")}, None),
        ({"authorization": basic("user:")}, None),
        ({"authorization": "Basic ???"}, None),
        ({"authorization": "Basic /w=="}, None),
        ({"x-api-key": "  "}, None),
    ],
)
def test_the_key_is_found_in_any_usual_header(headers: dict[str, str], secret: str | None) -> None:
    """Bearer, x-api-key, and Basic as Langfuse-style exporters send it: the password is the key."""
    assert secret_in(headers) == secret


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("", "[[projects"), "is not TOML"),
        (('id = "shop"', ""), "[[projects]] number 1: id is missing"),
        (('id = "shop"', 'id = "a b"'), "[[projects]] number 1: id is up to 64"),
        (('id = "shop"', "id = 5"), "[[projects]] number 1: id is up to 64"),
        (('id = "lab"', 'id = "shop"'), '[[projects]] number 2: the id "shop" is taken'),
        (("retention_days = 90", "retention_days = -1"), "retention_days is a whole number from 0 to 36500, not -1"),
        (("retention_days = 90", "retention_days = true"), "retention_days is a whole number"),
        (("retention_days = 90", 'retention_days = "90"'), "retention_days is a whole number"),
        (("content_days = 30", "content_days = 1.5"), "content_days is a whole number"),
        (("content_days = 30", "content_day = 30"), "number 1: unknown: content_day; known: content, content_days"),
        (('"truncated"', '"some"'), "content is on, off or truncated, not 'some'"),
        (("'\\d{16}'", "'('"), "redact has '(', which is not a regular expression as RE2 has them: missing )"),
        (("'\\d{16}'", "'(?<!x)y'"), "which is not a regular expression as RE2 has them: invalid perl operator: (?<!"),
        (("redact = [", "redact = [5, "), "redact is a list of texts"),
        (('prices = "prices.toml"', "prices = 5"), "prices is the name of a file or a table"),
        (("limits = {", "limits = { spans = 5,"), "number 1, limits: unknown: spans"),
        (("limits = { spans_per_second = 5000, bytes_per_second = 20_000_000 }", "limits = 5"), "limits is a table"),
        (('name = "shop-backend"', ""), "[[keys]] number 1: name is missing"),
        (('name = "dashboard"', 'name = "shop-backend"'), '[[keys]] number 2: the name "shop-backend" is taken'),
        ((SHA, "right"), "[[keys]] number 1: sha256 is 64 lower-case hex digits, never the key itself"),
        ((digest("board"), SHA), "[[keys]] number 2: another key has the same sha256"),
        (
            ('projects = ["shop"]', 'projects = ["shop", "lab"]'),
            "a key with the scope ingest names exactly one project",
        ),
        (('projects = ["shop"]', 'projects = ["shoe"]'), 'there is no project "shoe"'),
        (('projects = ["shop"]', ""), "projects is empty"),
        (
            ('scopes = ["ingest"]', 'scopes = ["write"]'),
            "'write' is no scope; there are ingest, read, content and admin",
        ),
        (('scopes = ["ingest"]', ""), "scopes is empty"),
        (("[[keys]]", "[[key]]"), "unknown: key; known: keys, projects"),
    ],
)
def test_whatever_is_wrong_is_said_with_its_place(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    """Nobody has to guess, and a key is never repeated."""
    text = GOOD + change[1] if change[0] == "" else GOOD.replace(*change, 1)
    said = refusal(tmp_path, text)
    assert str(tmp_path / "projects.toml") in said
    assert sentence in said


@pytest.mark.parametrize("text", ["", "projects = 5", 'projects = ["shop"]', "keys = []"])
def test_a_file_without_projects_is_refused(tmp_path: Path, text: str) -> None:
    """It would lock everybody out."""
    assert "[[projects]]" in refusal(tmp_path, text)


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    """Missing, or not text."""
    with pytest.raises(BadProjects, match=r"cannot read the projects file .*No such file"):
        load(tmp_path / "missing.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadProjects, match="is not TOML"):
        load(path)


def test_projects_cannot_be_changed_by_who_reads_them(tmp_path: Path) -> None:
    """Two services and many requests share them."""
    projects: Any = load(write(tmp_path, GOOD))
    with pytest.raises(TypeError):
        projects.by_id["shop"] = None
    with pytest.raises(AttributeError):
        projects.by_id["shop"].retention_days = 1
