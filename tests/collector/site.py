"""What stands behind a Collector in these tests: a database, a receiver, and two projects, one of them slow."""

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from clickhouse.connect import Database
from clickhouse.projects import digest
from tests.clickhouse.engines import ask
from tests.collector.build import Programs
from tests.collector.running import Collector, collecting
from tests.end_to_end.product import Ports, Product, free_ports, started
from tests.otel_receiver.requests import span

SLOW_SPANS_PER_SECOND = 10
PROJECTS = f"""
[[projects]]
id = "swift"
[[projects]]
id = "slow"
limits = {{ spans_per_second = {SLOW_SPANS_PER_SECOND} }}
[[keys]]
name = "swift"
sha256 = "{digest("swift")}"
projects = ["swift"]
scopes = ["ingest"]
[[keys]]
name = "slow"
sha256 = "{digest("slow")}"
projects = ["slow"]
scopes = ["ingest"]
"""
"""Keys are called as what they open."""


class Site(NamedTuple):
    programs: Programs
    database: Database
    folder: Path
    ports: Ports

    def receiver(self) -> AbstractContextManager[Product]:
        """A life of the receiver; the next one has the same ports and the same spool."""
        (self.folder / "projects.toml").write_text(PROJECTS)
        flags = ("--data-dir", self.folder / "data", "--projects", self.folder / "projects.toml")
        log = self.folder / "receiver.log"
        return started("receiver", log, *flags, ports=self.ports, CLICKHOUSE_URL=self.database.url)

    def collector(
        self, folder: Path, *more: str, key: str = "swift", ports: Ports | None = None, **told: str
    ) -> AbstractContextManager[Collector]:
        """The gateway, with further examples on top."""
        to = self.ports.http if "http" in more else self.ports.grpc
        chosen = free_ports() if ports is None else ports
        program = self.programs.collector
        return collecting(program, ["gateway", *more], folder, to=to, ports=chosen, key=key, **told)

    def stored(self, session: str) -> int:
        """What readers see, which has each span once, however often it was sent."""
        statement = f"SELECT count(), uniqExact(trace_id, span_id) FROM spans FINAL WHERE session_id = '{session}'"
        (rows,) = ask(self.database, statement)
        assert rows[0] == rows[1]
        return int(rows[0])


def some(session: str, count: int = 10) -> list[Span]:
    """Of a trace of their own."""
    trace_id = os.urandom(16)
    return [one(number, {"session.id": session}, trace_id) for number in range(1, count + 1)]


def one(number: int, values: dict[str, Any], trace_id: bytes | None = None) -> Span:
    now = time.time_ns()
    times = {"start_time_unix_nano": now - 10**9, "end_time_unix_nano": now}
    return span(number, values, trace_id=os.urandom(16) if trace_id is None else trace_id, **times)
