"""What only protobuf can do to us."""

import contextlib
import os
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from otel_receiver.otlp import Malformed, count_metrics, decode_logs, decode_traces, limits, read_traces
from otel_receiver.otlp.protobuf_values import read_attributes
from otel_receiver.otlp.schema import KeyValue as RawPair
from otel_receiver.otlp.wire import small_int, split_pair
from tests.otel_receiver.requests import NOW, any_value, span, traces


def test_invalid_utf_8_costs_nobody_anything() -> None:
    """Line 36: in a name, a key, a value and a nested value; repaired, flagged, and only on its span."""
    bad = span(2, {"key-BAD?": "text-BAD?", "nested": ["BAD?", {"BAD?": 1}]}, name="name-BAD?")
    body = traces(span(1), bad).SerializeToString().replace(b"BAD?", b"BAD\xff")
    clean, repaired = decode_traces(body, "protobuf", NOW).spans
    assert repaired.name == "name-BAD\ufffd"
    assert repaired.attributes == {"key-BAD\ufffd": "text-BAD\ufffd", "nested": ["BAD\ufffd", {"BAD\ufffd": 1}]}
    assert (clean.flaws, repaired.flaws) == ((), ("utf8_repaired",))


def test_invalid_utf_8_of_a_resource_flags_its_spans() -> None:
    """Line 36: what spans share flags them all."""
    body = traces(span(1), span(2), resource={"service.name": "BAD?"}).SerializeToString().replace(b"BAD?", b"BAD\xff")
    result = decode_traces(body, "protobuf", NOW)
    assert result.repaired == {"utf8_repaired": 2}
    assert result.spans[0].resource.attributes == {"service.name": "BAD\ufffd"}


def test_a_truncated_request_is_malformed() -> None:
    """Line 1: whatever byte it ends on, nothing but Malformed."""
    body = traces(span(1, {"k": "v"}), span(2)).SerializeToString()
    for end in range(1, len(body)):
        with pytest.raises(Malformed):
            decode_traces(body[:end], "protobuf", NOW)


def test_unknown_fields_are_ignored() -> None:
    """Line 24: a field number nobody has assigned yet."""
    body = traces(span()).SerializeToString() + b"\xba\x3e\x03abc"  # field 999
    assert len(decode_traces(body, "protobuf", NOW).spans) == 1


def test_an_index_into_a_dictionary_is_no_value() -> None:
    """Line 24: strindex fields are of profiles; seen on spans they count as absent."""
    raw = KeyValue(key="k").SerializeToString() + b"\x12\x02\x40\x05"
    assert read_attributes([raw], set()) == ({"k": None}, 0)


@pytest.mark.parametrize("depth", [48, 10_000])
def test_bottomless_values_cost_themselves(depth: int) -> None:
    """Line 39: where protobuf would refuse the whole request, the value is marked and the neighbours are whole."""
    raw = any_value("core").SerializeToString()
    for _ in range(depth):
        raw = _field(5, _field(1, raw))
    attribute = _field(1, b"deep") + _field(2, raw)
    flaws: set[str] = set()
    value: Any = read_attributes([attribute], flaws)[0]["deep"]
    for _ in range(limits.MAX_DEPTH):
        (value,) = value
    assert (value, flaws) == (limits.TOO_DEEP, {"too_deep"})


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2]) + bytes(length) + bytes([size]) + content


def test_an_unreadable_value_costs_itself() -> None:
    """A value whose bytes are no value is marked; its key and its neighbours stay."""
    flaws: set[str] = set()
    broken = _field(1, b"k") + _field(2, b"\x2a\x05\x00")
    assert read_attributes([broken, *_pairs(good=1)], flaws) == ({"k": limits.UNREADABLE, "good": 1}, 0)
    assert flaws == {"value_unreadable"}


def test_an_unreadable_attribute_costs_itself() -> None:
    """Without a key it stands under the empty one."""
    flaws: set[str] = set()
    assert read_attributes([b"\x0a\xff", *_pairs(good=1)], flaws) == ({"": limits.UNREADABLE, "good": 1}, 0)
    assert flaws == {"value_unreadable"}


def _pairs(**values: Any) -> list[bytes]:
    return [KeyValue(key=key, value=any_value(value)).SerializeToString() for key, value in values.items()]


def test_two_million_empty_spans_are_counted_in_time() -> None:
    """Line 38: 4 MB of nothing."""
    spans = b"\x12\x00" * 2_000_000
    body = _field(1, _field(2, spans))
    started = time.process_time()
    result = decode_traces(body, "protobuf", NOW)
    assert result.rejected == {"invalid_trace_id": 2_000_000}
    assert time.process_time() - started < 5


def test_a_hundred_thousand_attributes_take_under_a_second() -> None:
    """Line 38: decoded up to the limit, counted beyond."""
    body = traces(span(values={f"key-{n}": n for n in range(100_000)})).SerializeToString()
    started = time.process_time()
    (one,) = decode_traces(body, "protobuf", NOW).spans
    assert one.dropped_attributes == 100_000 - limits.MAX_ATTRIBUTES
    assert time.process_time() - started < 1


