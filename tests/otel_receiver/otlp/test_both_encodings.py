"""What holds for protobuf and JSON alike: every test here runs on both."""

import math
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from otel_receiver.otlp import Decoded, Encoding, Malformed, count_metrics, decode_logs, decode_traces, limits
from otel_receiver.otlp.clock import NEWEST_NS, OLDEST_NS
from otel_receiver.span import Event, Link, Resource, Scope, Span
from tests.otel_receiver.requests import NOW, SECOND, SPAN, TRACE, attributes, body, gauge, logs, span, traces


@pytest.fixture(params=["protobuf", "json"])
def encoding(request: pytest.FixtureRequest) -> Encoding:
    """Each encoding in turn."""
    chosen: Encoding = request.param
    return chosen


def decoded(encoding: Encoding, *spans: SentSpan, **group: Any) -> Decoded:
    return decode_traces(body(traces(*spans, **group), encoding), encoding, NOW)


def only(encoding: Encoding, *spans: SentSpan, **group: Any) -> Span:
    (one,) = decoded(encoding, *spans, **group).spans
    return one


def test_every_field_of_a_span_arrives(encoding: Encoding) -> None:
    """Nothing an SDK sends is lost on the way into a Span."""
    sent = span(
        values={"session.id": "s-1", "n": 7, "ratio": 0.5, "ok": True, "raw": b"\x00\xff", "none": None},
        span_id=SPAN,
        parent_span_id=b"parent-1",
        trace_state="a=b",
        flags=0x101,
        kind=SentSpan.SPAN_KIND_CLIENT,
        events=[SentSpan.Event(time_unix_nano=NOW, name="token", attributes=attributes({"i": 1}))],
        links=[SentSpan.Link(trace_id=TRACE, span_id=SPAN, trace_state="c=d", attributes=attributes({"l": [1, "x"]}))],
        status=Status(code=Status.STATUS_CODE_ERROR, message="no luck"),
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    assert only(encoding, sent) == Span(
        trace_id=TRACE.hex(),
        span_id=SPAN.hex(),
        parent_span_id=b"parent-1".hex(),
        name="chat",
        kind="client",
        start_ns=NOW - SECOND,
        end_ns=NOW,
        status="error",
        status_message="no luck",
        attributes={"session.id": "s-1", "n": 7, "ratio": 0.5, "ok": True, "raw": b"\x00\xff", "none": None},
        events=(Event(NOW, "token", {"i": 1}),),
        links=(Link(TRACE.hex(), SPAN.hex(), "c=d", {"l": [1, "x"]}),),
        resource=Resource({"service.name": "bot"}),
        scope=Scope("tests"),
        trace_state="a=b",
        flags=0x101,
        dropped_attributes=1,
        dropped_events=2,
        dropped_links=3,
    )


def test_spans_of_a_group_share_resource_and_scope(encoding: Encoding) -> None:
    """One object each, however many spans."""
    first, second = decoded(encoding, span(1), span(2)).spans
    assert first.resource is second.resource
    assert first.scope is second.scope


@pytest.mark.parametrize("length", [0, 3, 8, 15, 17])
def test_a_trace_id_of_the_wrong_length_costs_its_span_only(encoding: Encoding, length: int) -> None:
    """Line 17: 511 neighbours are stored, one is rejected with the reason."""
    result = decoded(encoding, *(span(n) for n in range(1, 512)), span(512, trace_id=b"\x01" * length))
    assert len(result.spans) == 511
    assert result.rejected == {"invalid_trace_id": 1}


@pytest.mark.parametrize("broken", [b"", b"abc", b"123456789", bytes(8)])
def test_a_span_id_that_is_none_costs_its_span_only(encoding: Encoding, broken: bytes) -> None:
    """Line 17, the other id."""
    result = decoded(encoding, span(1), span(span_id=broken))
    assert (len(result.spans), result.rejected) == (1, {"invalid_span_id": 1})


def test_a_trace_id_of_zeros_is_none(encoding: Encoding) -> None:
    """Line 17: all zero is invalid, says the schema."""
    assert decoded(encoding, span(trace_id=bytes(16))).rejected == {"invalid_trace_id": 1}


@pytest.mark.parametrize("broken", [b"abc", bytes(8), b"123456789"])
def test_a_broken_parent_id_makes_a_root(encoding: Encoding, broken: bytes) -> None:
    """Line 19: the span is kept and flagged."""
    one = only(encoding, span(parent_span_id=broken))
    assert (one.parent_span_id, one.flaws) == ("", ("invalid_parent_span_id",))


def test_a_span_may_be_its_own_parent(encoding: Encoding) -> None:
    """Line 19: cycles are the tree's business; the span is stored."""
    assert only(encoding, span(span_id=SPAN, parent_span_id=SPAN)).parent_span_id == SPAN.hex()


@pytest.mark.parametrize("start", [0, 1, NOW - OLDEST_NS - 1, NOW + NEWEST_NS + 1, (1 << 64) - 1])
def test_a_start_nobody_can_mean_becomes_the_received_time(encoding: Encoding, start: int) -> None:
    """Lines 20-22: clamped and flagged, the original kept as an integer."""
    one = only(encoding, span(start_time_unix_nano=start, end_time_unix_nano=start))
    assert (one.start_ns, one.end_ns) == (NOW, NOW)
    assert "start_clamped" in one.flaws
    assert (one.sent_start_ns, one.sent_end_ns) == (start, start)


@pytest.mark.parametrize("start", [NOW - OLDEST_NS, NOW, NOW + NEWEST_NS])
def test_a_start_on_the_edge_of_the_window_is_believed(encoding: Encoding, start: int) -> None:
    """The clamp begins one nanosecond later."""
    one = only(encoding, span(start_time_unix_nano=start, end_time_unix_nano=start))
    assert (one.start_ns, one.flaws, one.sent_start_ns) == (start, (), None)


def test_an_end_before_the_start_becomes_the_start(encoding: Encoding) -> None:
    """Line 20: a duration of 0 and a flag, never a negative or enormous one."""
    one = only(encoding, span(start_time_unix_nano=NOW, end_time_unix_nano=NOW - 5))
    assert (one.start_ns, one.end_ns, one.flaws) == (NOW, NOW, ("end_clamped",))
    assert (one.sent_start_ns, one.sent_end_ns) == (None, NOW - 5)


def test_an_end_beyond_all_calendars_is_clamped(encoding: Encoding) -> None:
    """Line 21: the largest integer of the wire fits no column."""
    one = only(encoding, span(end_time_unix_nano=(1 << 64) - 1))
    assert (one.end_ns, one.sent_end_ns, one.flaws) == (NOW, (1 << 64) - 1, ("end_clamped",))


def test_an_event_without_a_believable_time_happens_at_the_start(encoding: Encoding) -> None:
    """It keeps its place in the span and is flagged."""
    one = only(encoding, span(events=[SentSpan.Event(name="late", time_unix_nano=5)]))
    assert (one.events[0].at_ns, one.flaws) == (one.start_ns, ("event_clamped",))


def test_unknown_numbers_are_kept(encoding: Encoding) -> None:
    """Line 23: an enum value of tomorrow is stored as its number, all flags as they are, an empty name as empty."""
    sent = span(name="", kind=77, flags=0xFFFFFFFF)
    sent.status.code = 99  # type: ignore[assignment]
    one = only(encoding, sent)
    assert (one.name, one.kind, one.status, one.flags) == ("", "77", "99", 0xFFFFFFFF)


def test_the_last_of_a_repeated_key_counts(encoding: Encoding) -> None:
    """Line 28: one rule, and a flag."""
    repeated = attributes({"k": 1}) + attributes({"other": 2}) + attributes({"k": 3})
    one = only(encoding, span(attributes=repeated))
    assert (one.attributes, one.flaws) == ({"k": 3, "other": 2}, ("repeated_key",))


def test_numbers_that_are_none_survive_as_floats(encoding: Encoding) -> None:
    """Line 31: NaN and the infinities are values of an attribute; what they mean is not decided here."""
    one = only(encoding, span(values={"nan": math.nan, "inf": math.inf, "minus": -math.inf}))
    assert isinstance(one.attributes["nan"], float)
    assert math.isnan(one.attributes["nan"])
    assert (one.attributes["inf"], one.attributes["minus"]) == (math.inf, -math.inf)


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, -1, (1 << 63) - 1, -(1 << 63)])
def test_every_64_bit_integer_arrives(encoding: Encoding, number: int) -> None:
    """The short forms and the long ones."""
    assert only(encoding, span(values={"n": number})).attributes == {"n": number}


