"""The wheel: all that the source tree has, and it runs where there is no source tree."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.product import SOURCE, Product, free_ports

PACKAGES = ("genai_sessions", "otel_receiver", "query_api", "clickhouse")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(SOURCE)]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return next(folder.glob("*.whl"))


def test_the_wheel_has_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    """Statements, pages, dashboards and marks for type checkers too; no tests."""
    tree = (path for package in PACKAGES for path in (SOURCE / package).rglob("*") if path.is_file())
    wanted = {path.relative_to(SOURCE).as_posix() for path in tree if "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == wanted
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert any(name.endswith(".sql") for name in names)


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which the wheel is found, and the source tree is not."""
    folder = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GENAI_", "CLICKHOUSE_"))}
    return {**kept, "PYTHONPATH": str(folder), "NO_PROXY": "127.0.0.1"}


def test_the_wheel_alone_is_the_whole_product(installed: dict[str, str], tmp_path: Path) -> None:
    """Everything starts, and the pages come with all they refer to."""
    ports = free_ports()
    where = [sys.executable, "-c", "import clickhouse.migrate as m; print(m.__file__)"]
    found = subprocess.run(where, env=installed, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert found.startswith(str(tmp_path))
    command = [sys.executable, "-m", "genai_sessions", "up", "--data-dir", str(tmp_path / "data"), *ports.flags]
    with (
        subprocess.Popen(command, env=installed, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as up,
        httpx.Client(base_url=f"http://127.0.0.1:{ports.api}", trust_env=False, timeout=30) as client,
    ):
        product = Product(up, ports, client, tmp_path)
        try:
            assert "is ready" in product.ready_line()
            assert client.get("/api/sessions").json()["items"] == []
            page = client.get("/", follow_redirects=True)
            assert page.status_code == 200
            assert all(client.get(path).status_code == 200 for path in _referred(page.text))
        finally:
            assert product.stop() == 0


def _referred(page: str) -> list[str]:
    paths = [part.partition('"')[0] for part in page.split('="/static/')[1:]]
    assert paths, page[:500]
    return [f"/static/{path}" for path in paths]
