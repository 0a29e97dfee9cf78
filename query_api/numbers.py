"""Sets of whole numbers as sorted, disjoint, inclusive ranges: what `>`, `<`, `a..b` and `-` of a filter come to.

Every number that can be filtered is whole in its smallest unit (nanoseconds, 1e-12 USD), so no bound is ever open.
"""

from itertools import product

LARGEST = 10**25
"""Beyond any amount: the greatest whole number of Decimal(38, 12)."""

Range = tuple[int, int]
Ranges = tuple[Range, ...]

EVERYTHING: Ranges = ((-LARGEST, LARGEST),)


def from_to(low: int, high: int) -> Ranges:
    return ((low, high),) if low <= high else ()


def at_least(low: int) -> Ranges:
    return from_to(low, LARGEST)


def at_most(high: int) -> Ranges:
    return from_to(-LARGEST, high)


def both(one: Ranges, other: Ranges) -> Ranges:
    overlaps = ((max(a, c), min(b, d)) for (a, b), (c, d) in product(one, other))
    return tuple(sorted(overlap for overlap in overlaps if overlap[0] <= overlap[1]))


def outside(ranges: Ranges) -> Ranges:
    result = EVERYTHING
    for low, high in ranges:
        result = both(result, (*at_most(low - 1), *at_least(high + 1)))
    return result
