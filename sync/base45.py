"""Turns bytes into the 45 characters a QR code stores most tightly, and back (RFC 9285). No second spelling passes."""

from __future__ import annotations

from sync.codec import WireError

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}


def encode(plain: bytes) -> str:
    """Return `plain` as Base45 text: 3 characters for 2 bytes, 2 for a last single one."""
    text = []
    for start in range(0, len(plain), 2):
        pair = plain[start : start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            text.append(_ALPHABET[digit])
    return "".join(text)


def decode(text: str) -> bytes:
    """Return the bytes in `text`. Raises WireError("base45") on a foreign character, a bad length or a value that is
    too large.
    """
    plain = bytearray()
    for start in range(0, len(text), 3):
        digits = [_VALUE.get(character, -1) for character in text[start : start + 3]]
        number = sum(digit * 45**place for place, digit in enumerate(digits))
        size = len(digits) - 1
        if size == 0 or min(digits) < 0 or number >= 256**size:
            raise WireError("base45")
        plain += number.to_bytes(size, "big")
    return bytes(plain)