def test_a_flood_of_group_tags_is_malformed() -> None:
    """Line 2: the parser does not descend without bound."""
    with pytest.raises(Malformed):
        decode_traces(b"\x0b" * 1_000_000, "protobuf", NOW)


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_or_fine(body: bytes) -> None:
    """Line 2: no other exception leaves the reader."""
    for decode in (decode_traces, decode_logs):
        with contextlib.suppress(Malformed):
            decode(body, "protobuf", NOW)
    with contextlib.suppress(Malformed):
        count_metrics(body, "protobuf")


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
def test_a_request_with_a_few_bytes_overwritten_is_malformed_or_fine(at: int, noise: bytes) -> None:
    """Nearly right is worse than random."""
    body = bytearray(_REQUEST)
    body[at % len(body) : at % len(body) + len(noise)] = noise
    with contextlib.suppress(Malformed):
        decode_traces(bytes(body), "protobuf", NOW)


_REQUEST = traces(span(1, {"k": "v", "n": 3, "list": [1, {"a": b"x"}], "f": 1.5}), span(2)).SerializeToString()


@given(st.binary(max_size=300))
def test_the_short_forms_agree_with_protobuf(raw: bytes) -> None:
    """What is told apart by hand is what protobuf would have said."""
    parts = split_pair(raw)
    if parts is not None:
        pair = RawPair.FromString(raw)
        assert parts == (pair.key, pair.value)
    number = small_int(raw or b"\x00")
    if number is not None:
        assert AnyValue.FromString(raw).int_value == number


@given(st.text(max_size=200), st.one_of(st.integers(-5, 20_000), st.binary(max_size=200), st.text(max_size=400)))
def test_the_short_forms_read_every_real_attribute(key: str, value: Any) -> None:
    """Also with lengths around the edges."""
    assert read_attributes(_pairs_of(key, value), set()) == ({key: value}, 0)


def _pairs_of(key: str, value: Any) -> list[bytes]:
    return [KeyValue(key=key, value=any_value(value)).SerializeToString()]


@pytest.mark.parametrize("seed", range(20))
def test_the_short_forms_are_not_fooled_by_length(seed: int) -> None:
    """A length of three bytes is not taken for one of two, whatever the total is."""
    size = 16_384 + seed * 997
    raw = _field(1, b"k") + _field(2, _field(1, os.urandom(4).hex().encode() * (size // 8)))
    pair = RawPair.FromString(raw)
    assert (split_pair(raw) or (pair.key, pair.value)) == (pair.key, pair.value)


@pytest.mark.parametrize("around", [0, 128, 256, 16_384])
def test_a_key_seen_before_reads_a_text_of_any_length(around: int) -> None:
    """On both sides of where a length takes another byte; the text may be invalid, or look like a number."""
    for length in range(max(around - 16, 0), around + 16):
        for text in (b"x" * length, b"\xff" * length, b"\x18" * length):
            value = b"\x0a" + _varint(length) + text
            raw = b"\x0a\x04said\x12" + _varint(len(value)) + value
            for _ in range(2):
                attributes, _ = read_attributes([raw], set())
                assert attributes == {"said": text.decode(errors="replace")}


def test_a_key_seen_before_believes_no_length() -> None:
    """A value that is cut, or followed by something, is read as protobuf reads it, whatever was seen before."""
    whole = KeyValue(key="said", value=AnyValue(string_value="hello")).SerializeToString()
    assert read_attributes([whole], set())[0] == {"said": "hello"}
    assert read_attributes([whole[:-1]], set())[0] == {"": limits.UNREADABLE}
    assert read_attributes([whole + b"\x0a\x03who"], set())[0] == {"who": "hello"}
    assert read_attributes([whole + whole[6:]], set())[0] == {"said": "hello"}


def _varint(number: int) -> bytes:
    groups = [number >> 7 * place & 0x7F for place in range(3) if place == 0 or number >> 7 * place]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def test_a_huge_body_reads_piece_by_piece_as_it_does_whole() -> None:
    """Its spans are unpacked one by one; all that is said of them is the same."""
    body = traces(
        *(span(number + 1, {"p": "x" * number}) for number in range(50)), span(trace_id=b"x")
    ).SerializeToString()
    [whole] = read_traces(body, "protobuf", NOW)
    pieces = list(read_traces(body, "protobuf", NOW, piece_bytes=5_000))
    assert len(pieces) > 2
    assert [one for piece in pieces for one in piece.spans] == whole.spans
    assert pieces[-1].rejected == whole.rejected == {"invalid_trace_id": 1}


def test_a_span_of_a_huge_body_that_cannot_be_read_costs_itself() -> None:
    """Those before it are stored when it is looked at."""
    spans = ScopeSpans(spans=[span(1), span(2)]).SerializeToString() + b"\x12\x02\x0a\x7f"
    scoped = b"\x12" + _varint(len(spans)) + spans
    body = b"\x0a" + _varint(len(scoped)) + scoped
    with pytest.raises(Malformed):
        decode_traces(body, "protobuf", NOW)
    [piece] = read_traces(body, "protobuf", NOW, piece_bytes=1 << 20)
    assert ([one.span_id[-1] for one in piece.spans], piece.rejected) == (["1", "2"], {"unreadable": 1})
