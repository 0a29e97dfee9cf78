"""Everything about the query service that can be set. Only entry points read the environment and make these."""

from dataclasses import dataclass, field
from pathlib import Path

from clickhouse.connect import Database
from clickhouse.projects import Projects, is_loopback, without_file


@dataclass(frozen=True, slots=True)
class ApiSettings:
    database: Database  # the owner's: deletions and feedback write
    data_dir: Path  # keeps the secret that signs cursors and cookies, and the audit log
    read_database: Database | None = None  # a user who may only read; without it the owner's, with readonly = 2
    projects: Projects = field(default_factory=without_file)
    host: str = "127.0.0.1"
    port: int = 8080
    otlp_http_port: int = 4318  # of the receiver, on the same host: what the pages tell newcomers
    grafana_url: str | None = None  # where our dashboards are, if anywhere: the pages link to them
    query_seconds: float = 30  # a query that takes longer is stopped and answered with 503
    query_memory_bytes: int = 2 << 30  # of one query in the database; beyond it is answered with 413
    queries_at_once: int = 16  # more would only share the same cores; the rest waits its turn
    export_seconds: int = 3_600  # an export of everything is one long query
    exports_at_once: int = 4  # beside the queries above: each keeps a core busy for as long as it lasts

    def __post_init__(self) -> None:
        if self.projects.open and not is_loopback(self.host):
            raise ValueError(
                f"binding to {self.host} without a projects file would let anybody read; give --projects, or bind to "
                "127.0.0.1"
            )
