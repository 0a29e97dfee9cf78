"""The services of compose.yaml as they are written there, but on this machine: their commands, their environment, their
health checks, with the secrets that deploy/secrets.sh makes and the users that the database's container has."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from clickhouse.connect import Database
from clickhouse.embedded import _free_port
from clickhouse.engine_config import config_xml
from clickhouse.errors import DatabaseError
from tests.clickhouse.engines import UNAVAILABLE, answers, ask
from tests.deploy.stack import OURS, arguments, health_check, outside, read, together
from tests.end_to_end.product import COMMAND, SOURCE, Ports, environment, eventually, free_ports

SERVICES = read("compose.yaml")["services"]
CLUSTER = together(read("compose.yaml"), read("compose.cluster.yaml"))["services"]
_EMBEDDED_ITSELF = (
    "<default><password/><grants>"
    "<query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query>"
    "</grants></default>"
)
_WITHOUT_ENGINE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("chdb", "pandas", "pyarrow"):
            raise ModuleNotFoundError(f"the image has no {name}", name=name)

sys.meta_path.insert(0, Missing())
"""
"""As in the image, which leaves the embedded engine out."""


class Stack(NamedTuple):
    database: Database  # as its owner
    secrets: Path
    data: Path
    ports: Ports

    def started(self, name: str) -> "subprocess.Popen[str]":
        service = SERVICES[name]
        told = outside(service, f"127.0.0.1:{self.database.port}", self.secrets, self.data / name, self.ports)
        paths = os.pathsep.join((str(self.data / "image"), str(SOURCE)))
        command = [*COMMAND, *arguments(service)]
        env = {**environment(**told), "PYTHONPATH": paths}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the script that compose.yaml names."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([SOURCE / "deploy" / "secrets.sh", folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An engine with the files of deploy/clickhouse, started through start.sh as a server of the cluster is. It does
    not ask the Keepers anything until a replicated table is made."""
    folder = tmp_path_factory.mktemp("server")
    port = _free_port()
    (folder / "config.xml").write_text(config_xml(port, _free_port(), 2 << 30))
    (folder / "config.d").mkdir()
    for name in ("server.xml", "cluster.xml"):
        text = (SOURCE / "deploy" / "clickhouse" / name).read_text()
        (folder / "config.d" / name).write_text(text.replace("/var/lib/clickhouse", str(folder)))
    users = ET.parse(SOURCE / "deploy" / "clickhouse" / "users.xml").getroot()
    own = users.find("./users")
    assert own is not None
    own.remove(own[0])  # the embedded engine logs itself in as `default`; a server does not
    own.append(ET.fromstring(_EMBEDDED_ITSELF))
    ET.SubElement(ET.SubElement(users, "quotas"), "default")
    ET.ElementTree(users).write(folder / "users.xml")
    start: list[str | Path] = [SOURCE / "deploy" / "start.sh", sys.executable, "-m", "clickhouse.engine"]
    told = outside(CLUSTER["clickhouse-2a"], "", secrets, folder, free_ports())
    child = subprocess.Popen(
        start, cwd=folder, env=environment(**told), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    owner = Database("127.0.0.1", port, "owner", (secrets / "clickhouse_owner").read_text(), "genai_sessions")
    try:
        eventually(lambda: answers(owner))
        yield owner
    finally:
        child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def stack(server: Database, secrets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Migrated, and all services running."""
    data = tmp_path_factory.mktemp("data")
    (data / "image").mkdir()
    (data / "image" / "sitecustomize.py").write_text(_WITHOUT_ENGINE)
    made = Stack(server, secrets, data, free_ports())
    with contextlib.ExitStack() as children:
        for name in OURS:
            child = children.enter_context(made.started(name))
            children.callback(child.terminate)
            if name == "migrate":
                said, _ = child.communicate(timeout=60)
                assert (child.returncode, "applied" in said) == (0, True), said
        yield made


