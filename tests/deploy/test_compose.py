"""compose.yaml and compose.cluster.yaml, as far as they can be held without Docker."""

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from clickhouse.engine_config import Passwords, users_xml
from clickhouse.migrate import Topology
from genai_sessions.arguments import parser
from genai_sessions.settings import ENVIRONMENT
from tests.deploy.stack import OURS, Service, arguments, environment, read, together
from tests.end_to_end.product import SOURCE

SCHEMA = json.loads((Path(__file__).parent / "compose_spec" / "compose-spec.json").read_text())
ALONE = read("compose.yaml")
CLUSTER = together(ALONE, read("compose.cluster.yaml"))
STACKS = pytest.mark.parametrize("stack", [ALONE, CLUSTER], ids=["alone", "cluster"])
SAFE_CLICKHOUSE = ((26, 3, 62, 3), (26, 8, 36, 3), (26, 9, 27, 3), (26, 10, 3, 7))
"""The first build of each line without CVE-2026-116366."""
DATABASES = ("clickhouse", "clickhouse-1b", "clickhouse-2a", "clickhouse-2b")
ENDS_BY_ITSELF = {"migrate", "collector-queue"}
CANNOT_BE_ASKED = {"rollup", "collector"}


def xml(name: str) -> ET.Element:
    return ET.parse(SOURCE / "deploy" / "clickhouse" / name).getroot()


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cluster.yaml"])
def test_the_files_are_what_the_specification_allows(name: str) -> None:
    """Its own JSON schema finds nothing."""
    document = read(name)
    validator = jsonschema_rs.validator_for(SCHEMA)
    assert [(list(error.instance_path), error.message) for error in validator.iter_errors(document)] == []
    assert not validator.is_valid({**document, "services": {"x": {"imge": "typo"}}})


