"""Prometheus text: right, and bounded."""

from otel_receiver.metrics import MAX_SERIES, Counter, Histogram, Metrics


def test_metrics_are_prometheus_text() -> None:
    """Help, type, labels, escapes."""
    metrics = Metrics()
    metrics.spans.rejected.add_all({"invalid_trace_id": 2, 'odd"\n\\': 1})
    metrics.spans_stored.add(by=5)
    metrics.also(lambda: iter(["other_metric 1"]))
    text = metrics.text()
    assert "# TYPE genai_sessions_receiver_spans_rejected_total counter" in text
    assert 'genai_sessions_receiver_spans_rejected_total{reason="invalid_trace_id"} 2\n' in text
    assert r'{reason="odd\"\n\\"} 1' in text
    assert "genai_sessions_receiver_spans_stored_total 5\n" in text
    assert text.endswith("other_metric 1\n")


def test_counters_keep_every_unit() -> None:
    """Large totals are not rounded."""
    counter = Counter("n", "about")
    counter.add(by=1 << 52)
    counter.add()
    assert list(counter.lines()) == [f"n {(1 << 52) + 1}"]


def test_series_are_bounded() -> None:
    """What is over goes under one label, whoever forgot."""
    counter = Counter("n", "about", ("reason",))
    for number in range(MAX_SERIES + 50):
        counter.add(f"reason-{number}")
    assert len(list(counter.lines())) == MAX_SERIES + 1
    assert counter.value("other") == 50
    assert counter.total() == MAX_SERIES + 50


def test_a_histogram_counts_below_each_bound() -> None:
    """Cumulative, as Prometheus wants it."""
    histogram = Histogram("s", "about", (0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.add(value)
    assert list(histogram.lines()) == [
        's_bucket{le="0.1"} 2',
        's_bucket{le="1.0"} 3',
        's_bucket{le="+Inf"} 4',
        "s_sum 7.6500000000000004",
        "s_count 4",
    ]
