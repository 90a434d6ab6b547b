"""The certificate that says: the hub has let this kiosk key in. It travels with each batch and request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from sync.codec import WireError, decode, encode, want_array, want_bytes, want_int, want_version
from sync.envelope import KIOSK, SigningKey, is_signed_by, is_usable_public_key, seal, take_apart
from sync.token import DAY_LIMIT


class Certificate(NamedTuple):
    """A kiosk's key as the hub has approved it. `not_after_day` 0 means without end; past it, it carries."""

    public_key: bytes
    serial: int
    not_after_day: int


def kiosk_identity(public_key: bytes) -> bytes:
    """Return a kiosk's name on the wire: the first 8 bytes of SHA-256(its public key)."""
    return hashlib.sha256(public_key).digest()[:8]


def write_certificate(key: SigningKey, certificate: Certificate) -> bytes:
    """Return the certificate, signed by the hub's `kiosk` key."""
    return seal(KIOSK, key, encode((1, *certificate)))


def read_certificate(encoded: bytes, kiosk_keys: Mapping[bytes, bytes]) -> Certificate:
    """Return the certificate in `encoded`, checked against the hub's kiosk keys {kid: public key}.

    Raises WireError with "envelope", "kid", "signature", "encoding", "type", "version" or "value".
    """
    envelope = take_apart(KIOSK, encoded)
    hub_key = kiosk_keys.get(envelope.kid)
    if hub_key is None:
        raise WireError("kid")
    if not is_signed_by(hub_key, KIOSK, envelope):
        raise WireError("signature")
    version, public_key, serial, not_after_day = want_array(decode(envelope.payload, depth=1), 4)
    want_version(version)
    certificate = Certificate(want_bytes(public_key, 32), want_int(serial), want_int(not_after_day, DAY_LIMIT))
    if not is_usable_public_key(certificate.public_key):
        raise WireError("value")
    return certificate
