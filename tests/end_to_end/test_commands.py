"""The commands for those who look after it: keys, dead letters, and what the doctor says."""

import json
import re
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from clickhouse.connect import Database
from clickhouse.embedded import Engine
from clickhouse.projects import digest, parse
from otel_receiver.batch import Batch, Columns
from otel_receiver.dead_letters import DeadLetters
from tests.clickhouse.engines import ask
from tests.clickhouse.stored import default
from tests.end_to_end.product import call, free_ports, running_up
from tests.histories import NOW_NS, SECOND_NS

_COLUMNS = ("project_id", "trace_id", "span_id", "name", "started_at", "ended_at", "received_at", "session_id", "tags")


def test_a_new_key_comes_with_the_lines_for_the_projects_file(tmp_path: Path) -> None:
    """The key itself is in the first line, and only there."""
    made = call("keys", "new", "--name", "shop-backend", "--project", "shop", "--scope", "ingest", "--scope", "read")
    key, _, rest = made.stdout.partition("\n")
    assert key not in rest
    document = tomllib.loads(f'[[projects]]\nid = "shop"\n{rest}')
    found = parse(document, tmp_path).by_digest[digest(key)]
    assert (found.name, found.projects, sorted(found.scopes)) == ("shop-backend", ("shop",), ["ingest", "read"])


@pytest.mark.parametrize(
    "flags", [("--scope", "root"), ("--name", 'a"b'), ("--project", "a", "--project", "b")], ids=" ".join
)
def test_a_key_that_the_file_would_refuse_is_not_made(flags: tuple[str, ...]) -> None:
    """Nobody copies a key that opens nothing."""
    made = call("keys", "new", *flags)
    assert (made.returncode, made.stdout) == (1, "")


def letters_of(data_dir: Path, *names: str) -> None:
    letters = DeadLetters(data_dir / "dead-letters")
    for number, name in enumerate(names, start=1):
        values: dict[str, Any] = {
            "project_id": "p",
            "trace_id": f"{number:032x}",
            "span_id": f"{number:016x}",
            "name": name,
        }
        values |= {"session_id": "buried", "started_at": NOW_NS, "ended_at": NOW_NS + SECOND_NS, "received_at": 1}
        columns: Columns = {column: [values.get(column, default(column))] for column in _COLUMNS}
        letters.bury(Batch(columns, {}, 100), f"too {name}")


def test_dead_letters_are_listed_shown_and_stored_after_all(database: Database, tmp_path: Path) -> None:
    """As somebody would who has just upgraded, or made room."""
    letters_of(tmp_path, "hot", "cold")
    listed = call("dead-letter", "list", "--data-dir", tmp_path).stdout.splitlines()
    assert [line.split("  ")[2:] for line in listed[:-1]] == [["1 spans", "too hot"], ["1 spans", "too cold"]]
    shown = json.loads(call("dead-letter", "show", listed[0].split("  ")[0], "--data-dir", tmp_path).stdout)
    assert (shown["reason"], shown["spans"][0]["name"]) == ("too hot", "hot")
    replayed = call("dead-letter", "replay", "--data-dir", tmp_path, CLICKHOUSE_URL=database.url)
    assert (replayed.returncode, replayed.stdout) == (0, "2 spans stored, 0 still refused\n")
    assert ask(database, "SELECT name FROM spans ORDER BY name") == [("cold",), ("hot",)]
    assert ask(database, "SELECT count() FROM trace_queue") == [(2,)]
    assert call("dead-letter", "list", "--data-dir", tmp_path).stdout == "0 letters, 0 spans\n"


def test_a_letter_that_nobody_wrote_is_not_shown(tmp_path: Path) -> None:
    """One sentence."""
    shown = call("dead-letter", "show", "17", "--data-dir", tmp_path)
    assert (shown.returncode, shown.stdout, len(shown.stderr.splitlines())) == (1, "", 1)


def test_letters_stay_while_no_database_answers(tmp_path: Path) -> None:
    """They can be tried again later."""
    letters_of(tmp_path, "hot")
    replayed = call("dead-letter", "replay", "--data-dir", tmp_path, CLICKHOUSE_URL="http://127.0.0.1:1/x")
    assert (replayed.returncode, replayed.stdout, len(replayed.stderr.splitlines())) == (1, "", 1)
    assert call("dead-letter", "list", "--data-dir", tmp_path).stdout.endswith("1 letters, 1 spans\n")