@STACKS
def test_every_image_is_pinned(stack: dict[str, Any]) -> None:
    """To one build, never to whatever is newest."""
    for name, service in stack["services"].items():
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+(\.\d+)?", service["image"]), name
    images = re.findall(r"^FROM (\S+)", (SOURCE / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(images)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim", images[0])


@STACKS
def test_the_database_is_one_without_known_holes_and_of_the_embedded_version(stack: dict[str, Any]) -> None:
    """What runs in production is what the tests ran on."""
    images = {service["image"] for service in stack["services"].values() if "clickhouse/clickhouse" in service["image"]}
    versions = {tuple(int(part) for part in image.rpartition(":")[2].split(".")) for image in images}
    assert len(versions) == 1
    version = versions.pop()
    assert any(version[:2] == safe[:2] and version >= safe for safe in SAFE_CLICKHOUSE)


def test_the_image_has_the_version_of_the_package() -> None:
    """So an upgrade builds a new one."""
    version = re.search(r'^version = "(.+)"', (SOURCE / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    assert {ALONE["services"][name]["image"] for name in OURS} == {f"genai-sessions:{version[1]}"}


@STACKS
def test_every_service_is_hardened(stack: dict[str, Any]) -> None:
    """Nobody is root, nobody writes where it need not, nobody takes more than its share."""
    for name, service in stack["services"].items():
        user = str(service["user"]).partition(":")[0]
        assert user.isdecimal(), name
        assert int(user) > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus"} <= service.keys(), name
        assert "privileged" not in service, name


@STACKS
def test_ports_are_open_to_this_machine_only(stack: dict[str, Any]) -> None:
    """Keys travel in the clear; and the database has no port at all, on a network without a way out."""
    for name, service in stack["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    for name in DATABASES:
        if name in stack["services"]:
            assert stack["services"][name]["networks"] == ["data"]
            assert "ports" not in stack["services"][name]
    assert stack["networks"]["data"]["internal"] is True


@STACKS
def test_whatever_serves_has_a_health_check(stack: dict[str, Any]) -> None:
    """But for those that end, and those that nothing can ask."""
    without = {name for name, service in stack["services"].items() if "healthcheck" not in service}
    assert without == ENDS_BY_ITSELF | CANNOT_BE_ASKED
    for name, service in stack["services"].items():
        for other, how in service.get("depends_on", {}).items():
            ends = other in ENDS_BY_ITSELF
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name


@STACKS
def test_everything_that_is_named_exists(stack: dict[str, Any]) -> None:
    """Volumes, networks, secrets and configurations; whatever is declared is also used."""
    for kind in ("secrets", "configs", "volumes"):
        used = {found for service in stack["services"].values() for found in _named(service, kind)}
        assert used == set(stack[kind]), kind
    for config in stack["configs"].values():
        assert (SOURCE / config["file"]).is_file()


def _named(service: Service, kind: str) -> set[str]:
    items = service.get(kind, [])
    if kind == "volumes":
        return {volume.split(":")[0] for volume in items if not volume.startswith("./")}
    return {item if isinstance(item, str) else item["source"] for item in items}


@STACKS
def test_every_setting_of_our_services_is_one_of_ours(stack: dict[str, Any]) -> None:
    """And every secret that it points at is mounted."""
    for name in OURS:
        service = stack["services"][name]
        told = environment(service)
        assert told.keys() <= set(ENVIRONMENT.values())
        pointed = {Path(value).name for value in told.values() if value.startswith("/run/secrets/")}
        assert pointed == set(service["secrets"]), name
        host = told["CLICKHOUSE_URL"].rpartition("@")[2].partition(":")[0]
        assert host == stack["services"]["clickhouse"]["hostname"]


def test_every_command_of_our_services_exists() -> None:
    """As the image would be asked to do it: with nothing but the name."""
    for name in OURS:
        assert parser().parse_args(arguments(ALONE["services"][name])).command.endswith(name)
    with pytest.raises(SystemExit):
        parser().parse_args(["recieve"])


def test_the_image_sets_only_what_we_know() -> None:
    """Its variables are settings of ours or Python's; its ports are the defaults."""
    text = (SOURCE / "Dockerfile").read_text()
    final = text.rpartition("\nFROM ")[2]
    names = set(re.findall(r"(\w+)=", final)) - {"PATH", "from"}
    assert names == {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "GENAI_SESSIONS_HOST", "GENAI_SESSIONS_DATA_DIR"}
    for copied in re.findall(r"^COPY ([^-\n]+) \./$", text, re.MULTILINE):
        assert all((SOURCE / path).exists() for path in copied.split())


def grants(users: ET.Element, name: str) -> list[str]:
    return sorted(query.text or "" for query in users.findall(f"./users/{name}/grants/query"))


def test_the_users_are_those_of_the_embedded_engine() -> None:
    """The same three, with the same rights, and the same once more for all shards."""
    ours, embedded = xml("users.xml"), ET.fromstring(users_xml(Passwords("o", "r", "g")))
    names = {user.tag for user in chain(*ours.findall("./users"))} - {"default"}
    assert names == {user.tag for user in chain(*embedded.findall("./users"))} - {"default"}
    for name in names:
        everywhere = [grant.replace("genai_sessions.", "genai_sessions_all.") for grant in grants(embedded, name)]
        assert grants(ours, name) == sorted([*grants(embedded, name), *everywhere])
    default = ours.find("./users/default")
    assert default is not None
    assert default.get("remove") == "remove"


def test_the_cluster_is_two_shards_of_two_with_three_keepers() -> None:
    """Each server says who it is as the shared file expects it, and keeps its own data."""
    cluster, services = xml("cluster.xml"), CLUSTER["services"]
    shards = [
        [host.text for host in shard.iter("host")] for shard in cluster.findall("./remote_servers/sessions/shard")
    ]
    assert shards == [["clickhouse", "clickhouse-1b"], ["clickhouse-2a", "clickhouse-2b"]]
    for number, servers in enumerate(shards, start=1):
        for server in servers:
            assert server is not None
            told = environment(services[server])
            assert (told["SHARD"], told["REPLICA"], services[server]["hostname"]) == (str(number), server, server)
    keepers = [node.text for node in cluster.findall("./zookeeper/node/host")]
    assert keepers == [node.text for node in xml("keeper.xml").iter("hostname")]
    for number, keeper in enumerate(keepers, start=1):
        assert keeper is not None
        assert environment(services[keeper])["KEEPER_ID"] == str(number)
    folders = [service["volumes"] for name, service in services.items() if name.startswith(("clickhouse", "keeper"))]
    assert len({tuple(volumes) for volumes in folders}) == len(folders) == 7


def test_our_services_know_the_cluster_by_its_name() -> None:
    """All of them; alone, none does."""
    for name in OURS:
        assert environment(CLUSTER["services"][name])["CLICKHOUSE_CLUSTER"] == "sessions"
        assert "CLICKHOUSE_CLUSTER" not in environment(ALONE["services"][name])
    assert xml("cluster.xml").find("./remote_servers/sessions") is not None
    assert Topology("x", "sessions").everywhere == "x_all"


@STACKS
def test_every_password_that_the_database_reads_is_a_secret_it_is_given(stack: dict[str, Any]) -> None:
    """`from_env` of a name that nobody sets would be a server that does not start."""
    for name in DATABASES:
        if name not in stack["services"]:
            continue
        service = stack["services"][name]
        files = [Path(stack["configs"][config]["file"]).name for config in _named(service, "configs")]
        wanted = {node.get("from_env") for file in files if file.endswith(".xml") for node in xml(file).iter()} - {None}
        told = environment(service)
        assert wanted <= told.keys() | {name.removesuffix("_FILE") for name in told}, name


@STACKS
def test_grafana_is_told_all_that_its_provisioning_asks_for(stack: dict[str, Any]) -> None:
    """And finds it where it is mounted."""
    grafana, folder = stack["services"]["grafana"], SOURCE / "clickhouse" / "grafana" / "provisioning"
    asked = {name for file in folder.rglob("*.yaml") for name in re.findall(r"\$([A-Z][A-Z_]+)", file.read_text())}
    told = environment(grafana)
    assert asked == {name.removesuffix("_FILE") for name in told if name.startswith("GENAI_SESSIONS_GRAFANA_")}
    mounted = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    assert mounted["./clickhouse/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounted["./clickhouse/grafana/dashboards"] == told["GENAI_SESSIONS_GRAFANA_DASHBOARDS"]
    assert told["GENAI_SESSIONS_GRAFANA_HOST"] == stack["services"]["clickhouse"]["hostname"]


@STACKS
def test_every_file_that_a_service_is_told_of_is_mounted(stack: dict[str, Any]) -> None:
    """Each as a secret of its own."""
    for name, service in stack["services"].items():
        told = {value for key, value in environment(service).items() if key.endswith("_FILE")}
        assert {Path(value).name for value in told} <= set(service.get("secrets", [])), name
        assert all(value.startswith("/run/secrets/") for value in told), name
