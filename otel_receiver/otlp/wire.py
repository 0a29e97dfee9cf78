"""The forms on the wire that make up nearly all attributes, told apart by hand in half the time protobuf takes.

Anything that is not exactly one of them is left to protobuf. Every form: a field, alone or last, lengths below 16 KiB.
"""

KEY_TAG = 0x0A  # KeyValue.key
VALUE_TAG = 0x12  # KeyValue.value
STRING_TAG = 0x0A  # AnyValue.string_value
INT_TAG = 0x18  # AnyValue.int_value
_MORE = 0x80  # of a varint: another byte follows
_ONE_BYTE = 2  # tag and a varint of one byte
_TWO_BYTES = 3  # tag and a varint of two bytes


def content_at(raw: bytes, at: int, tag: int) -> int:
    """Where the content of the field at `at` starts, if it has this tag and fills the rest of `raw`; else -1."""
    left = len(raw) - at
    if left < _TWO_BYTES or raw[at] != tag:
        return -1
    size, high = raw[at + 1], raw[at + 2]
    if size < _MORE:
        return at + _ONE_BYTE if size == left - _ONE_BYTE else -1
    if high < _MORE and (size & ~_MORE | high << 7) == left - _TWO_BYTES:
        return at + _TWO_BYTES
    return -1


def split_pair(raw: bytes) -> tuple[bytes, bytes] | None:
    """Key and value of a KeyValue."""
    if len(raw) < _TWO_BYTES or raw[0] != KEY_TAG or raw[1] >= _MORE:
        return None
    key_end = _ONE_BYTE + raw[1]
    value = content_at(raw, key_end, VALUE_TAG)
    return None if value < 0 else (raw[_ONE_BYTE:key_end], raw[value:])


def small_int(raw: bytes) -> int | None:
    """The integer of an AnyValue, if it is below 16,384: most counts of tokens."""
    if raw[0] != INT_TAG:
        return None
    if len(raw) == _ONE_BYTE and raw[1] < _MORE:
        return raw[1]
    if len(raw) == _TWO_BYTES and raw[1] >= _MORE > raw[2]:
        return raw[1] & ~_MORE | raw[2] << 7
    return None
