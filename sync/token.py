"""The member token a card or phone shows as a QR code: who (a number), which issue of the card, signed by the hub.
Never holds a name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import NamedTuple

from sync import base45
from sync.codec import WireError, decode, encode, want_array, want_int, want_version
from sync.envelope import MEMBER, SigningKey, is_signed_by, seal, take_apart
from sync.member import NUMBER_LIMIT, is_member_number

PREFIX = "KP1:"
LENGTH_LIMIT = 154
"""Characters that fit a QR code of version 6-M, 41 × 41 modules, in alphanumeric mode."""

ISSUE_LIMIT = 2**16
DAY_LIMIT = 2**16


class Token(NamedTuple):
    """A member token whose signature is good. `expiry_day` counts city days from 1970-01-01; 0 means it does not
    expire.
    """

    member: int
    issue: int
    expiry_day: int
    kid: bytes


class TokenStanding(Enum):
    """What a good signature alone does not tell."""

    GOOD = "good"
    EXPIRED = "expired"
    LOST = "lost"


def write_token(key: SigningKey, member: int, issue: int, expiry_day: int = 0) -> str:
    """Return the text for the QR code, at most 154 characters."""
    return PREFIX + base45.encode(seal(MEMBER, key, encode((1, member, issue, expiry_day))))


def is_token(text: str) -> bool:
    """Tell whether `text` claims to be a member token, whatever its worth."""
    return text.startswith(PREFIX)


def read_token(text: str, member_keys: Mapping[bytes, bytes]) -> Token:
    """Return the token in `text`, checked against the hub's member keys {kid: public key}.

    Raises WireError with "prefix", "length", "base45", "envelope", "kid", "signature", "encoding", "type", "version" or
    "value".
    """
    if not is_token(text):
        raise WireError("prefix")
    if len(text) > LENGTH_LIMIT:
        raise WireError("length")
    envelope = take_apart(MEMBER, base45.decode(text[len(PREFIX) :]))
    public_key = member_keys.get(envelope.kid)
    if public_key is None:
        raise WireError("kid")
    if not is_signed_by(public_key, MEMBER, envelope):
        raise WireError("signature")
    return _read_payload(envelope.payload, envelope.kid)


def standing_of(token: Token, lost: Collection[tuple[int, int]], trusted_day: int | None) -> TokenStanding:
    """Tell whether `token` is listed as lost or has expired.

    `trusted_day` is the city's day under a clock that the hub has set in this boot, else None: without one nothing
    expires.
    """
    if (token.member, token.issue) in lost:
        return TokenStanding.LOST
    if token.expiry_day and trusted_day is not None and trusted_day > token.expiry_day:
        return TokenStanding.EXPIRED
    return TokenStanding.GOOD


def _read_payload(payload: bytes, kid: bytes) -> Token:
    version, member, issue, expiry_day = want_array(decode(payload, depth=1), 4)
    want_version(version)
    token = Token(want_int(member, NUMBER_LIMIT), want_int(issue, ISSUE_LIMIT), want_int(expiry_day, DAY_LIMIT), kid)
    if not is_member_number(token.member) or token.issue == 0:
        raise WireError("value")
    return token
