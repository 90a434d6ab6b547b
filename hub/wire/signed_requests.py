"""Tells which kiosk asks, from the `Authorization` header of a request that it has signed. Grants nothing by itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.facts import KioskRow, find_kiosk
from hub.service import Hub
from sync.codec import WireError
from sync.http import AUTHORIZATION_SCHEME
from sync.request import asking_kiosk, is_fresh_nonce, read_request


class RequestRefused(Exception):
    """A request that is not proven to come from a kiosk; the text is the reason."""


class Asked(NamedTuple):
    """What an HTTP request asks for, as its signature must say too."""

    method: str
    path: str
    body: bytes
    authorization: str


def kiosk_that_asks(hub: Hub, connection: sa.Connection, asked: Asked) -> KioskRow:
    """Return the kiosk behind a signed request. Raises RequestRefused.

    The signature covers method, path, body and a nonce of this hub not older than 120 seconds, so a request that
    somebody has listened to is good for nothing else, and soon for nothing.
    """
    encoded = _credentials(asked.authorization)
    try:
        kiosk = find_kiosk(connection, asking_kiosk(encoded))
        if kiosk is None:
            raise RequestRefused("unknown kiosk")
        request = read_request(encoded, kiosk.public_key)
    except WireError as error:
        raise RequestRefused(error.reason) from error
    if (request.method, request.path) != (asked.method, asked.path):
        raise RequestRefused("another request")
    if request.body_hash != hashlib.sha256(asked.body).digest():
        raise RequestRefused("another body")
    if not is_fresh_nonce(hub.keyring.nonce_secret, request.nonce, hub.wall_ms()):
        raise RequestRefused("nonce")
    return kiosk


def _credentials(authorization: str) -> bytes:
    scheme, _, credentials = authorization.partition(" ")
    if scheme != AUTHORIZATION_SCHEME:
        raise RequestRefused("no signed request")
    try:
        return base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefused("no signed request") from error
