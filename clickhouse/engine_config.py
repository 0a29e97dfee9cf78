"""The files that the embedded engine reads: pure text from settings."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

DATABASE = "genai_sessions"
VIEWS: Mapping[str, str] = {
    "v_sessions": "project_id",
    "v_traces": "project_id",
    "v_calls": "project_id",
    "v_users": "project_id",
    "v_arrivals": "project_id",
    "v_recomputes": "project_id",
    "v_health": "project_id",
    "otel_traces": "ProjectId",
    "otel_traces_trace_id_ts": "ProjectId",
}
"""What Grafana's user may read, and nothing else; and the column by which each of them knows its project."""


class Reader(NamedTuple):
    """Somebody who reads the documented views, and of no project but theirs."""

    name: str
    password_sha256: str
    projects: Sequence[str]

    def rows(self, column: str) -> str:
        """A condition on the column that holds the project. Their ids need no quoting: see clickhouse/projects.py."""
        projects = ", ".join(f"'{project}'" for project in self.projects)
        return f"{column} IN ({projects})"


class Passwords(NamedTuple):
    owner: str
    reader: str
    grafana: str


_NICE = 19
"""Merges take a third of what ingest costs; they can wait, and whoever sends or reads cannot."""


def config_xml(http_port: int, tcp_port: int, memory_bytes: int, shards: tuple[int, ...] = ()) -> str:
    # No system log tables: they are off unless configured, and a peer's filled 67 GB beside 51 MB of data.
    return f"""<clickhouse>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{http_port}</http_port>
    <tcp_port>{tcp_port}</tcp_port>
    <logger>
        <level>warning</level>
        <log>engine.log</log>
        <errorlog>engine.err.log</errorlog>
        <size>20M</size>
        <count>2</count>
    </logger>
    <max_server_memory_usage>{memory_bytes}</max_server_memory_usage>
    <mark_cache_size>{memory_bytes // 8}</mark_cache_size>
    <os_threads_nice_value_merge_mutate>{_NICE}</os_threads_nice_value_merge_mutate>
    <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
    <users_config>users.xml</users_config>
    <backups><allowed_path>../../backups</allowed_path></backups>
    {_remote_servers(shards)}
</clickhouse>
"""


def _remote_servers(shards: tuple[int, ...]) -> str:
    """A cluster named `shards` over several engines of this machine, by TCP port: how the sharded form is tried."""
    if len(shards) == 0:
        return ""
    replicas = "".join(
        f"<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{port}</port>"
        "<user>owner</user><password>shards</password></replica></shard>"
        for port in shards
    )
    return f"<remote_servers><shards>{replicas}</shards></remote_servers>"


def users_xml(passwords: Passwords, readers: Iterable[Reader] = ()) -> str:
    # `default` is whom the engine's own session logs in as, and any local process may: it can listen and nothing else.
    return f"""<clickhouse>
    <profiles>
        <default/>
        <reading><readonly>2</readonly></reading>
    </profiles>
    <quotas><default/></quotas>
    <users>
        {_user("default", "<password></password>", "default", ["SYSTEM LISTEN ON *.*", "SELECT ON system.numbers"])}
        <owner>
            {_password(passwords.owner)}
            {_LOOPBACK}
            <profile>default</profile>
            <access_management>1</access_management>
        </owner>
        {_user("reader", _password(passwords.reader), "reading", [f"SELECT ON {DATABASE}.*"])}
        {_user("grafana", _password(passwords.grafana), "reading", _SELECT_ON_VIEWS)}
        {"".join(map(_reader, readers))}
    </users>
</clickhouse>
"""


_SELECT_ON_VIEWS = [f"SELECT ON {DATABASE}.{view}" for view in VIEWS]
_LOOPBACK = "<networks><ip>127.0.0.1</ip><ip>::1</ip></networks>"


def _reader(reader: Reader) -> str:
    policies = "".join(f"<{view}><filter>{reader.rows(column)}</filter></{view}>" for view, column in VIEWS.items())
    policies = f"<databases><{DATABASE}>{policies}</{DATABASE}></databases>"
    return _user(reader.name, _hashed(reader.password_sha256), "reading", _SELECT_ON_VIEWS, policies)


def _password(password: str) -> str:
    return _hashed(hashlib.sha256(password.encode()).hexdigest())


def _hashed(sha256: str) -> str:
    return f"<password_sha256_hex>{sha256}</password_sha256_hex>"


def _user(name: str, password: str, profile: str, grants: list[str], more: str = "") -> str:
    granted = "".join(f"<query>GRANT {grant}</query>" for grant in grants)
    return f"<{name}>{password}{_LOOPBACK}<profile>{profile}</profile><grants>{granted}</grants>{more}</{name}>"
