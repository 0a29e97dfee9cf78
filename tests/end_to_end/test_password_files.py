"""Passwords of the database out of files, as containers mount their secrets."""

from argparse import Namespace
from pathlib import Path

import pytest

from clickhouse.connect import Database
from genai_sessions.database import reading_database, required_database
from genai_sessions.settings import Settings, SettingsRefused, read_settings
from tests.end_to_end.product import call

SECRET = "s3cret: with / and @"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """As an editor leaves it: with a line end."""
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    return file


def told(**environment: object) -> Settings:
    return read_settings(Namespace(), {name: str(value) for name, value in environment.items()})


def test_a_password_comes_from_a_file_and_the_file_wins(secret: Path) -> None:
    """Each user has a file of its own; without one, the URL's password counts."""
    url = "http://owner:old@db:8123/x"
    settings = told(CLICKHOUSE_URL=url, CLICKHOUSE_PASSWORD_FILE=secret, CLICKHOUSE_READ_URL="http://reader:r@db/x")
    assert required_database(settings) == Database("db", 8123, "owner", SECRET, "x")
    assert reading_database(settings) == Database("db", 8123, "reader", "r", "x")
    reading = told(CLICKHOUSE_URL=url, CLICKHOUSE_READ_URL="http://reader@db/x", CLICKHOUSE_READ_PASSWORD_FILE=secret)
    assert (required_database(reading).password, reading.clickhouse_password_file) == ("old", None)
    assert reading_database(reading) == Database("db", 8123, "reader", SECRET, "x")


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"], ids=["missing", "empty", "blank", "no text"])
def test_a_password_file_that_says_nothing_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """With its name, and none of what it holds."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsRefused, match=str(file)):
        required_database(told(CLICKHOUSE_URL="http://owner@db/x", CLICKHOUSE_PASSWORD_FILE=file))


def test_the_database_lets_in_who_knows_the_password_by_file(database: Database, tmp_path: Path) -> None:
    """The real one; and with another file it does not, which is said in a sentence without the password."""
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text(database.password)
    wrong.write_text(SECRET)
    url = f"http://{database.user}@{database.host}:{database.port}/{database.name}"

    def migrated(file: Path) -> tuple[int, str]:
        ended = call("migrate", "--data-dir", tmp_path, CLICKHOUSE_URL=url, CLICKHOUSE_PASSWORD_FILE=str(file))
        return ended.returncode, ended.stdout + ended.stderr

    assert migrated(right) == (0, "the schema is up to date\n")
    code, said = migrated(wrong)
    assert (code, len(said.splitlines()), SECRET in said) == (1, 1, False)
    assert "refuses the user or the password" in said
