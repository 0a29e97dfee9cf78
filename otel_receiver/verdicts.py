"""What a failed insert means: come again, or never. Only what is proven to lie in the rows themselves is for good."""

import struct

BAD_ROW_CODES = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        395,  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
    }
)
"""ClickHouse's error codes. An unknown one may be anything, so it is tried again, and told."""

_TOO_MANY_PARTS = 252
_PARTITIONS = "partitions for single INSERT"

UNWRITABLE = (ValueError, TypeError, AttributeError, ArithmeticError, struct.error)
"""What encoding raises for a value that its column cannot hold."""


class NotNow(Exception):
    """Nothing is known to be wrong with the rows. `code` is 0 where the database did not even answer."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(f"code {code}" if code != 0 else "no answer")
        self.code = code


class NotEver(Exception):
    """The rows are refused for good, or some of them. `kind` is short and counted; the message may quote the rows."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def verdict(code: int, message: str) -> NotNow | NotEver:
    """252 is two things: too many parts, which merges heal, and too many days in one insert, which they do not."""
    if code in BAD_ROW_CODES or (code == _TOO_MANY_PARTS and _PARTITIONS in message):
        return NotEver(f"code_{code}", message)
    return NotNow(code)
