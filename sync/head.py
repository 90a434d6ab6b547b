"""The head of a journal: its last entry, signed by the kiosk together with the question that only an answer of now can
repeat.

It says how much was signed so far, chooses the branch in an answer, and lets a kiosk tell an answer to this very batch
from one that was held back on the way.
"""

from __future__ import annotations

from typing import NamedTuple

from sync.certificate import kiosk_identity
from sync.codec import Value, WireError, decode, encode, want_array, want_bytes, want_int, want_version
from sync.envelope import HEAD, SigningKey, open_with, seal

QUESTION_LENGTH = 8


class Head(NamedTuple):
    """The last entry of a journal: its number and hash; (0, SHA-256(public key)) for an empty one."""

    seq: int
    hash: bytes


class SignedHead(NamedTuple):
    """A head as it was signed. `question` is 8 random bytes, None in a file: nobody waits for its answer."""

    head: Head
    question: bytes | None


def write_head(key: SigningKey, head: Head, question: bytes | None) -> bytes:
    """Return the head, signed by the kiosk's key."""
    return seal(HEAD, key, encode((1, kiosk_identity(key.public), *head, question)))


def read_signed_head(encoded: bytes, kiosk_public_key: bytes) -> SignedHead:
    """Return the head in `encoded`, checked. Raises WireError("envelope" | "kid" | "signature" | "encoding" | "type" |
    "version" | "value").
    """
    payload = open_with(HEAD, kiosk_public_key, encoded)
    version, kiosk, seq, head_hash, question = want_array(decode(payload, depth=1), 5)
    want_version(version)
    if want_bytes(kiosk, 8) != kiosk_identity(kiosk_public_key):
        raise WireError("kid")
    return SignedHead(Head(want_int(seq), want_bytes(head_hash, 32)), read_question(question))


def read_head(value: Value) -> Head:
    """Return a head in a payload. Raises WireError("type" | "value")."""
    seq, head_hash = want_array(value, 2)
    return Head(want_int(seq), want_bytes(head_hash, 32))


def read_question(value: Value) -> bytes | None:
    """Return a question in a payload. Raises WireError("type" | "value")."""
    return None if value is None else want_bytes(value, QUESTION_LENGTH)
