"""What vectors are made of: envelopes by pycose, envelopes by hand with any defect wanted, and values as JSON."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Any, Final

import cbor2
from msgspec import Struct
from msgspec.structs import asdict
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys import OKPKey
from pycose.messages import Sign1Message

from sync.entry import KIND_OF, Entry
from sync.envelope import Purpose, SigningKey

GROUP_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of Ed25519 (RFC 8032 §5.1)."""

Vector = dict[str, Any]


def aad_of(purpose: Purpose) -> bytes:
    """Return the external_aad that docs/wire.cddl names for a purpose."""
    return f"kumapo/{purpose.name}/1".encode()


def kid_of(purpose: Purpose, key: SigningKey) -> bytes:
    """Return the kid of a key, computed apart from the code under test."""
    return hashlib.sha256(key.public).digest()[: 4 if purpose.name == "member" else 8]


def by_pycose(purpose: Purpose, key: SigningKey, content: object) -> bytes:
    """Return the envelope that pycose makes over `content` as cbor2 encodes it."""
    message = Sign1Message(
        phdr={Algorithm: EdDSA, KID: kid_of(purpose, key)},
        uhdr={},
        payload=cbor2.dumps(content),
        external_aad=aad_of(purpose),
    )
    message.key = OKPKey(crv="ED25519", d=key.seed, x=key.public)
    encoded: bytes = message.encode(tag=False)
    return encoded


def by_hand(
    purpose: Purpose, key: SigningKey, payload: bytes, *, protected: bytes | None = None, aad: bytes | None = None
) -> bytes:
    """Return an envelope whose signature is right for exactly these bytes, whatever is wrong with them."""
    kid = kid_of(purpose, key)
    header = cbor2.dumps({1: -8, 4: kid}) if protected is None else protected
    signed = cbor2.dumps(["Signature1", header, aad_of(purpose) if aad is None else aad, payload])
    return b"\x84" + cbor2.dumps(header) + b"\xa0" + cbor2.dumps(payload) + cbor2.dumps(key.sign(signed))


def signed_content(purpose: Purpose, key: SigningKey, content: object) -> bytes:
    """Return an envelope by hand over `content` as cbor2 encodes it: for contents that no writer of ours would make."""
    return by_hand(purpose, key, cbor2.dumps(content))


def flipped(encoded: bytes, place: int) -> bytes:
    """Return the bytes with one bit changed."""
    spoilt = bytearray(encoded)
    spoilt[place] ^= 0x01
    return bytes(spoilt)


def exchanged(encoded: bytes, one: bytes, other: bytes) -> bytes:
    """Return the bytes with the only place that holds `one` holding `other`."""
    if encoded.count(one) != 1:
        raise ValueError(f"{encoded.count(one)} places hold {one.hex()}")
    return encoded.replace(one, other)


def malleable(encoded: bytes) -> bytes:
    """Return the envelope with the group's order added to S: the same signature in another spelling."""
    scalar = int.from_bytes(encoded[-32:], "little") + GROUP_ORDER
    return encoded[:-32] + scalar.to_bytes(32, "little")


def as_json(value: object) -> Any:
    """Return a value of the wire as JSON holds it: named parts as objects, bytes as hex, an entry's kind beside it."""
    if isinstance(value, Entry):
        return {
            "kiosk": value.kiosk.hex(),
            "seq": value.seq,
            "prev": value.prev.hex(),
            "kind": KIND_OF[type(value.body)],
            "body": as_json(value.body),
            "stamp": as_json(value.stamp),
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Struct):
        return {name: as_json(part) for name, part in asdict(value).items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_json(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [as_json(part) for part in value]
    return value


def good(sentence: str, reads_as: str, made_by: str, content: bytes | str, value: object, **more: object) -> Vector:
    """Return a vector that reads as `value`."""
    return {**_vector(sentence, reads_as, made_by, content), "outcome": "good", "value": as_json(value), **more}


def refused(sentence: str, reads_as: str, content: bytes | str, reason: str, **more: object) -> Vector:
    """Return a vector that is refused for `reason`."""
    return {**_vector(sentence, reads_as, "hand", content), "outcome": "refused", "reason": reason, **more}


def _vector(sentence: str, reads_as: str, made_by: str, content: bytes | str) -> Vector:
    encoded = {"hex": content.hex()} if isinstance(content, bytes) else {"text": content}
    return {"id": sentence, "reads_as": reads_as, "made_by": made_by, **encoded}
