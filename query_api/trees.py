"""How deep each span lies in its trace, whatever the parents say: missing ones, cycles, a span that is its own."""

from collections.abc import Mapping

from clickhouse.rollup.tree import without_cycles


def depths(parents: Mapping[str, str]) -> dict[str, int]:
    """By span id; the parent is empty for a root. A span whose parent never came counts as a root; so does the first
    span of a cycle, in the order of `parents`."""
    places = {span_id: place for place, span_id in enumerate(parents)}
    up = {span_id: parent for span_id, parent in parents.items() if parent in parents}
    up = without_cycles(up, places.__getitem__)
    known: dict[str, int] = {}
    for start in parents:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in known:
            path.append(at)
            at = up.get(at)
        depth = -1 if at is None else known[at]
        for span_id in reversed(path):
            depth += 1
            known[span_id] = depth
    return known
