"""Turns a range of integers into a pattern for their CBOR encodings: each number in its shortest form, nothing else.

With it a pattern can say exactly which payloads there are, so that what matches need not be checked again.
"""

from __future__ import annotations

import re

_FORMS = (
    (b"", 1, 0, 24),
    (b"\x18", 1, 24, 2**8),
    (b"\x19", 2, 2**8, 2**16),
    (b"\x1a", 4, 2**16, 2**32),
    (b"\x1b", 8, 2**32, 2**64),
)
"""Head, bytes that follow, smallest number and limit of each form of an unsigned integer (RFC 8949 §3, §4.2.1)."""


def integers(first: int, limit: int) -> bytes:
    """Return a pattern (for re.DOTALL) of the encodings of first … limit − 1."""
    forms = [
        re.escape(head) + _numbers(max(first, smallest).to_bytes(length, "big"), last.to_bytes(length, "big"))
        for head, length, smallest, form_limit in _FORMS
        if max(first, smallest) <= (last := min(limit, form_limit) - 1)
    ]
    return b"(?:" + b"|".join(forms) + b")"


def _numbers(lowest: bytes, highest: bytes) -> bytes:
    """Return a pattern of the big-endian numbers from `lowest` to `highest`, which are equally long."""
    if not lowest:
        return b""
    if lowest[0] == highest[0]:
        return _byte(lowest[0], lowest[0]) + _numbers(lowest[1:], highest[1:])
    zeros, ones = bytes(len(lowest) - 1), b"\xff" * (len(lowest) - 1)
    first_whole = lowest[0] + (lowest[1:] != zeros)
    last_whole = highest[0] - (highest[1:] != ones)
    parts = []
    if lowest[0] < first_whole:
        parts.append(_byte(lowest[0], lowest[0]) + _numbers(lowest[1:], ones))
    if first_whole <= last_whole:
        parts.append(_byte(first_whole, last_whole) + b"." * len(zeros))
    if last_whole < highest[0]:
        parts.append(_byte(highest[0], highest[0]) + _numbers(zeros, highest[1:]))
    return b"(?:" + b"|".join(parts) + b")"


def _byte(lowest: int, highest: int) -> bytes:
    return b"[\\x%02x-\\x%02x]" % (lowest, highest)
