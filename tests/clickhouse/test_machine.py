"""How much memory there is: what the machine has, or less where a control group allows less."""

from pathlib import Path

import pytest

from clickhouse.machine import memory_bytes


@pytest.mark.parametrize(
    ("own", "limit"),
    [
        ("0::/app", "app/memory.max"),
        ("0::/app/worker", "app/memory.max"),
        ("0::/", "memory.max"),
        ("0::/elsewhere", "memory.max"),
        ("3:cpu,memory:/app\n1:name=systemd:/app", "memory/app/memory.limit_in_bytes"),
    ],
    ids=["its own", "that around it", "a container's", "a container's that knows its name outside", "version 1"],
)
def test_a_group_allows_what_it_allows(tmp_path: Path, own: str, limit: str) -> None:
    """Whichever version, and whichever group of those that we are in."""
    path = tmp_path / limit
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("536870912\n")
    (tmp_path / "own").write_text(f"{own}\n")
    assert memory_bytes(tmp_path / "own", tmp_path) == 512 << 20


def test_without_a_limit_there_is_all_of_the_machine(tmp_path: Path) -> None:
    """No groups at all, or one that says so."""
    whole = memory_bytes(tmp_path / "own", tmp_path)
    (tmp_path / "own").write_text("0::/app\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_bytes(tmp_path / "own", tmp_path) == whole > 512 << 20
