"""What the pages cost at size: `python -m bench.pages --data-dir DIR`.

DIR is a folder that `bench.database` has filled; without one a small one is made.

Each page as a browser asks for it, compressed, from the first byte to the last; minimum, median and maximum of one run.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import MappingProxyType

from starlette.testclient import TestClient

from bench.loading import engine_with_spans
from clickhouse.projects import Key, Project, Projects, digest
from query_api.app import create_app
from query_api.settings import ApiSettings

PROJECT = "bench"
KEY = "content of bench"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "text/html", "accept-encoding": "gzip"}
PATHS = (
    "/", "/?from=all", "/?from=all&sort=cost_usd", "/?q=status:error", "/?part=sums", "/users", "/costs",
    "/costs?part=sums", "/diagnostics",
)  # fmt: skip


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--data-dir", type=Path)
    flags.add_argument("--spans", type=int, default=400_000, help="of a folder that is made")
    flags.add_argument("--times", type=int, default=15)
    wanted = flags.parse_args()
    key = Key(KEY, "", (PROJECT,), frozenset({"read", "content"}))
    projects = Projects(MappingProxyType({PROJECT: Project(PROJECT)}), MappingProxyType({digest(KEY): key}))
    with engine_with_spans(wanted.data_dir, wanted.spans) as engine, tempfile.TemporaryDirectory() as data_dir:
        app = create_app(ApiSettings(engine.database(), Path(data_dir), projects=projects))
        with TestClient(app, base_url="http://localhost") as client:
            measure(client, wanted.times)


def measure(client: TestClient, times: int) -> None:
    print(f"{'':44}{'min':>8}{'median':>8}{'max':>8}  ms {'sent':>10}")
    for path in PATHS:
        took, size = [], 0
        for _ in range(times):
            since = time.perf_counter()
            with client.stream("GET", path, headers=HEADERS) as response:
                size = sum(len(piece) for piece in response.iter_raw())
            took.append((time.perf_counter() - since) * 1000)
            if response.status_code != 200:
                raise SystemExit(f"{path} answered {response.status_code}")
        print(f"{path:44}{min(took):8.1f}{statistics.median(took):8.1f}{max(took):8.1f}     {size / 1000:7.1f} kB")


if __name__ == "__main__":
    main()
