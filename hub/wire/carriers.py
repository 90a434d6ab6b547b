"""Tells which carrier asks, from what stands in a request's head alone: its certificate, and a request that it has
signed. Nothing a stranger sends is parsed beyond that, and no database is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from hub.keys.keyring import Keyring
from sync.certificate import Certificate, kiosk_identity, read_certificate, write_certificate
from sync.citytime import city_day
from sync.codec import WireError
from sync.envelope import KIOSK, SigningKey
from sync.http import AUTHORIZATION_SCHEME
from sync.request import KeyCarrier, is_fresh_nonce, read_request


class CarrierRefused(Exception):
    """A request that is not proven to come from an enrolled kiosk; the text is the reason."""


class Asked(NamedTuple):
    """What an HTTP request asks for, as its signature must say too. `body` reads it: only once the rest is proven."""

    method: str
    path: str
    authorization: str
    certificate: str
    body: Callable[[], bytes]


class Carried(NamedTuple):
    """What was brought, and by whom."""

    carrier: bytes
    body: bytes


def carried_by(keyring: Keyring, now_ms: int, asked: Asked) -> Carried:
    """Return the carrier behind a request, and its body. Raises CarrierRefused.

    The certificate is by a key of this hub, also one of a kiosk that it has forgotten; the request's signature covers
    method, path, body and a nonce of this hub not older than 120 seconds, so that a request which somebody has listened
    to is good for nothing else, and soon for nothing.
    """
    try:
        certificate = read_certificate(_decoded(asked.certificate, "no certificate"), keyring.verifying(KIOSK))
        request = read_request(_decoded(_credentials(asked.authorization), "no signed request"), certificate.public_key)
    except WireError as error:
        raise CarrierRefused(error.reason) from error
    if (request.method, request.path) != (asked.method, asked.path):
        raise CarrierRefused("another request")
    if not is_fresh_nonce(keyring.nonce_secret, request.nonce, now_ms):
        raise CarrierRefused("nonce")
    body = asked.body()
    if request.body_hash != hashlib.sha256(body).digest():
        raise CarrierRefused("another body")
    return Carried(_identity(certificate), body)


def own_carrier(keyring: Keyring, seed: bytes, now_ms: int) -> KeyCarrier:
    """Return a carrier for a program of the hub's own that brings files: its key lives as long as the program, and its
    certificate until tonight.
    """
    key = SigningKey(seed)
    serial = int.from_bytes(hashlib.sha256(key.public).digest()[:7], "big")
    certificate = Certificate(key.public, serial, city_day(now_ms))
    return KeyCarrier(key, write_certificate(keyring.signer(KIOSK), certificate))


def _identity(certificate: Certificate) -> bytes:
    return kiosk_identity(certificate.public_key)


def _credentials(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    return credentials if scheme == AUTHORIZATION_SCHEME else ""


def _decoded(text: str, reason: str) -> bytes:
    if not text:
        raise CarrierRefused(reason)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CarrierRefused(reason) from error
