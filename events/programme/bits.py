"""Sets of slots as whole numbers: slot 0 of n is the highest of n bits; ``&`` combines, ``bit_count`` counts.

200,000 slots are 25 kB and a conjunction takes microseconds. Codes become sets through ``bytes.translate``
and ``int(…, 2)``, both linear and in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

MOST_CODES = 255


def spread(per_owner: Sequence[int], owners: Sequence[int]) -> tuple[int, ...]:
    """The value of each slot's owner (activity, venue), by slot."""
    if len(owners) < 2:
        return tuple(per_owner[owner] for owner in owners)
    values: tuple[int, ...] = itemgetter(*owners)(per_owner)
    return values


def set_of(flags: Iterable[int]) -> int:
    """The slots whose flag is 1 rather than 0, in order."""
    return int(bytes(flags).translate(_digits((1).__eq__)) or b"0", 2)


def sets_by_code(codes: Sequence[int], most: int) -> list[int]:
    """For each code below ``most`` the slots that have it."""
    if most <= MOST_CODES:
        written = bytes(codes)
        return [int(written.translate(_digits(code.__eq__)) or b"0", 2) for code in range(most)]
    found: dict[int, list[int]] = {}
    for position, code in enumerate(codes):
        found.setdefault(code, []).append(position)
    return [set_at(found.get(code, ()), len(codes)) for code in range(most)]


def set_at(positions: Iterable[int], size: int) -> int:
    """The slots at these positions of so many."""
    digits = bytearray(b"0") * (size or 1)
    for position in positions:
        digits[position] = 49
    return int(digits, 2)


def sets_by_bit(masks: Sequence[int], most: int) -> list[int]:
    """For each of at most eight bits the slots whose mask has it."""
    written = bytes(masks)
    return [int(written.translate(_digits((1 << bit).__and__)) or b"0", 2) for bit in range(most)]


def planes_of(numbers: Sequence[int]) -> list[int]:
    """The binary digits of a number a slot (below 65,536), lowest first, each as a set."""
    low, high = bytes(n & 255 for n in numbers), bytes(n >> 8 for n in numbers)
    return [*sets_by_bit(low, 8), *sets_by_bit(high, 8)]


def total(planes: Sequence[int], chosen: int) -> int:
    """The sum of the numbers of the slots chosen."""
    return sum((plane & chosen).bit_count() << bit for bit, plane in enumerate(planes) if plane)


def _digits(is_in: Callable[[int], object]) -> bytes:
    """A table that writes 1 for the bytes that are in and 0 for the others."""
    return bytes(49 if is_in(value) else 48 for value in range(256))
