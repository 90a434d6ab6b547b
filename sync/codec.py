"""Turns plain values into CBOR and back, where one content has exactly one encoding. Never accepts a second spelling of
anything.

cbor2 by itself lets trailing bytes, longer-than-needed forms, duplicate keys, floats and booleans pass; so decoding
here means: decode, encode again, compare, and look at exact types.
"""

from __future__ import annotations

from typing import Any, TypeAlias

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


def decode(encoded: bytes, depth: int) -> Value:
    """Return the value in `encoded`, arrays as tuples nested at most `depth` deep. Raises WireError("encoding" |
    "type").
    """
    value = decode_loosely(encoded, depth)
    try:
        again = cbor2.dumps(value)
    except (cbor2.CBOREncodeError, ValueError, TypeError) as error:
        raise WireError("encoding") from error
    if again != encoded:
        raise WireError("encoding")
    if not _is_plain(value):
        raise WireError("type")
    return value  # type: ignore[no-any-return]  # _is_plain has just looked at every part


def decode_loosely(encoded: bytes, depth: int) -> Any:  # whatever cbor2 makes of it; the callers look
    """Return what cbor2 makes of `encoded`, without comparing. For the callers that compare by themselves."""
    try:
        return cbor2.loads(encoded, max_depth=depth, immutable=True, allow_indefinite=False)
    except (cbor2.CBORDecodeError, ValueError, TypeError, OverflowError) as error:
        raise WireError("encoding") from error


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind is tuple:
        # Most parts are byte strings: a batch is up to 20,000 of them.
        return all(type(part) is bytes or _is_plain(part) for part in value)  # type: ignore[attr-defined]
    if kind is int:
        return 0 <= value < INTEGER_LIMIT  # type: ignore[operator]
    return kind is bytes or kind is str or value is None


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
