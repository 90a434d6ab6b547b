"""Pure: the desk's one reader of numbers. What is written is what is stored, or it is refused in words.

Taken: digits of either width, thousands separators where they belong (1,000), blanks around. Anything else is no
number: a reader that throws away what it does not know makes 1 minute of "1時間".
"""

from __future__ import annotations

import re
import unicodedata

from sync.codec import WireError
from sync.member import typed

DIGITS_MAX = 19
"""As many as the largest number here can have; it also keeps a page of digits from being turned into one number."""

_WIDE = str.maketrans("０１２３４５６７８９，", "0123456789,")
_PLAIN = re.compile(r"[0-9]+")
_IN_THREES = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")
_LIKE_DASHES = frozenset("ー－-‐‑‒–—―−ｰ─━~〜・")
"""What stands on people's keyboards where a dash belongs, the long vowel mark and the minus sign among them."""


class NotANumber(ValueError):
    """What was typed is no number."""


def read_number(text: str) -> int:
    """Return the number that was typed. Raises NotANumber."""
    plain = text.strip().translate(_WIDE)
    digits = plain.replace(",", "")
    if not (_PLAIN.fullmatch(plain) or _IN_THREES.fullmatch(plain)) or len(digits) > DIGITS_MAX:
        raise NotANumber(text)
    return int(digits)


def read_numbers(line: str) -> tuple[int, ...]:
    """Return the numbers on a line, with blanks between them. Raises NotANumber."""
    return tuple(read_number(word) for word in line.split())


def read_member(text: str) -> int:
    """Return the member number that was typed, whatever stands between its groups. Raises WireError where the check
    digits are off or something else stands in it.
    """
    if len(text) > 4 * DIGITS_MAX:
        raise WireError("number")
    return typed("".join(character for character in text if not _is_between(character)))


def _is_between(character: str) -> bool:
    return character in _LIKE_DASHES or character.isspace() or unicodedata.category(character) == "Pd"
