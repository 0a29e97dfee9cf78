"""The forms on the wire that make up nearly all attributes, told apart by hand in half the time protobuf takes.

Anything that is not exactly one of them is left to protobuf. Every form: a field, alone or last, lengths below 16 KiB.
"""

KEY_TAG = 0x0A  # KeyValue.key
VALUE_TAG = 0x12  # KeyValue.value
STRING_TAG = 0x0A  # AnyValue.string_value
INT_TAG = 0x18  # AnyValue.int_value
_MORE = 0x80  # of a varint: another byte follows
ONE_BYTE = 2  # tag and a varint of one byte
_TWO_BYTES = 3  # tag and a varint of two bytes
_MAX_LENGTH = _MORE * _MORE  # of what a varint of two bytes says


def content_at(raw: bytes, at: int, tag: int) -> int:
    """Where the content of the field at `at` starts, if it has this tag and fills the rest of `raw`; else -1."""
    left = len(raw) - at
    if left < _TWO_BYTES or raw[at] != tag:
        return -1
    size, high = raw[at + 1], raw[at + 2]
    if size < _MORE:
        return at + ONE_BYTE if size == left - ONE_BYTE else -1
    if high < _MORE and (size & ~_MORE | high << 7) == left - _TWO_BYTES:
        return at + _TWO_BYTES
    return -1


def split_pair(raw: bytes) -> tuple[bytes, bytes] | None:
    """Key and value of a KeyValue."""
    if len(raw) < _TWO_BYTES or raw[0] != KEY_TAG or raw[1] >= _MORE:
        return None
    key_end = ONE_BYTE + raw[1]
    value = content_at(raw, key_end, VALUE_TAG)
    return None if value < 0 else (raw[ONE_BYTE:key_end], raw[value:])


def small_int(raw: bytes) -> int | None:
    """The integer of an AnyValue, if it is below 16,384: most counts of tokens."""
    if raw[0] != INT_TAG:
        return None
    if len(raw) == ONE_BYTE and raw[1] < _MORE:
        return raw[1]
    if len(raw) == _TWO_BYTES and raw[1] >= _MORE > raw[2]:
        return raw[1] & ~_MORE | raw[2] << 7
    return None


def key_head(key: bytes) -> bytes:
    """How a KeyValue with this key begins; empty where the key is long."""
    return bytes((KEY_TAG, len(key))) + key if len(key) < _MORE else b""


class _TextHeads(dict[int, bytes]):
    """How many bytes a KeyValue's value takes -> those of them before the text, if it is one: they follow from the
    number. Empty where they do not: above 16 KiB, and for the few numbers that no text comes to."""

    def __missing__(self, left: int) -> bytes:
        if left >= _MAX_LENGTH:
            return b""
        heads = [_text_head(left - size) for size in (4, 5, 6) if size <= left]
        head = self[left] = next((head for size, head in zip((4, 5, 6), heads, strict=False) if len(head) == size), b"")
        return head


def _text_head(length: int) -> bytes:
    inner = _field_head(STRING_TAG, length)
    return _field_head(VALUE_TAG, len(inner) + length) + inner


def _field_head(tag: int, length: int) -> bytes:
    return bytes((tag, length)) if length < _MORE else bytes((tag, length & 0x7F | _MORE, length >> 7))


TEXT_HEADS = _TextHeads()
