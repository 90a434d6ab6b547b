"""Signs a payload into a COSE_Sign1 envelope (RFC 9052 §4.2) of one fixed layout, and takes it apart again. Never
decides whom to trust.

The layout is: 84 | protected {1: -8, 4: kid} as bytes | a0 | payload as bytes | signature as 58 40 + 64 bytes. Only the
payload's length varies, so reading is one pattern plus the shortest head for that length: a second spelling of the same
content cannot pass.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from sync.codec import WireError

_SIGNATURE_HEAD = b"\x58\x40"
_AFTER_PAYLOAD = len(_SIGNATURE_HEAD) + crypto_sign_BYTES


class Purpose:
    """What a signature is for. Its name is COSE external_aad, so a signature made for one purpose is worthless for
    another.
    """

    def __init__(self, name: str, kid_length: int = 8) -> None:
        self.name = name
        self.kid_length = kid_length
        aad = f"kumapo/{name}/1".encode("ascii")
        protected_head = bytes([0xA2, 0x01, 0x27, 0x04, 0x40 + kid_length])
        self.head = bytes([0x84, 0x40 + len(protected_head) + kid_length]) + protected_head
        self.start = re.compile(
            re.escape(self.head) + b"(.{%d})" % kid_length + b"\xa0([\x40-\x57]|\x58.|\x59..|\x5a.{4})", re.DOTALL
        )
        self.signed_head = b"\x84\x6aSignature1" + self.head[1:]
        self.signed_aad = bytes([0x40 + len(aad)]) + aad

    def __repr__(self) -> str:
        return f"Purpose({self.name!r})"

    def kid(self, public_key: bytes) -> bytes:
        """Return the key id: the first 4 (member) or 8 (all else) bytes of SHA-256(public key)."""
        return hashlib.sha256(public_key).digest()[: self.kid_length]


MEMBER = Purpose("member", kid_length=4)
KIOSK = Purpose("kiosk")
ENTRY = Purpose("entry")
RECEIPT = Purpose("receipt")
MANIFEST = Purpose("manifest")
KEYS = Purpose("keys")
REQUEST = Purpose("request")
HEAD = Purpose("head")


class SigningKey:
    """An Ed25519 key (RFC 8032) made from a 32-byte seed. Signing is deterministic: the same payload gives the same
    envelope.
    """

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.public, self._secret = crypto_sign_seed_keypair(seed)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        return crypto_sign(message, self._secret)[:crypto_sign_BYTES]


class Envelope(NamedTuple):
    """The parts of an envelope whose layout is right; the signature is not yet checked."""

    kid: bytes
    payload: bytes
    signature: bytes


def seal(purpose: Purpose, key: SigningKey, payload: bytes) -> bytes:
    """Return `payload` signed by `key` for `purpose`."""
    kid = purpose.kid(key.public)
    signature = key.sign(_to_be_signed(purpose, kid, payload))
    return b"".join((purpose.head, kid, b"\xa0", _byte_string_head(len(payload)), payload, _SIGNATURE_HEAD, signature))


def take_apart(purpose: Purpose, encoded: bytes) -> Envelope:
    """Return the parts of `encoded`. Raises WireError("envelope") unless it is exactly the one layout of `purpose`."""
    match = purpose.start.match(encoded)
    if match is None:
        raise WireError("envelope")
    kid, payload_head = match.groups()
    payload = encoded[match.end() : -_AFTER_PAYLOAD]
    is_whole = match.end() + _AFTER_PAYLOAD <= len(encoded)
    ends_well = encoded[-_AFTER_PAYLOAD:-crypto_sign_BYTES] == _SIGNATURE_HEAD
    if not is_whole or not ends_well or payload_head != _byte_string_head(len(payload)):
        raise WireError("envelope")
    return Envelope(kid, payload, encoded[-crypto_sign_BYTES:])


def is_signed_by(public_key: bytes, purpose: Purpose, envelope: Envelope) -> bool:
    """Tell whether `public_key` made the signature. libsodium decides; it refuses small-order keys and malleable
    signatures.
    """
    if len(public_key) != crypto_sign_PUBLICKEYBYTES:  # libsodium would read past a shorter one
        return False
    try:
        crypto_sign_open(envelope.signature + _to_be_signed(purpose, envelope.kid, envelope.payload), public_key)
    except (BadSignatureError, ValueError):
        return False
    return True


def open_with(purpose: Purpose, public_key: bytes, encoded: bytes) -> bytes:
    """Return the payload signed by `public_key`. Raises WireError("envelope" | "kid" | "signature")."""
    envelope = take_apart(purpose, encoded)
    if envelope.kid != purpose.kid(public_key):
        raise WireError("kid")
    if not is_signed_by(public_key, purpose, envelope):
        raise WireError("signature")
    return envelope.payload


def is_usable_public_key(public_key: bytes) -> bool:
    """Tell whether these 32 bytes are a point of the main subgroup; small-order and non-canonical points are not."""
    return len(public_key) == crypto_sign_PUBLICKEYBYTES and bool(crypto_core_ed25519_is_valid_point(public_key))


def _to_be_signed(purpose: Purpose, kid: bytes, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052 §4.4: ["Signature1", protected, external_aad, payload]."""
    return b"".join((purpose.signed_head, kid, purpose.signed_aad, _byte_string_head(len(payload)), payload))


def _byte_string_head(length: int) -> bytes:
    """Return the shortest head of a byte string (RFC 8949 §3)."""
    if length < 24:  # noqa: PLR2004
        return bytes((0x40 + length,))
    if length < 0x100:  # noqa: PLR2004
        return bytes((0x58, length))
    if length < 0x1_0000:  # noqa: PLR2004
        return b"\x59" + length.to_bytes(2, "big")
    return b"\x5a" + length.to_bytes(4, "big")
