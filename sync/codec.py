"""Turns plain values into CBOR and back, where one content has exactly one encoding. Never accepts a second spelling of
anything.

cbor2 by itself lets trailing bytes, longer-than-needed forms, duplicate keys, tags, floats and booleans pass, and some
of them cost it seconds; so bytes are looked through here before it sees them.
"""

from __future__ import annotations

from typing import TypeAlias

import cbor2

Value: TypeAlias = "int | bytes | str | tuple[Value, ...] | None"
"""What may stand in a payload. `True` is not a number here, and there are no maps, floats or tags."""

INTEGER_LIMIT = 2**63
"""Integers on the wire lie in 0 … 2**63 − 1, so that they fit a BIGINT column; the one negative number, alg −8, is in
the fixed header.
"""

MOMENT_LIMIT = 253_370_764_800_000
"""Moments on the wire (milliseconds since 1970-01-01 UTC) lie before the year 9999, so that no calendar arithmetic on
them can overflow: a broken clock costs a hold, never a crash.
"""

MONOTONIC_LIMIT = 2**42
"""Milliseconds since a machine was started; 139 years."""


class WireError(ValueError):
    """Bytes that are not what the wire allows. `reason` is one of the words listed in docs/wire.cddl."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def encode(value: Value) -> bytes:
    """Return the one encoding of `value` (RFC 8949 §4.2.1, shortest definite forms)."""
    return cbor2.dumps(value)


PARTS_LIMIT = 500_000
"""Parts of all arrays together; the largest list is that of lost cards, 100,000 of three parts each."""


def decode(encoded: bytes, depth: int, most_parts: int = PARTS_LIMIT) -> Value:
    """Return the value in `encoded`, arrays as tuples nested at most `depth` deep. Raises WireError("encoding" |
    "type").
    """
    look_through(encoded, depth, most_parts)
    try:
        return cbor2.loads(encoded, max_depth=depth, immutable=True)  # type: ignore[no-any-return]
    except cbor2.CBORDecodeError as error:  # a text that is not UTF-8
        raise WireError("encoding") from error


def look_through(encoded: bytes, depth: int, most_parts: int = PARTS_LIMIT) -> None:
    """Raise WireError("encoding" | "type") unless `encoded` is one value in its one encoding.

    This comes before a library decodes anything. It lets numbers from 0, byte strings, texts, arrays and null pass,
    each with the shortest head for its number or length (RFC 8949 §3, §4.2.1), so that nothing is left to compare
    afterwards. Each head is looked at once, at most `most_parts` of them, and what a string holds is stepped over: the
    cost is linear in the length of `encoded`, whatever it claims to hold. Only the spelling of a text is left to the
    library.
    """
    at, wanted = 0, 1  # parts that the innermost open array still wants
    outside: list[int] = []  # the same of those around it
    try:
        while wanted or outside:
            if not wanted:
                wanted = outside.pop()
                continue
            wanted -= 1
            if encoded[at] == _SHORT_BYTES and encoded[at + 1] >= _SHORTEST[24]:
                at += 2 + encoded[at + 1]  # an entry, mostly: a batch holds up to 20,000
                continue
            major, number, at = _read_head(encoded, at)
            if major in _STRINGS:
                at += number
            elif major == _ARRAY:
                outside.append(wanted)
                wanted = number
                most_parts -= number
                if len(outside) > depth or most_parts < 0:
                    raise WireError("encoding")
    except IndexError as error:
        raise WireError("encoding") from error
    if at != len(encoded):
        raise WireError("encoding")


_NUMBER, _BYTES, _TEXT, _ARRAY, _TAG, _SIMPLE = 0, 2, 3, 4, 6, 7  # major types of RFC 8949 §3.1
_STRINGS = (_BYTES, _TEXT)
_SHORT_BYTES = 0x58  # the head of a byte string of 24 to 255 bytes
_NULL = 22
_SIZE = {24: 1, 25: 2, 26: 4, 27: 8}  # bytes of a number that follows its head, by the head's low five bits
_SHORTEST = {24: 24, 25: 2**8, 26: 2**16, 27: 2**32}  # the least number that needs as many


def _read_head(encoded: bytes, at: int) -> tuple[int, int, int]:
    """Return the major type at `at`, its number or length, and where the head ends.

    Raises WireError, or IndexError past the end.
    """
    major, low = encoded[at] >> 5, encoded[at] & 0x1F
    if major == _SIMPLE and low == _NULL:
        return major, low, at + 1
    if major == _TAG or low > max(_SIZE):  # another spelling, of indefinite length, or a head that means nothing
        raise WireError("encoding")
    if major not in (_NUMBER, *_STRINGS, _ARRAY):  # below 0, a map, a float, true, undefined …
        raise WireError("type")
    if low not in _SIZE:
        return major, low, at + 1
    end = at + 1 + _SIZE[low]
    number = int.from_bytes(encoded[at + 1 : end], "big")
    if number < _SHORTEST[low] or end > len(encoded):
        raise WireError("encoding")
    if number >= INTEGER_LIMIT:
        raise WireError("type")
    return major, number, end


def want_array(value: Value, length: int) -> tuple[Value, ...]:
    """Return `value` if it is an array of `length` parts, else raise WireError("type")."""
    if type(value) is not tuple or len(value) != length:
        raise WireError("type")
    return value


def want_int(value: Value, limit: int = INTEGER_LIMIT) -> int:
    """Return `value` if it is an integer in 0 … limit − 1, else raise WireError("type" | "value")."""
    if type(value) is not int:
        raise WireError("type")
    if not 0 <= value < limit:
        raise WireError("value")
    return value


def want_moment(value: Value) -> int:
    """Return `value` if it is a moment in milliseconds, else raise WireError("type" | "value")."""
    return want_int(value, MOMENT_LIMIT)


def want_bytes(value: Value, length: int | None = None) -> bytes:
    """Return `value` if it is a byte string (of `length` bytes), else raise WireError("type" | "value")."""
    if type(value) is not bytes:
        raise WireError("type")
    if length is not None and len(value) != length:
        raise WireError("value")
    return value


def want_text(value: Value, limit: int = 256) -> str:
    """Return `value` if it is a text of at most `limit` characters, else raise WireError("type" | "value")."""
    if type(value) is not str:
        raise WireError("type")
    if len(value) > limit:
        raise WireError("value")
    return value


def want_list(value: Value, limit: int = 100_000) -> tuple[Value, ...]:
    """Return `value` if it is an array of at most `limit` parts, else raise WireError("type" | "value")."""
    if type(value) is not tuple:
        raise WireError("type")
    if len(value) > limit:
        raise WireError("value")
    return value


def want_version(value: Value) -> None:
    """Accept wire version 1 only; anything else is WireError("version")."""
    if type(value) is not int or value != 1:
        raise WireError("version")
