"""The example configurations, run by the real Collector: what they promise about sessions is so in the database."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from tests.clickhouse.engines import ask
from tests.collector.running import EXAMPLES, Collector, collecting
from tests.collector.site import Site, one
from tests.end_to_end.product import Product, environment, eventually, free_ports

pytestmark = pytest.mark.slow
ON_TOP = {"gateway": [], "agent": [], "http": ["gateway"], "baggage": ["gateway"], "sampling": ["gateway"]}


def generate(site: Site, collector: Collector, *more: str) -> None:
    """With the Collector's own telemetrygen."""
    where = [f"--otlp-endpoint=127.0.0.1:{collector.ports.grpc}", "--otlp-insecure", "--rate=0"]
    command = [str(site.programs.telemetrygen), "traces", *where, *more]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def test_every_example_is_valid_as_it_stands(site: Site, tmp_path: Path) -> None:
    """With nothing told but where to send; and each is known here."""
    assert {file.stem for file in EXAMPLES.glob("*.yaml")} == ON_TOP.keys()
    told = environment(SESSIONS_ENDPOINT="sessions.example:4317", SESSIONS_KEY="gs_x", QUEUE_DIR=str(tmp_path))
    for name, below in ON_TOP.items():
        files = [f"--config={EXAMPLES / each}.yaml" for each in (*below, name)]
        command = [str(site.programs.collector), "validate", *files]
        checked = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_a_key_may_come_from_a_file(site: Site, receiver: Product, tmp_path: Path) -> None:
    """As compose.yaml tells it."""
    (tmp_path / "key").write_text("swift")
    with site.collector(tmp_path, key=f"${{file:{tmp_path}/key}}") as collector:
        collector.send(one(1, {"session.id": "by file"}))
        eventually(lambda: site.stored("by file") == 1, of=collector.log)


def test_a_load_arrives_to_the_last_span(site: Site, receiver: Product, tmp_path: Path) -> None:
    """From telemetrygen, through an agent in front of a gateway in front of us."""
    (tmp_path / "gateway").mkdir()
    with site.collector(tmp_path / "gateway") as gateway:
        agent = collecting(
            site.programs.collector, ["agent"], tmp_path, to=gateway.ports.grpc, ports=free_ports(), key=""
        )
        with agent as first:
            load = ("--workers=2", "--traces=1000", "--child-spans=3", '--telemetry-attributes=session.id="load"')
            generate(site, first, *load)
            taken = first.metric("receiver_accepted_spans")  # as fast as it can, it drops some itself
            assert taken > 1_000
            eventually(lambda: site.stored("load") == taken, within_s=60, of=gateway.log)
            assert (first.dropped(), gateway.dropped()) == (0, 0)


def test_an_agent_gives_the_headers_of_an_app_to_its_spans(site: Site, receiver: Product, tmp_path: Path) -> None:
    """Unless a span has a session of its own; other apps' spans are not touched."""
    told = ('--otlp-header=x-session-id="job-4711"', '--otlp-header=x-user-id="ada"')
    apps = {"told": told, "own": (*told, '--telemetry-attributes=session.id="its-own"'), "silent": ()}
    agent = collecting(
        site.programs.collector, ["agent"], tmp_path, to=site.ports.grpc, ports=free_ports(), key="swift"
    )
    with agent as collector:
        for name, flags in apps.items():
            generate(site, collector, f"--service={name}", "--traces=3", "--child-spans=1", *flags)
        statement = (
            "SELECT service, session_id, user_id, count() FROM spans "
            "WHERE service IN ('told', 'own', 'silent') GROUP BY ALL ORDER BY ALL"
        )
        wanted = [("own", "its-own", "ada", 6), ("silent", "", "", 6), ("told", "job-4711", "ada", 6)]
        eventually(lambda: [tuple(row) for row in ask(site.database, statement)] == wanted, of=collector.log)


def test_baggage_under_any_name_becomes_the_session(site: Site, receiver: Product, tmp_path: Path) -> None:
    """And leaves nothing else behind."""
    carried = one(1, {"chat.session": "carried", "chat.user": "ada"})
    both = one(1, {"chat.session": "not this", "session.id": "kept"})
    with site.collector(tmp_path, "baggage") as collector:
        collector.send(carried, both)
        statement = (
            "SELECT session_id, user_id, attributes FROM spans "
            "WHERE session_id IN ('carried', 'kept') ORDER BY session_id"
        )
        eventually(lambda: len(ask(site.database, statement)) == 2, of=collector.log)
        rows = ask(site.database, statement)
        assert [tuple(row[:2]) for row in rows] == [("carried", "ada"), ("kept", "")]
        assert not any("chat." in str(row[2]) for row in rows)


def test_a_quarter_of_the_sessions_is_kept_and_each_is_whole(site: Site, receiver: Product, tmp_path: Path) -> None:
    """By the hash that the example names, though only the last span of a trace says its session."""
    names = [f"talk-{number}" for number in range(24)]
    kept = {name for name in names if hashlib.sha256(name.encode()).hexdigest()[0] in "0123"}
    assert 0 < len(kept) < len(names)
    traces = {name: [os.urandom(16) for _ in range(2)] for name in (*names, "")}
    with site.collector(tmp_path, "sampling", DECISION_WAIT="2s") as collector:
        for number in (1, 2):
            said = [{"session.id": name} if number == 2 and name else {} for name in traces]
            pairs = zip(traces.values(), said, strict=True)
            spans = [one(number, values, trace_id) for ids, values in pairs for trace_id in ids]
            collector.send(*spans, service="sampled")
        statement = "SELECT trace_id, count() FROM spans WHERE service = 'sampled' GROUP BY trace_id"
        wanted = {trace_id.hex(): 2 for name in (*kept, "") for trace_id in traces[name]}
        eventually(lambda: dict(map(tuple, ask(site.database, statement))) == wanted, of=collector.log)
        eventually(collector.is_idle)
        assert collector.dropped() == 0
