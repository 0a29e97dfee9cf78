"""What only JSON can do to us."""

import contextlib
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_receiver.otlp import Malformed, count_metrics, decode_logs, decode_traces, limits
from otel_receiver.span import Span
from tests.otel_receiver.requests import NOW, SPAN, TRACE, document, span, traces

GOOD = {"traceId": TRACE.hex(), "spanId": SPAN.hex(), "startTimeUnixNano": str(NOW), "endTimeUnixNano": str(NOW)}


def body(**fields: Any) -> bytes:
    return orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [GOOD | fields]}]}]})


def only(raw: bytes) -> Span:
    (one,) = decode_traces(raw, "json", NOW).spans
    return one


def attribute(value: Any) -> tuple[Any, tuple[str, ...]]:
    one = only(body(attributes=[{"key": "k", "value": value}]))
    return one.attributes["k"], one.flaws


def test_ids_are_hex_of_either_case() -> None:
    """Line 18: stored in lower case."""
    assert only(body(traceId=TRACE.hex().upper())).trace_id == TRACE.hex()


@pytest.mark.parametrize(
    "broken", ["abc", "zz" * 16, "W47/95gDgQPSabYzgT/GDA==", " " + "ab" * 15 + " ", 5, None, ["ab"]]
)
def test_an_id_that_is_not_hex_costs_its_span(broken: Any) -> None:
    """Line 18: odd length, no hex, base64, white space, no text at all."""
    assert decode_traces(body(traceId=broken), "json", NOW).rejected == {"invalid_trace_id": 1}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"intValue": "12"}, 12),
        ({"intValue": 12}, 12),
        ({"intValue": 12.0}, 12),
        ({"intValue": "-9223372036854775808"}, -(1 << 63)),
        ({"doubleValue": 1.5}, 1.5),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "1.5"}, 1.5),
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"boolValue": False}, False),
        ({"stringValue": ""}, ""),
        ({"bytesValue": "AP8="}, b"\x00\xff"),
        ({"bytesValue": "AP8"}, b"\x00\xff"),
        ({"bytesValue": "_-8="}, b"\xff\xef"),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{"intValue": 1}, {}]}}, [1, None]),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}, {"a": "b"}),
        ({}, None),
        (None, None),
        ({"stringValue": None, "intValue": 3}, 3),
        ({"futureValue": {"x": 1}}, None),
    ],
)
def test_values_are_read_as_the_mapping_says(value: Any, read: Any) -> None:
    """Lines 24 and 29: 64-bit integers as text or number, doubles as text too, unknown kinds and nulls ignored."""
    assert attribute(value) == (read, ())


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"intValue": "9223372036854775808"}, "9223372036854775808"),
        ({"intValue": "1" * 5000}, "1" * 5000),
        ({"intValue": "1_000"}, "1_000"),
        ({"intValue": 12.7}, 12.7),
        ({"intValue": True}, True),
        ({"intValue": {"low": 1}}, limits.UNREADABLE),
        ({"stringValue": 5}, 5),
        ({"boolValue": "true"}, "true"),
        ({"doubleValue": "much"}, "much"),
        ({"doubleValue": False}, False),
        ({"doubleValue": []}, limits.UNREADABLE),
        ({"bytesValue": "???"}, "???"),
        ({"bytesValue": 1}, 1),
        ({"arrayValue": {"values": {}}}, limits.UNREADABLE),
        ({"arrayValue": []}, limits.UNREADABLE),
        ({"kvlistValue": 3}, limits.UNREADABLE),
        ("plain", None),
    ],
)
def test_a_value_of_another_type_than_it_says_is_flagged(value: Any, kept: Any) -> None:
    """Lines 29 and 30: kept as what it is, or marked; no wrap-around, no exception."""
    assert attribute(value) == (kept, ("value_mistyped",))


def test_names_of_enums_and_keys_with_underscores_are_not_json_of_otlp() -> None:
    """Line 25: the name counts as unspecified with a flag, the key as unknown."""
    one = only(body(kind="SPAN_KIND_CLIENT", start_time_unix_nano="1", name="n"))
    assert (one.kind, one.flaws, one.start_ns) == ("unspecified", ("value_mistyped",), NOW)


def test_nulls_and_unknown_fields_are_ignored() -> None:
    """Line 24: at every level."""
    raw: dict[str, Any] = {
        "foo": 1,
        "resourceSpans": [
            {
                "resource": None,
                "scopeSpans": [
                    {"scope": None, "spans": [GOOD | {"foo": {}, "attributes": None, "events": None, "status": None}]}
                ],
            },
            {"scopeSpans": None},
        ],
    }
    one = only(orjson.dumps(raw))
    assert (one.flaws, one.attributes, one.status) == ((), {}, "unset")


def test_a_member_given_twice_counts_the_last_time() -> None:
    """Line 28: as most parsers have it."""
    raw = body(name="first").replace(b'"name":"first"', b'"name":"first","name":"second"')
    assert only(raw).name == "second"