def test_the_doctor_finds_nothing_wrong_with_a_healthy_product(tmp_path: Path) -> None:
    """Ports answer, the schema is there, nothing waits."""
    with running_up(tmp_path / "data") as product:
        looked = call("doctor", "--data-dir", tmp_path / "data", *product.ports.flags)
        assert looked.returncode == 0, looked.stdout
        assert "BAD" not in looked.stdout
        assert f"port {product.ports.api}: API is ready" in looked.stdout
        assert f"port {product.ports.grpc}: OTLP over gRPC is ready" in looked.stdout
        assert f"port {product.ports.http}: OTLP over HTTP is ready" in looked.stdout
        assert "schema: up to date" in looked.stdout


def test_the_doctor_names_what_is_wrong_and_what_to_do(engine: Engine, tmp_path: Path) -> None:
    """Dead letters, and a database without a schema."""
    letters_of(tmp_path, "hot")
    empty = engine.database().within("nobody_made_it")
    looked = call("doctor", "--data-dir", tmp_path, *free_ports().flags, CLICKHOUSE_URL=empty.url)
    bad = [line for line in looked.stdout.splitlines() if line.startswith("BAD")]
    assert looked.returncode == 1
    assert [line.split()[1] for line in bad] == ["dead", "schema:"]
    assert all("`genai-sessions " in line for line in bad)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://owner:guessed@127.0.0.1:{port}/x"])
def test_the_doctor_says_why_a_database_is_not_reached(engine: Engine, tmp_path: Path, url: str) -> None:
    """Without any password."""
    named = url.format(port=engine.database().port)
    looked = call("doctor", "--data-dir", tmp_path, *free_ports().flags, CLICKHOUSE_URL=named)
    assert looked.returncode == 1
    assert "BAD database" in looked.stdout
    assert "guessed" not in looked.stdout


@pytest.mark.slow
def test_a_measurement_leaves_nothing_behind_and_tells_what_it_measured(tmp_path: Path) -> None:
    """How fast spans were taken and counted, and how long each question took."""
    measured = call("bench", "--conversations", "20", "--clients", "2", timeout=180, TMPDIR=str(tmp_path))
    assert measured.returncode == 0, measured.stderr
    lines = measured.stdout.splitlines()
    assert re.fullmatch(r"taken in +[\d,]+ spans/s; acknowledged after p50 [\d,]+ ms, p99 [\d,]+ ms", lines[2])
    assert re.fullmatch(r"rolled up +[\d.]+ s after the last acknowledgement", lines[3])
    assert all(re.search(r" p50 [\d,]+ ms, p99 [\d,]+ ms$", line) for line in lines[4:])
    assert len(lines) == 9
    assert list(tmp_path.iterdir()) == []


def test_bash_completes_commands_and_flags() -> None:
    """As bash itself would: it is given the words typed so far."""
    script = call("completion", "bash").stdout
    typed = 'COMP_WORDS=(genai-sessions "$@"); COMP_CWORD=$#; _shtab_genai_sessions; echo "${COMPREPLY[@]}"'

    def completed(*words: str) -> list[str]:
        command = ["bash", "-c", f"{script}\n{typed}", "bash", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert sorted(completed("re")) == ["rebuild", "receiver", "reprice", "restore"]
    assert completed("dead-letter", "") == ["list", "show", "replay"]
    assert completed("up", "--otlp-h") == ["--otlp-http-port"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_every_command(shell: str) -> None:
    """They are not here to be asked."""
    script = call("completion", shell).stdout
    assert all(name in script for name in ("up", "import", "dead-letter", "--otlp-http-port"))


def test_the_doctor_tells_a_stranger_on_our_ports_from_us(tmp_path: Path) -> None:
    """Something listens, and is neither of our doors; what to do stands beside it."""
    with socket.create_server(("127.0.0.1", 0)) as grpc, socket.create_server(("127.0.0.1", 0)) as http:
        taken = [str(server.getsockname()[1]) for server in (grpc, http)]
        flags = ("--otlp-grpc-port", taken[0], "--otlp-http-port", taken[1], "--api-port", free_ports().api)
        looked = call("doctor", "--data-dir", tmp_path, *flags)
    bad = [line for line in looked.stdout.splitlines() if line.startswith("BAD")]
    assert [line.split()[2].strip(":") for line in bad] == taken
    assert ["--otlp-grpc-port" in bad[0], "--otlp-http-port" in bad[1]] == [True, True]