def is_healthy(name: str, ports: Ports) -> bool:
    check = health_check(SERVICES[name], ports)
    return subprocess.run(check, env=environment(), capture_output=True, check=False).returncode == 0


def test_the_services_make_the_product(stack: Stack) -> None:
    """Healthy by their own checks; a span sent with the key for apps is read with the key for people."""
    for name in ("receiver", "api"):
        eventually(lambda name=name: is_healthy(name, stack.ports), within_s=30)  # type: ignore[misc]
    headers = {"x-api-key": stack.secret("ingest_key")}
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{stack.ports.grpc}", insecure=True, headers=headers)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("tests").start_as_current_span("chat") as span:
        span.set_attributes({"session.id": "composed", "gen_ai.operation.name": "chat"})
    provider.shutdown()
    key = {"authorization": f"Bearer {stack.secret('read_key')}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports.api}", headers=key, trust_env=False) as api:
        eventually(lambda: [item["turns"] for item in api.get("/api/sessions").json()["items"]] == [1])
    assert httpx.get(f"http://127.0.0.1:{stack.ports.api}/api/sessions", trust_env=False).status_code == 401


def test_a_backup_is_made_where_the_server_allows_it(stack: Stack) -> None:
    """As `docker compose run --rm migrate backup before --disk backups` would."""
    told = outside(SERVICES["migrate"], f"127.0.0.1:{stack.database.port}", stack.secrets, stack.data, stack.ports)
    command = [*COMMAND, "backup", "before", "--disk", "backups"]
    made = subprocess.run(command, env=environment(**told), capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    backups = ask(stack.database, "SELECT status, endsWith(name, 'before\\')') FROM system.backups")
    assert [tuple(row) for row in backups] == [("BACKUP_CREATED", 1)]


def test_a_server_knows_its_place_in_the_cluster(stack: Stack) -> None:
    """The real server has read cluster.xml, with its names out of the environment."""
    statement = "SELECT shard_num, replica_num, host_name FROM system.clusters WHERE cluster = 'sessions' ORDER BY ALL"
    hosts = [(1, 1, "clickhouse"), (1, 2, "clickhouse-1b"), (2, 1, "clickhouse-2a"), (2, 2, "clickhouse-2b")]
    assert [tuple(row) for row in ask(stack.database, statement)] == hosts
    macros = dict(map(tuple, ask(stack.database, "SELECT macro, substitution FROM system.macros")))
    assert macros == {"shard": "2", "replica": "clickhouse-2a"}


def test_a_health_check_fails_where_nothing_answers() -> None:
    """Otherwise it would check nothing."""
    assert not is_healthy("api", free_ports())


def test_each_user_of_the_database_may_do_what_it_is_for(stack: Stack) -> None:
    """With the password out of its own secret; `default` is nobody."""
    for name, readable in (("reader", "spans"), ("grafana", "v_sessions")):
        user = Database("127.0.0.1", stack.database.port, name, stack.secret(f"clickhouse_{name}"), "genai_sessions")
        assert len(ask(user, f"SELECT 1 FROM {readable} LIMIT 0")) == 0
        with pytest.raises((DatabaseError, *UNAVAILABLE)):
            ask(user, "TRUNCATE TABLE spans")
    with pytest.raises((DatabaseError, *UNAVAILABLE)):
        ask(user, "SELECT 1 FROM spans LIMIT 0")


def test_secrets_are_made_once(secrets: Path) -> None:
    """A second run changes nothing: passwords in use stay."""
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    subprocess.run([SOURCE / "deploy" / "secrets.sh", secrets], check=True, capture_output=True)
    assert {file.name: file.read_text() for file in secrets.iterdir()} == before
    passwords = [text for name, text in before.items() if name != "projects.toml"]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 64
    assert not any(text in before["projects.toml"] for text in passwords)
    assert (secrets.stat().st_mode & 0o777) == 0o700