def test_a_lone_surrogate_is_repaired() -> None:
    """Line 36: only its span is flagged; pairs and escaped backslashes stay what they are."""
    raw = body(name="SMILE ESCAPED LONE")
    raw = raw.replace(b"SMILE", rb"\ud83d\ude00").replace(b"ESCAPED", rb"\\ud800").replace(b"LONE", rb"\ud800")
    one = only(raw)
    assert (one.name, one.flaws) == ("\U0001f600 \\ud800 \ufffd", ("utf8_repaired",))


def test_invalid_utf_8_is_repaired() -> None:
    """Line 36: the neighbour is not flagged."""
    sent = orjson.dumps(document(traces(span(1, name="fine"), span(2, name="BAD?"), resource={"r": "BAD?"})))
    first, second = decode_traces(sent.replace(b"BAD?", b"BAD\xff"), "json", NOW).spans
    assert (second.name, second.resource.attributes) == ("BAD\ufffd", {"r": "BAD\ufffd"})
    assert second.flaws == first.flaws == ("utf8_repaired",)  # both by their resource


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_numbers_that_are_not_json_are_malformed(literal: bytes) -> None:
    """Line 31: a literal NaN is no JSON."""
    with pytest.raises(Malformed, match="not JSON"):
        decode_traces(b'{"resourceSpans":[{"x":' + literal + b"}]}", "json", NOW)


@pytest.mark.parametrize("raw", [b"", b" ", b"null", b"[]", b'"x"', b"1", b"{", '{"a":1}'.encode("utf-16")])
def test_what_is_no_object_is_malformed(raw: bytes) -> None:
    """Lines 2 and 3: an empty text is not an empty request."""
    with pytest.raises(Malformed):
        decode_traces(raw, "json", NOW)


def test_bottomless_json_is_malformed() -> None:
    """Line 39: a hundred thousand brackets, and no RecursionError."""
    with pytest.raises(Malformed):
        decode_traces(b'{"resourceSpans":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "json", NOW)


@pytest.mark.parametrize(
    "raw",
    [
        {"resourceSpans": {}},
        {"resourceSpans": [1]},
        {"resourceSpans": [{"scopeSpans": "x"}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]},
    ],
)
def test_a_wrong_frame_is_malformed(raw: Any) -> None:
    """Nobody can tell how many spans that was."""
    with pytest.raises(Malformed, match="is not a JSON"):
        decode_traces(orjson.dumps(raw), "json", NOW)


def test_a_span_that_is_no_object_costs_itself() -> None:
    """The frame is right, so it can be counted."""
    raw = {"resourceSpans": [{"scopeSpans": [{"spans": [GOOD, 5, None]}]}]}
    result = decode_traces(orjson.dumps(raw), "json", NOW)
    assert (len(result.spans), result.rejected) == (1, {"malformed_span": 2})


def test_another_signal_is_refused_with_the_way_to_go() -> None:
    """Line 4: silence would lose it."""
    with pytest.raises(Malformed, match="/v1/logs"):
        decode_traces(b'{"resourceLogs":[]}', "json", NOW)
    with pytest.raises(Malformed, match="/v1/traces"):
        decode_logs(b'{"resourceSpans":[]}', "json", NOW)


def test_attributes_as_an_object_are_flagged() -> None:
    """A frequent mistake of hand-made clients; the span stays."""
    one = only(body(attributes={"k": "v"}))
    assert (one.attributes, one.dropped_attributes, one.flaws) == ({}, 1, ("value_mistyped",))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_SPAN_FIELDS = [
    *("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes"),
    *("events", "links", "status", "traceState", "flags", "droppedAttributesCount", "droppedEventsCount"),
]
_VALUE_KINDS = ["stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "arrayValue", "kvlistValue"]


@given(st.dictionaries(st.sampled_from(_SPAN_FIELDS), _JSON | st.lists(_JSON, max_size=2)))
def test_any_shape_of_a_span_is_malformed_or_fine(fields: dict[str, Any]) -> None:
    """No other exception leaves the reader, whatever stands where."""
    raw = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [GOOD | fields]}]}]}).encode()
    with contextlib.suppress(Malformed):
        decode_traces(raw, "json", NOW)


@given(st.dictionaries(st.sampled_from(_VALUE_KINDS), _JSON))
def test_any_shape_of_a_value_is_read(value: dict[str, Any]) -> None:
    """A value never costs its span."""
    raw = body(attributes=[{"key": "k", "value": "VALUE"}]).replace(b'"VALUE"', json.dumps(value).encode())
    assert "k" in only(raw).attributes


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_random_bodies_are_malformed_or_fine(raw: bytes) -> None:
    """Line 2, for JSON."""
    for decode in (decode_traces, decode_logs):
        with contextlib.suppress(Malformed):
            decode(raw, "json", NOW)
    with contextlib.suppress(Malformed):
        count_metrics(raw, "json")


@given(_JSON)
def test_any_json_is_malformed_or_fine(value: Any) -> None:
    """And the frames of all three signals around it."""
    for frame in ({"resourceSpans": value}, {"resourceLogs": value}, {"resourceMetrics": [value]}, value):
        raw = json.dumps(frame).encode()
        for decode in (decode_traces, decode_logs):
            with contextlib.suppress(Malformed):
                decode(raw, "json", NOW)
        with contextlib.suppress(Malformed):
            count_metrics(raw, "json")
