"""How deep each span lies in its trace, whatever the parents say: missing ones, cycles, a span that is its own."""

from collections.abc import Mapping


def depths(parents: Mapping[str, str]) -> dict[str, int]:
    """By span id; the parent is empty for a root. A span whose parent never came counts as a root; so does the first
    span of a cycle, in the order of `parents`."""
    known: dict[str, int] = {}
    places = {span_id: place for place, span_id in enumerate(parents)}
    for start in parents:
        path = _unknown_path(start, parents, known)
        above = parents[path[-1]] if path else ""
        if above in path:
            cycle = path[path.index(above) :]
            path = path[: -len(cycle)]
            behind = cycle.index(min(cycle, key=places.__getitem__)) + 1
            known |= {span_id: depth for depth, span_id in enumerate(reversed(cycle[behind:] + cycle[:behind]))}
        depth = known.get(above, -1)
        for span_id in reversed(path):
            depth += 1
            known[span_id] = depth
    return known


def _unknown_path(start: str, parents: Mapping[str, str], known: Mapping[str, int]) -> list[str]:
    """From a span upwards, as long as nobody has been here."""
    path: dict[str, None] = {}
    at = start
    while at in parents and at not in known and at not in path:
        path[at] = None
        at = parents[at]
    return list(path)
