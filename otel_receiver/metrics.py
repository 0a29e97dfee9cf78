"""Counters of our own, as Prometheus text. A client library would bring global state and a mode per worker model;
what we need of it is below.

The identity that must hold: spans received = stored + rejected + spooled + dead-lettered (+ handed over, where one of
several workers ended).
Received and rejected count what is safe, and answered OK therefore; a refused request is retried or dropped by its
client, and is counted as a request with its code. Stored, spooled and dead-lettered are the writer's to count; all in
the same step of the event loop, so that whoever looks finds the identity.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

MAX_SERIES = 200
"""Per metric. Labels come from code, never from clients; this holds if somebody forgets."""

_OTHER = "other"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # 0.2 is what we promise of acks


class Counter:
    """Numbers by label values. Also a gauge, where `put` is used."""

    def __init__(self, name: str, about: str, labels: tuple[str, ...] = (), kind: str = "counter") -> None:
        self.name, self.about, self.labels, self.kind = name, about, labels, kind
        self._values: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, *labels: str, by: float = 1) -> None:
        series = self._series(labels)
        self._values[series] = self._values.get(series, 0.0) + by

    def add_all(self, counts: Mapping[str, int]) -> None:
        for label, count in counts.items():
            self.add(label, by=count)

    def put(self, value: float, *labels: str) -> None:
        self._values[self._series(labels)] = value

    def value(self, *labels: str) -> float:
        return self._values.get(labels, 0.0)

    def total(self) -> float:
        return sum(self._values.values())

    def lines(self) -> Iterator[str]:
        for labels, value in sorted(self._values.items()):
            yield f"{self.name}{_braces(self.labels, labels)} {value:.17g}"

    def _series(self, labels: tuple[str, ...]) -> tuple[str, ...]:
        if labels in self._values or len(self._values) < MAX_SERIES:
            return labels
        return (_OTHER,) * len(labels)


class Histogram:
    kind = "histogram"

    def __init__(self, name: str, about: str, bounds: tuple[float, ...] = _SECONDS) -> None:
        self.name, self.about, self.bounds = name, about, bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self._sum += value

    @contextmanager
    def timed(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.add(time.monotonic() - started)

    def lines(self) -> Iterator[str]:
        below = 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            below += count
            yield f'{self.name}_bucket{{le="{bound}"}} {below}'
        yield f"{self.name}_sum {self._sum:.17g}"
        yield f"{self.name}_count {below}"


class Records(NamedTuple):
    """What the desk counts of a signal that is stored."""

    received: Counter
    rejected: Counter
    repaired: Counter


class Metrics:
    """All of the receiver's. One object, made at the start and handed around."""

    def __init__(self) -> None:
        self._shown: list[Counter | Histogram] = []
        self._others: list[Callable[[], Iterator[str]]] = []
        self.requests = self._counter("requests_total", "Answers.", "signal", "transport", "encoding", "code")
        self.refusals = self._counter("refusals_total", "Requests refused.", "reason")
        self.in_flight_bytes = self._gauge("in_flight_bytes", "Bytes of bodies that are not safe yet.")
        self.ack_seconds = Histogram("ack_seconds", "From the end of a body until it is safe.")
        self._shown.append(self.ack_seconds)
        self.spans = self._records("spans")
        self.spans_stored = self._counter("spans_stored_total", "Spans the database has, once per time sent.")
        self.spans_spooled = self._gauge("spans_spooled", "Spans on disk, waiting for the database.")
        self.spans_dead_lettered = self._counter("spans_dead_lettered_total", "Spans the database refused.", "reason")
        # Of several workers only, and counted when one takes another's place: see shared_metrics.py.
        self._counter("spans_handed_over_total", "Left in the spool by a worker that ended, and received anew.")
        self.log_records = self._records("log_records")
        self.data_points = self._counter("data_points_received_total", "Of metrics: counted, not kept.")

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        self._shown.append(counter := Counter(name, about, labels))
        return counter

    def _gauge(self, name: str, about: str) -> Counter:
        self._shown.append(gauge := Counter(name, about, kind="gauge"))
        return gauge

    def _records(self, name: str) -> Records:
        return Records(
            self._counter(f"{name}_received_total", "In requests answered OK, rejected ones included."),
            self._counter(f"{name}_rejected_total", "Cannot be stored.", "reason"),
            self._counter(f"{name}_repaired_total", "Stored with a flaw.", "flaw"),
        )

    def also(self, lines: Callable[[], Iterator[str]]) -> None:
        """Further lines to show: the writer's and the rollup's own."""
        self._others.append(lines)

    def text(self) -> str:
        """In Prometheus' exposition format."""
        shown = [line for metric in self._shown for line in _shown(metric)]
        shown.extend(line for lines in self._others for line in lines())
        return "\n".join(shown) + "\n"


def _shown(metric: Counter | Histogram) -> Iterator[str]:
    name = f"{_PREFIX}{metric.name}"
    yield f"# HELP {name} {metric.about}"
    yield f"# TYPE {name} {metric.kind}"
    for line in metric.lines():
        yield _PREFIX + line


_PREFIX = "genai_sessions_receiver_"


def _braces(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
