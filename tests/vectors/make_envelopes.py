"""The vectors of tests/vectors/envelopes.json: the envelope alone, whatever it carries."""

from __future__ import annotations

import cbor2
from wire_samples import CERTIFYING_KEY, KIOSK_KEY, MANIFEST_KEY, MEMBER_KEY, RECEIPT_KEY, ROOT_KEY, sample_key

from sync.envelope import ENTRY, KEYS, KIOSK, MANIFEST, MEMBER, RECEIPT, REQUEST, Purpose, SigningKey, seal
from tests.vectors.crafting import (
    Vector,
    aad_of,
    by_hand,
    by_pycose,
    exchanged,
    flipped,
    good,
    kid_of,
    malleable,
    refused,
)

KID = kid_of(RECEIPT, RECEIPT_KEY)
PAYLOAD = cbor2.dumps([1, "見本1"])
PLAIN = by_hand(RECEIPT, RECEIPT_KEY, PAYLOAD)
IDENTITY = bytes([1, *bytes(31)])
"""The neutral point: with it as public key, R = the neutral point and S = 0 fit every message."""
IDENTITY_NOT_CANONICAL = bytes([0xEE, *b"\xff" * 30, 0x7F])
ORDER_FOUR = bytes(32)
"""y = 0: a point of order 4."""


def vectors() -> list[Vector]:
    """Return all of them."""
    return [*_purposes(), *_lengths(), *_wrong_headers(), *_wrong_spellings(), *_wrong_signatures()]


def _purposes() -> list[Vector]:
    signers = {
        MEMBER: MEMBER_KEY,
        KIOSK: CERTIFYING_KEY,
        ENTRY: KIOSK_KEY,
        RECEIPT: RECEIPT_KEY,
        MANIFEST: MANIFEST_KEY,
        KEYS: ROOT_KEY,
        REQUEST: KIOSK_KEY,
    }
    content = [1, "見本1"]
    return [
        vector
        for purpose, key in signers.items()
        for vector in (
            _good(
                f"an envelope for {purpose.name} by pycose", "pycose", purpose, key, by_pycose(purpose, key, content)
            ),
            _good(f"an envelope for {purpose.name} by us", "kumapo", purpose, key, seal(purpose, key, PAYLOAD)),
        )
    ]


def _lengths() -> list[Vector]:
    """The payload's head grows at 24 and 256 bytes; pycose makes one side of each step, we the other."""
    by_us = {length: seal(RECEIPT, RECEIPT_KEY, bytes(length)) for length in (0, 23, 255)}
    by_oracle = {length: by_pycose(RECEIPT, RECEIPT_KEY, "x" * (length - head)) for length, head in ((24, 1), (256, 2))}
    return [
        _good(f"a payload of {length} bytes", made_by, RECEIPT, RECEIPT_KEY, encoded)
        for made_by, envelopes in (("kumapo", by_us), ("pycose", by_oracle))
        for length, encoded in envelopes.items()
    ]


def _wrong_headers() -> list[Vector]:
    def with_header(protected: bytes) -> bytes:
        return by_hand(RECEIPT, RECEIPT_KEY, PAYLOAD, protected=protected)

    key_4 = b"\x04\x48" + KID
    return [
        _refused("a duplicate key in the protected header", with_header(b"\xa3\x01\x27" + key_4 + key_4), "envelope"),
        _refused("alg given twice", with_header(b"\xa3\x01\x27\x01\x27" + key_4), "envelope"),
        _refused("the protected header in another order", with_header(b"\xa2" + key_4 + b"\x01\x27"), "envelope"),
        _refused("a critical header more", with_header(b"\xa3\x01\x27\x02\x81\x04" + key_4), "envelope"),
        _refused("ES256 instead of EdDSA", with_header(b"\xa2\x01\x26" + key_4), "envelope"),
        _refused("no alg", with_header(b"\xa1" + key_4), "envelope"),
        _refused("alg as a text", with_header(b"\xa2\x01\x65EdDSA" + key_4), "envelope"),
        _refused("no kid", with_header(b"\xa1\x01\x27"), "envelope"),
        _refused("an empty protected header", with_header(b""), "envelope"),
        _refused("alg in a longer form", with_header(b"\xa2\x01\x38\x07" + key_4), "envelope"),
        _refused("a kid of four bytes where eight are due", with_header(b"\xa2\x01\x27\x04\x44" + KID[:4]), "envelope"),
        _refused("a protected header of indefinite length", with_header(b"\xbf\x01\x27" + key_4 + b"\xff"), "envelope"),
        _refused("trailing bytes in the protected header", with_header(b"\xa2\x01\x27" + key_4 + b"\x00"), "envelope"),
        _refused("an altered unprotected header", exchanged(PLAIN, KID + b"\xa0", KID + b"\xa1\x04\x40"), "envelope"),
        _refused("a longer form of the empty map", exchanged(PLAIN, KID + b"\xa0", KID + b"\xb8\x00"), "envelope"),
        _refused("an empty array as unprotected header", exchanged(PLAIN, KID + b"\xa0", KID + b"\x80"), "envelope"),
    ]


