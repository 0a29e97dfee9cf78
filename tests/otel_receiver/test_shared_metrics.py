"""Metrics of several workers: whoever is asked tells the numbers of all, and none ever goes back."""

from pathlib import Path

import pytest

from otel_receiver.metrics import Metrics
from otel_receiver.shared_metrics import SharedMetrics, forget_shared


class Worker:
    """Counts as a receiver does, and shares it."""

    def __init__(self, folder: Path, slot: str) -> None:
        self.metrics = Metrics()
        self.metrics.also(lambda: iter(["# TYPE genai_sessions_receiver_spool_bytes gauge", f"{_SPOOL_BYTES} 7"]))
        self.shared = SharedMetrics(self.metrics.text, folder, slot)

    def store(self, spans: int) -> None:
        self.metrics.spans.received.add(by=spans)
        self.metrics.spans_stored.add(by=spans)
        self.metrics.requests.add("traces", "http", "json", "200")
        self.metrics.ack_seconds.add(0.15)

    def spool(self, spans: int) -> None:
        self.metrics.spans.received.add(by=spans)
        self.metrics.spans_spooled.add(by=spans)


_SPOOL_BYTES = "genai_sessions_receiver_spool_bytes"


def numbers(text: str) -> dict[str, float]:
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert len({key for key, _, _ in samples}) == len(samples)
    return {key.removeprefix("genai_sessions_receiver_"): float(value) for key, _, value in samples}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics" / "4318"


def test_whichever_worker_is_asked_tells_the_numbers_of_all(folder: Path) -> None:
    """Counters, gauges and histograms add up, label by label; each metric is explained once."""
    one, two = Worker(folder, "1"), Worker(folder, "2")
    one.store(3)
    two.store(4)
    two.metrics.refusals.add("quota")
    one.shared.write()
    two.shared.write()
    assert one.shared.text().count("# TYPE genai_sessions_receiver_spans_stored_total counter\n") == 1
    assert numbers(one.shared.text()) == numbers(two.shared.text())
    told = numbers(one.shared.text())
    assert (told["spans_stored_total"], told["spool_bytes"], told['refusals_total{reason="quota"}']) == (7, 14, 1)
    assert told['requests_total{signal="traces",transport="http",encoding="json",code="200"}'] == 2
    assert (told['ack_seconds_bucket{le="0.1"}'], told['ack_seconds_bucket{le="0.2"}']) == (0, 2)
    assert told["ack_seconds_count"] == 2


def test_what_one_worker_has_shown_the_next_one_knows(folder: Path) -> None:
    """An answer is in the file before it is given, be the next second's writing ever so far."""
    one, two = Worker(folder, "1"), Worker(folder, "2")
    for _ in range(3):
        one.store(1)
        shown = numbers(one.shared.text())["spans_stored_total"]
        assert numbers(two.shared.text())["spans_stored_total"] == shown


def test_counters_go_on_where_a_dead_worker_ended(folder: Path) -> None:
    """Its successor counts from its file; gauges end with it, and what it left in the spool is received anew."""
    one, two = Worker(folder, "1"), Worker(folder, "2")
    one.store(10)
    one.spool(5)
    one.shared.write()
    assert numbers(two.shared.text())["spans_spooled"] == 5  # still on disk
    two.spool(5)  # taken over
    two.shared.write()
    heir = Worker(folder, "1")
    heir.store(2)
    for told in (numbers(heir.shared.text()), numbers(two.shared.text())):
        assert (told["spans_received_total"], told["spans_stored_total"], told["spans_spooled"]) == (22, 12, 5)
        assert told["spans_handed_over_total"] == 5
        assert told["spans_received_total"] == sum(
            told[f"spans_{name}"] for name in ("stored_total", "spooled", "handed_over_total")
        )
        assert told["spool_bytes"] == 14
    again = numbers(Worker(folder, "1").shared.text())
    assert (again["spans_received_total"], again["spans_handed_over_total"]) == (22, 5)


def test_a_fresh_start_counts_from_nothing(folder: Path) -> None:
    """All workers of before are forgotten, those of other receivers are not."""
    other = folder.with_name("5318")
    for each in (folder, other):
        Worker(each, "1").shared.write()
        worker = Worker(each, "2")
        worker.store(1)
        worker.shared.write()
    forget_shared(folder)
    assert numbers(Worker(folder, "1").shared.text())["spans_stored_total"] == 0
    assert numbers(Worker(other, "1").shared.text())["spans_stored_total"] == 1


def test_a_disk_that_takes_no_file_costs_no_answer(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The worker that is asked tells its own numbers, and complains once."""
    folder.parent.mkdir()
    folder.write_text("in the way")
    worker = Worker(folder, "1")
    worker.store(1)
    assert {numbers(worker.shared.text())["spans_stored_total"] for _ in range(2)} == {1}
    assert len(caplog.records) == 1
