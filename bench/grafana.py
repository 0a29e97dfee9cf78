"""How long every query of the dashboards takes at size: `python -m bench.grafana --sessions 500000`.

Asked as Grafana's user, with the SQL that the plugin sends, for the last day and for all of the thirty days that the
data covers; nothing is chosen in the variables but the session. Exits with 1 if one of them takes longer than a second.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from clickhouse_connect.driver import Client

from bench.database import timed
from bench.loading import SQL, engine_with_spans
from clickhouse.connect import connected
from tests.clickhouse.grafana.plugin import Dashboard, Value, all_of, expanded
from tests.clickhouse.grafana.shipped import queries

RANGES_S = {"a day": 86_400, "thirty days": 31 * 86_400}
BARS = 300
"""Into how many intervals Grafana cuts a range, roughly."""
LIMIT_MS = 1000.0
SPANS_PER_TRACE = 4


def main() -> int:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--sessions", type=int, default=500_000)
    flags.add_argument("--traces-per-session", type=int, default=5)
    flags.add_argument("--data-dir", type=Path, help="keep the data there, and take it from there next time")
    flags.add_argument("--times", type=int, default=5)
    wanted = flags.parse_args()
    spans = wanted.sessions * wanted.traces_per_session * SPANS_PER_TRACE
    with (
        engine_with_spans(wanted.data_dir, spans, wanted.traces_per_session) as engine,
        connected(engine.database("grafana"), settings={}) as grafana,
    ):
        return measure(grafana, psutil.Process(engine.pid), wanted.times)


def measure(grafana: Client, engine: psutil.Process, times: int) -> int:
    print(f"{'':48}{'min':>8}{'median':>8}{'max':>8}{'CPU':>8}  ms")
    variables, slow = everything(grafana), 0
    for query in queries():
        for name, range_s in RANGES_S.items():
            sql = expanded(query.sql, dashboard(range_s, variables))
            before = sum(engine.cpu_times()[:2])
            took = sorted(timed(lambda sql=sql: grafana.query(sql)) for _ in range(times))  # type: ignore[misc]
            cpu, median = (sum(engine.cpu_times()[:2]) - before) / times * 1e3, statistics.median(took)
            slow += median > LIMIT_MS
            sign = "  <- too slow" if median > LIMIT_MS else ""
            label = f"{query.id}, {name}"
            print(f"{label:48}{took[0]:8.0f}{median:8.0f}{took[-1]:8.0f}{cpu:8.0f}{sign}", flush=True)
    return 1 if slow else 0


def everything(grafana: Client) -> Mapping[str, Value]:
    """The longest session, and one of its traces; no other choice."""
    [(project, session, trace)] = grafana.query((SQL / "longest_session.sql").read_text()).result_rows
    return {**all_of("service", "model", "environment"), "project": project, "session": session, "trace": trace}


def dashboard(range_s: int, variables: Mapping[str, Value]) -> Dashboard:
    now = int(time.time())
    return Dashboard(now - range_s, now, max(1, range_s // BARS), variables)


if __name__ == "__main__":
    sys.exit(main())
