"""A carrier's signed request: method, path, body and the hub's own nonce. Needs no clock at the kiosk."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from sync.certificate import kiosk_identity
from sync.codec import WireError, decode, encode, want_array, want_bytes, want_text, want_version
from sync.envelope import REQUEST, SigningKey, open_with, seal

NONCE_LENGTH = 24
NONCE_LIFETIME_MS = 120_000


class Request(NamedTuple):
    """What the kiosk asks for. `body_hash` is SHA-256 of the body, also of an empty one."""

    kiosk: bytes
    method: str
    path: str
    body_hash: bytes
    nonce: bytes


def write_request(key: SigningKey, method: str, path: str, body: bytes, nonce: bytes) -> bytes:
    """Return the request, signed by the kiosk's key."""
    kiosk = kiosk_identity(key.public)
    return seal(REQUEST, key, encode((1, kiosk, method, path, hashlib.sha256(body).digest(), nonce)))


def read_request(encoded: bytes, kiosk_public_key: bytes) -> Request:
    """Return the request in `encoded`, checked. Raises WireError("envelope" | "kid" | "signature" | "encoding" | "type"
    | …).
    """
    payload = open_with(REQUEST, kiosk_public_key, encoded)
    version, kiosk, method, path, body_hash, nonce = want_array(decode(payload, depth=1), 6)
    want_version(version)
    request = Request(
        want_bytes(kiosk, 8),
        want_text(method, 8),
        want_text(path),
        want_bytes(body_hash, 32),
        want_bytes(nonce, NONCE_LENGTH),
    )
    if request.kiosk != kiosk_identity(kiosk_public_key):
        raise WireError("kid")
    return request


class KeyCarrier:
    """A carrier that holds its key and certificate in memory."""

    def __init__(self, key: SigningKey, certificate: bytes) -> None:
        self._key, self._certificate = key, certificate

    def certificate(self) -> bytes:
        """Return the certificate of its key."""
        return self._certificate

    def sign_request(self, method: str, path: str, body: bytes, nonce: bytes) -> bytes:
        """Return a signed request."""
        return write_request(self._key, method, path, body, nonce)


def make_nonce(secret: bytes, now_ms: int) -> bytes:
    """Return a nonce the hub can recognise without remembering it: its time (8 bytes) and the first 16 bytes of a MAC
    over it.
    """
    moment = now_ms.to_bytes(8, "big")
    return moment + hmac.digest(secret, b"kumapo/nonce/1" + moment, "sha256")[:16]


def is_fresh_nonce(secret: bytes, nonce: bytes, now_ms: int) -> bool:
    """Tell whether the hub made `nonce` within the last 120 seconds."""
    made_ms = int.from_bytes(nonce[:8], "big")
    return 0 <= now_ms - made_ms <= NONCE_LIFETIME_MS and hmac.compare_digest(nonce, make_nonce(secret, made_ms))