def _wrong_spellings() -> list[Vector]:
    payload = cbor2.dumps(PAYLOAD)
    signature = PLAIN[-64:]
    longer = b"\x58" + payload
    pieces = b"\x5f" + payload + b"\xff"
    return [
        _refused("a tagged envelope", b"\xd2" + PLAIN, "envelope"),
        _refused("an array of indefinite length", b"\x9f" + PLAIN[1:] + b"\xff", "envelope"),
        _refused("a longer form of the array's head", b"\x98\x04" + PLAIN[1:], "envelope"),
        _refused(
            "a longer form of the payload's head",
            exchanged(PLAIN, payload, longer[:1] + bytes([len(PAYLOAD)]) + PAYLOAD),
            "envelope",
        ),
        _refused("a payload in pieces", exchanged(PLAIN, payload, pieces), "envelope"),
        _refused("a detached payload", exchanged(PLAIN, payload, b"\xf6"), "envelope"),
        _refused("a payload as text", exchanged(PLAIN, payload, b"\x60" + payload[1:]), "envelope"),
        _refused("a signature of 63 bytes", PLAIN[:-66] + b"\x58\x3f" + signature[:-1], "envelope"),
        _refused("a signature of 65 bytes", PLAIN[:-66] + b"\x58\x41" + signature + b"\x00", "envelope"),
        _refused("trailing bytes", PLAIN + b"\xf6", "envelope"),
        _refused("one byte missing", PLAIN[:-1], "envelope"),
        _refused("a signature that begins inside the kid", _overlapping(), "envelope"),
        _refused("nothing at all", b"", "envelope"),
        _refused(
            "a payload longer than the bytes that follow",
            exchanged(PLAIN, payload, b"\x5a\xff\xff\xff\xff"),
            "envelope",
        ),
    ]


def _overlapping() -> bytes:
    """An empty payload, and too few bytes after it: the last 66 begin in a kid that looks like a signature's head."""
    before_signature = RECEIPT.head + b"\x58\x40" + bytes(6) + b"\xa0\x40"
    return before_signature + bytes(64 - 8)


def _wrong_signatures() -> list[Vector]:
    forger = sample_key("forger")
    zero = IDENTITY + bytes(32)
    return [
        _refused("a bit flipped in the payload", flipped(PLAIN, 18), "signature"),
        _refused("a bit flipped in R", flipped(PLAIN, -40), "signature"),
        _refused("a bit flipped in S", flipped(PLAIN, -20), "signature"),
        _refused("S with the group's order added", malleable(PLAIN), "signature"),
        _refused("a signature of zeros", PLAIN[:-64] + bytes(64), "signature"),
        _refused(
            "a signature made for another purpose",
            by_hand(RECEIPT, RECEIPT_KEY, PAYLOAD, aad=aad_of(MANIFEST)),
            "signature",
        ),
        _refused("a signature made for no purpose", by_hand(RECEIPT, RECEIPT_KEY, PAYLOAD, aad=b""), "signature"),
        _refused("another key", by_hand(RECEIPT, forger, PAYLOAD), "kid"),
        _refused(
            "another key under this kid",
            by_hand(RECEIPT, forger, PAYLOAD, protected=cbor2.dumps({1: -8, 4: KID})),
            "signature",
        ),
        *(
            refused(
                f"a small-order key that fits {sort}",
                "envelope",
                by_hand(RECEIPT, RECEIPT_KEY, PAYLOAD, protected=_header_of(public))[:-64] + zero,
                "signature",
                purpose=RECEIPT.name,
                public_key=public.hex(),
            )
            for sort, public in (
                ("every message", IDENTITY),
                ("every message, in another spelling", IDENTITY_NOT_CANONICAL),
                ("one message in four", ORDER_FOUR),
            )
        ),
    ]


def _header_of(public: bytes) -> bytes:
    return cbor2.dumps({1: -8, 4: RECEIPT.kid(public)})


def _good(sentence: str, made_by: str, purpose: Purpose, key: SigningKey, encoded: bytes) -> Vector:
    payload: bytes = cbor2.loads(encoded)[2]
    more = {"purpose": purpose.name, "public_key": key.public.hex()}
    return good(sentence, "envelope", made_by, encoded, payload, **more)


def _refused(sentence: str, encoded: bytes, reason: str) -> Vector:
    more = {"purpose": RECEIPT.name, "public_key": RECEIPT_KEY.public.hex()}
    return refused(sentence, "envelope", encoded, reason, **more)