@pytest.mark.parametrize("length", [0, 1, 90, 126, 127, 128, 129, 16_382, 16_383, 16_384, 16_385, 3_000_000])
def test_texts_of_every_length_arrive_whole(encoding: Encoding, length: int) -> None:
    """Around each edge of the short forms, and far above."""
    assert only(encoding, span(values={"text": "x" * length})).attributes == {"text": "x" * length}


def test_a_text_over_the_limit_says_how_much_is_gone(encoding: Encoding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line 37: cut, marked and flagged, never silent."""
    monkeypatch.setattr(limits, "MAX_TEXT", 10)
    one = only(encoding, span(values={"text": "0123456789tail"}))
    assert one.attributes == {"text": "0123456789[cut: 4 more characters]"}
    assert one.flaws == ("text_cut",)


def test_ten_million_characters_are_a_prompt_like_any_other(encoding: Encoding) -> None:
    """Line 37: below the documented limit nothing is cut."""
    prompt = "p" * 10_000_000
    assert only(encoding, span(values={"prompt": prompt})).attributes["prompt"] == prompt


def test_long_names_and_keys_are_cut_and_flagged(encoding: Encoding) -> None:
    """Lines 23 and 38: a megabyte of name is nobody's name."""
    one = only(encoding, span(name="n" * 1_000_000, values={"k" * 1_000_000: 1}))
    assert one.name == "n" * limits.MAX_NAME + "[cut: 995904 more characters]"
    assert [len(key) for key in one.attributes] == [limits.MAX_KEY + len("[cut: 998976 more characters]")]
    assert one.flaws == ("key_cut", "name_cut")


def test_large_bytes_are_left_out_with_a_mark(encoding: Encoding) -> None:
    """A megabyte is kept, more is not."""
    one = only(encoding, span(values={"kept": bytes(limits.MAX_BYTES), "out": bytes(limits.MAX_BYTES + 1)}))
    assert one.attributes == {"kept": bytes(limits.MAX_BYTES), "out": limits.TOO_MANY_BYTES}
    assert one.flaws == ("bytes_left_out",)


def test_too_many_attributes_are_cut_and_counted(encoding: Encoding) -> None:
    """Line 38: the first ones stay, the span says how many went."""
    one = only(
        encoding, span(values={f"k{n}": n for n in range(limits.MAX_ATTRIBUTES + 5)}, dropped_attributes_count=2)
    )
    assert len(one.attributes) == limits.MAX_ATTRIBUTES
    assert (one.dropped_attributes, one.flaws) == (7, ("attributes_cut",))


def test_too_many_events_and_links_are_cut_and_counted(encoding: Encoding) -> None:
    """Line 38, the other lists."""
    event = SentSpan.Event(name="e", time_unix_nano=NOW)
    link = SentSpan.Link(trace_id=TRACE, span_id=SPAN)
    one = only(encoding, span(events=[event] * 10_000, links=[link] * 10_000))
    assert (len(one.events), one.dropped_events) == (limits.MAX_EVENTS, 10_000 - limits.MAX_EVENTS)
    assert (len(one.links), one.dropped_links) == (limits.MAX_LINKS, 10_000 - limits.MAX_LINKS)
    assert one.flaws == ("events_cut", "links_cut")


def test_a_link_to_nowhere_is_dropped_and_counted(encoding: Encoding) -> None:
    """A link without ids links nothing."""
    one = only(encoding, span(links=[SentSpan.Link(trace_id=TRACE, span_id=SPAN), SentSpan.Link(trace_id=b"x")]))
    assert (len(one.links), one.dropped_links, one.flaws) == (1, 1, ("invalid_link",))


def test_too_many_spans_are_rejected_by_count(encoding: Encoding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line 38: a flood costs what the limit costs."""
    monkeypatch.setattr(limits, "MAX_SPANS", 3)
    result = decoded(encoding, *(span(n) for n in range(1, 6)))
    assert (len(result.spans), result.rejected) == (3, {"too_many_in_request": 2})


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [1, 10, 32])
def test_values_nest_as_deep_as_the_limit(encoding: Encoding, depth: int) -> None:
    """Line 39, below the limit."""
    one = only(encoding, span(values={"v": nested(depth)}))
    assert (one.attributes, one.flaws) == ({"v": nested(depth)}, ())


@pytest.mark.parametrize("depth", [33, 47])
def test_what_nests_deeper_is_marked(encoding: Encoding, depth: int) -> None:
    """Line 39: the value is replaced where it gets too deep."""
    one = only(encoding, span(values={"v": nested(depth), "w": 1}))
    value: Any = one.attributes["v"]
    for _ in range(limits.MAX_DEPTH):
        (value,) = value
    assert (value, one.attributes["w"], one.flaws) == (limits.TOO_DEEP, 1, ("too_deep",))


def test_maps_and_arrays_arrive_as_they_were(encoding: Encoding) -> None:
    """Messages as native values, as the current conventions allow."""
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}, None, 1, 2.5, True]}]
    assert only(encoding, span(values={"gen_ai.input.messages": messages})).attributes == {
        "gen_ai.input.messages": messages
    }


def test_a_long_array_is_cut(encoding: Encoding) -> None:
    """Line 38: within one value too."""
    one = only(encoding, span(values={"v": [0] * (limits.MAX_ITEMS + 1)}))
    assert one.attributes == {"v": [0] * limits.MAX_ITEMS}
    assert one.flaws == ("items_cut",)


def test_repairs_are_counted_by_flaw(encoding: Encoding) -> None:
    """What was repaired is told once per span."""
    result = decoded(encoding, span(1), span(2, end_time_unix_nano=0), span(3, end_time_unix_nano=0))
    assert result.repaired == {"end_clamped": 2}


def test_an_empty_request_holds_nothing(encoding: Encoding) -> None:
    """Line 3: empty envelopes are a success."""
    assert decoded(encoding) == Decoded([], {}, {})


@pytest.mark.parametrize("junk", [b"\xff\xff\xff", b"\x0a\xff", b"[", b"\x0b" * 200, b"<html>", b"\x00"])
def test_junk_is_malformed(encoding: Encoding, junk: bytes) -> None:
    """Lines 1, 2 and 6: one kind of error, with a sentence."""
    for decode in (decode_traces, decode_logs):
        with pytest.raises(Malformed, match="the body is not"):
            decode(junk, encoding, NOW)
    with pytest.raises(Malformed, match="the body is not"):
        count_metrics(junk, encoding)


def test_each_encoding_refuses_the_other(encoding: Encoding) -> None:
    """Line 6: mislabelled bytes are a client's mistake."""
    other: Encoding = "json" if encoding == "protobuf" else "protobuf"
    with pytest.raises(Malformed):
        decode_traces(body(traces(span()), other), encoding, NOW)


def test_logs_sent_as_traces_are_never_stored(encoding: Encoding) -> None:
    """Line 4: refused whole, or every record by its ids."""
    sent = body(logs(LogRecord(time_unix_nano=NOW, trace_id=TRACE, span_id=SPAN)), encoding)
    try:
        result = decode_traces(sent, encoding, NOW)
    except Malformed as why:
        assert "/v1/logs" in str(why)  # noqa: PT017 - either answer will do, and JSON's has a hint
    else:
        assert (result.spans, result.rejected) == ([], {"invalid_trace_id": 1})


def test_a_log_record_arrives(encoding: Encoding) -> None:
    """All of it, bound to its span."""
    sent = LogRecord(
        time_unix_nano=NOW - 1,
        observed_time_unix_nano=NOW,
        severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
        severity_text="INFO",
        event_name="gen_ai.client.inference.operation.details",
        attributes=attributes({"gen_ai.usage.input_tokens": 12}),
        trace_id=TRACE,
        span_id=SPAN,
    )
    sent.body.kvlist_value.values.extend(attributes({"content": "hi"}))
    (record,) = decode_logs(body(logs(sent), encoding), encoding, NOW).records
    assert record[:8] == (
        NOW - 1,
        NOW,
        "INFO",
        "gen_ai.client.inference.operation.details",
        {"content": "hi"},
        {"gen_ai.usage.input_tokens": 12},
        TRACE.hex(),
        SPAN.hex(),
    )
    assert record.flaws == ()


def test_a_log_record_needs_no_ids_and_no_time(encoding: Encoding) -> None:
    """It is then of the moment it was observed, or received; its older name for events is understood."""
    bare = LogRecord(
        attributes=attributes({"event.name": "api_request"}), severity_number=SeverityNumber.SEVERITY_NUMBER_INFO
    )
    observed = LogRecord(observed_time_unix_nano=NOW - 7)
    first, second = decode_logs(body(logs(bare, observed), encoding), encoding, NOW).records
    assert (first.time_ns, first.trace_id, first.span_id, first.event_name) == (NOW, "", "", "api_request")
    assert (first.severity, first.body) == ("9", None)
    assert second.time_ns == NOW - 7


def test_a_log_record_with_broken_ids_is_kept_without(encoding: Encoding) -> None:
    """Content is not lost for a bad id."""
    sent = logs(LogRecord(time_unix_nano=NOW, trace_id=b"x", span_id=SPAN), LogRecord(trace_id=TRACE, span_id=b"y"))
    first, second = decode_logs(body(sent, encoding), encoding, NOW).records
    assert (first.trace_id, first.span_id, first.flaws) == ("", "", ("invalid_trace_id",))
    assert (second.trace_id, second.span_id) == (TRACE.hex(), "")
    assert "invalid_span_id" in second.flaws


def test_data_points_are_counted(encoding: Encoding) -> None:
    """Metrics are accepted so that an SDK needs one endpoint only."""
    data = gauge(3)
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    metrics.add(name="empty")
    metrics.add(name="sum").sum.data_points.add(as_double=1.5)
    metrics.add(name="h").histogram.data_points.add(count=1)
    assert count_metrics(body(data, encoding), encoding) == 5
