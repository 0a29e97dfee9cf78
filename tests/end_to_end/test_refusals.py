"""What cannot be started says why in one sentence, ends with an error, and leaves nothing half-made behind."""

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clickhouse.embedded import Engine
from tests.end_to_end.product import call, free_ports, is_ready, running_up


def refused(*arguments: object, **more: str) -> str:
    """The sentence."""
    ended = call(*arguments, timeout=60, **more)
    assert ended.returncode not in (0, -9), ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    assert lines[0].startswith("genai-sessions: ")
    return lines[0]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "data"


@pytest.mark.parametrize("place", [0, 1, 2], ids=["grpc", "http", "api"])
def test_a_busy_port_is_named(data_dir: Path, place: int) -> None:
    """Before anything is made."""
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports[place])):
        assert f"Port {ports[place]} " in refused("up", "--data-dir", data_dir, *ports.flags)
    assert not data_dir.exists()


@pytest.mark.parametrize("command", ["receiver", "api"])
def test_a_service_alone_names_its_busy_port_too(data_dir: Path, engine: Engine, command: str) -> None:
    """Whatever it is started with."""
    ports = free_ports()
    busy = ports.api if command == "api" else ports.http
    with socket.create_server(("127.0.0.1", busy)):
        more = ("--workers", "2") if command == "receiver" else ()
        arguments = (command, "--data-dir", data_dir, *ports.flags, *more)
        assert f"Port {busy} " in refused(*arguments, CLICKHOUSE_URL=engine.database().url)


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """It is left as it was."""
    (tmp_path / "data").write_text("mine")
    assert "data" in refused("up", "--data-dir", tmp_path / "data", *free_ports().flags)
    assert (tmp_path / "data").read_text() == "mine"


@pytest.mark.parametrize(
    "url",
    ["mysql://127.0.0.1/x", "http://127.0.0.1:1/x", "http://ada:secret@127.0.0.1:1/x", "http://[::1/x", "nonsense"],
)
def test_a_database_url_that_leads_nowhere_is_refused(data_dir: Path, url: str) -> None:
    """Without the password that stands in it."""
    said = refused("up", "--data-dir", data_dir, *free_ports().flags, CLICKHOUSE_URL=url)
    assert "secret" not in said
    assert not data_dir.exists()


@pytest.mark.parametrize("command", ["up", "migrate"])
def test_a_wrong_password_is_refused(data_dir: Path, engine: Engine, command: str) -> None:
    """It will not get better by waiting."""
    wrong = replace(engine.database(), password="guessed").url
    ports = free_ports().flags if command == "up" else ()
    said = refused(command, "--data-dir", data_dir, *ports, CLICKHOUSE_URL=wrong)
    assert "password" in said
    assert "guessed" not in said
    assert not data_dir.exists()


FLAGS: Sequence[Sequence[str]] = (
    ("--workers", "0"),
    ("--workers", "many"),
    ("--api-port", "0"),
    ("--otlp-http-port", "70000"),
    ("--projects", "/nowhere.toml"),
    ("--host", "0.0.0.0"),
)


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_a_setting_that_makes_no_sense_is_refused(data_dir: Path, flags: Sequence[str]) -> None:
    """Nothing is started."""
    ports = [] if flags[0].endswith("port") else free_ports().flags
    refused("up", "--data-dir", data_dir, *ports, *flags)
    assert not data_dir.exists()


def test_a_second_up_on_the_same_folder_is_refused(data_dir: Path) -> None:
    """The first goes on."""
    with running_up(data_dir) as first:
        known = (data_dir / "engine.json").read_text()
        said = refused("up", "--data-dir", data_dir, *free_ports().flags)
        assert "in use" in said
        assert (data_dir / "engine.json").read_text() == known
        assert is_ready(first.ports.api)


@pytest.mark.parametrize("command", ["receiver", "api", "rollup"])
def test_a_service_alone_needs_a_database(data_dir: Path, command: str) -> None:
    """It says how to give it one."""
    ports = free_ports().flags if command != "rollup" else ()
    assert "CLICKHOUSE_URL" in refused(command, "--data-dir", data_dir, *ports)
