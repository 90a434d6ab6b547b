"""Member numbers: 12 random digits and 2 check digits, the printed form, and the bucket that spreads members over a
database.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from sync.codec import WireError

BUCKETS = 1024
"""Frozen for ever: another number would move rows away from the keys that keep a grant from being posted twice."""

NUMBER_LIMIT = 10**14
_DIGITS = 14
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")
"""What a Japanese input method types."""


def with_check_digits(twelve_digits: int) -> int:
    """Return the 14-digit member number for 12 random digits (ISO 7064 MOD 97-10: the whole number mod 97 is 1)."""
    shifted = twelve_digits * 100
    return shifted + (98 - shifted % 97)


def is_member_number(number: int) -> bool:
    """Tell whether the check digits are right: 02 … 98 only, so that twelve digits have one number."""
    return 0 < number < NUMBER_LIMIT and number == with_check_digits(number // 100)


def printed(number: int) -> str:
    """Return the number as people see it, 4-4-4-2: `4038 1926 4739 18`."""
    digits = f"{number:014d}"
    return f"{digits[:4]} {digits[4:8]} {digits[8:12]} {digits[12:]}"


def typed(text: str) -> int:
    """Return the member number somebody typed, spaces, hyphens and the width of the digits aside. Raises
    WireError("number") where the check digits are off.
    """
    digits = "".join(character for character in text.translate(_WIDE) if character not in " -‐－　")
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()) or not is_member_number(int(digits)):
        raise WireError("number")
    return int(digits)


@lru_cache(maxsize=32_768)
def bucket_of(member: int) -> int:
    """Return the bucket, 0 … 1023: first 4 bytes, big-endian, of SHA-256(the number as 8 bytes big-endian) mod 1024."""
    return int.from_bytes(hashlib.sha256(member.to_bytes(8, "big")).digest()[:4], "big") % BUCKETS
