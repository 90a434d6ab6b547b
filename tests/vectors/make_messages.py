"""The vectors of tests/vectors/messages.json: what has no envelope of its own, and the requests of a kiosk."""

from __future__ import annotations

import hashlib
from typing import Any

import cbor2
from wire_samples import (
    KIOSK_ID,
    KIOSK_KEY,
    MORNING_MS,
    OTHER_KIOSK_KEY,
    ROOT_KEY,
    Chain,
    certificate,
    chain_of,
    key_list,
    sample_key,
)

from sync import base45
from sync.batch import LENGTH_LIMIT, Batch, write_batch
from sync.enrolment import (
    Application,
    Invitation,
    Welcome,
    mac_from_hub,
    mac_from_kiosk,
    write_application,
    write_invitation,
    write_welcome,
)
from sync.entry import first_prev
from sync.envelope import ENTRY, HEAD, REQUEST
from sync.head import Head, SignedHead, write_head
from sync.keys import root_key_hash
from sync.request import Request, make_nonce, write_request
from tests.vectors.crafting import Vector, aad_of, by_hand, by_pycose, flipped, good, refused, signed_content
from tests.vectors.make_envelopes import IDENTITY

CODE = bytes(range(16))
ROOT_HASH = root_key_hash(ROOT_KEY.public)
ADDRESS = "http://192.0.2.1:8080"
EMPTY_HASH = hashlib.sha256(b"").digest()
NONCE = make_nonce(b"a secret of the hub", MORNING_MS)


def vectors() -> list[Vector]:
    """Return all of them."""
    return [*_heads(), *_batches(), *_invitations(), *_enrolments(), *_requests()]


def _heads() -> list[Vector]:
    question = b"question"
    plain = [1, KIOSK_ID, 4, bytes(range(32)), question]
    signed = SignedHead(Head(4, bytes(range(32))), question)
    in_a_file = SignedHead(Head(0, first_prev(KIOSK_KEY.public)), None)

    def wrong(sentence: str, reason: str, place: int, item: object) -> Vector:
        changed = [*plain[:place], item, *plain[place + 1 :]]
        return refused(sentence, "head", signed_content(HEAD, KIOSK_KEY, changed), reason)

    return [
        good("a head with a question by pycose", "head", "pycose", by_pycose(HEAD, KIOSK_KEY, plain), signed),
        good("the head of an empty journal in a file", "head", "kumapo", write_head(KIOSK_KEY, *in_a_file), in_a_file),
        wrong("a head of an unknown version", "version", 0, 2),
        wrong("a head of another kiosk", "kid", 1, bytes(8)),
        wrong("a head with a number below 0", "type", 2, -1),
        wrong("a head with a hash of 31 bytes", "value", 3, bytes(31)),
        wrong("a head with a question of nine bytes", "value", 4, bytes(9)),
        refused("a head by another kiosk", "head", signed_content(HEAD, sample_key("forger"), plain), "kid"),
        refused(
            "a head signed as an entry",
            "head",
            by_hand(HEAD, KIOSK_KEY, cbor2.dumps(plain), aad=aad_of(ENTRY)),
            "signature",
        ),
        refused("a head that nobody signed", "head", cbor2.dumps(plain), "envelope"),
    ]


def _batches() -> list[Vector]:
    chain = chain_of(3)
    whole = chain.batch()
    asking = Chain().batch(with_certificate=False)
    later = chain.batch(3, 4, with_certificate=False)._replace(last_receipt=b"a receipt's bytes")
    keyless = whole._replace(head=None)
    encoded = write_batch(whole)
    head = write_head(KIOSK_KEY, chain.head, None)
    plain = [1, KIOSK_ID, head, 1, None, [entry.encoded for entry in chain.entries], certificate()]

    def wrong(sentence: str, reason: str, place: int, item: object) -> Vector:
        return refused(sentence, "batch", cbor2.dumps([*plain[:place], item, *plain[place + 1 :]]), reason)

    return [
        good("a batch", "batch", "kumapo", encoded, whole),
        good("a batch by cbor2 alone", "batch", "pycose", cbor2.dumps(plain), whole),
        good("a batch with no entries asks for a receipt", "batch", "kumapo", write_batch(asking), asking),
        good("a batch from the middle with the last receipt", "batch", "kumapo", write_batch(later), later),
        good("a batch with a spoilt entry is still a batch", "batch", "kumapo", *_with_a_spoilt_entry(later)),
        refused("a batch cut in the middle", "batch", encoded[: len(encoded) // 2], "encoding"),
        refused("a batch with its last byte missing", "batch", encoded[:-1], "encoding"),
        refused("a batch with trailing bytes", "batch", encoded + b"\x00", "encoding"),
        refused("a batch with a bit flipped in its head", "batch", flipped(encoded, 0), "encoding"),
        refused("a batch in a tag", "batch", b"\xc1" + encoded, "encoding"),
        refused("a batch of indefinite length", "batch", b"\x9f" + encoded[1:] + b"\xff", "encoding"),
        refused("a page of a captive portal", "batch", b"<!DOCTYPE html><html><body>Wi-Fi</body></html>", "encoding"),
        refused("nothing", "batch", b"", "encoding"),
        wrong("a batch of an unknown version", "version", 0, 2),
        wrong("a batch of a kiosk with nine bytes", "value", 1, KIOSK_ID + b"\x00"),
        good("a batch of a journal without its key", "batch", "kumapo", write_batch(keyless), keyless),
        wrong("a batch with an unsigned head", "type", 2, [1, bytes(32)]),
        wrong("a batch that starts at 0", "value", 3, 0),
        wrong("a batch that starts at true", "type", 3, True),
        wrong("a batch that starts at a float", "type", 3, 1.0),
        wrong("a batch with a text for a receipt", "type", 4, "ok"),
        wrong("a batch with a number among the entries", "type", 5, [b"", 1]),
        wrong("a batch with entries in entries", "encoding", 5, [[[b""]]]),
        wrong("a batch of 20,001 entries", "value", 5, [b""] * 20_001),
        {"id": "a batch of more than 4 MiB", "reads_as": "batch", "made_by": "hand", "zeros": LENGTH_LIMIT + 1}
        | {"outcome": "refused", "reason": "length"},
    ]


def _with_a_spoilt_entry(batch: Batch) -> tuple[bytes, Batch]:
    spoilt = batch._replace(entries=(b"\xff" * 5, *batch.entries[1:]))
    return write_batch(spoilt), spoilt


def _invitations() -> list[Vector]:
    value = Invitation(ADDRESS, ROOT_HASH, CODE)
    text = write_invitation(value)

    def by_cbor2(*content: object) -> str:
        return "KPE1:" + base45.encode(cbor2.dumps(list(content)))

    return [
        good("an invitation", "invitation", "kumapo", text, value),
        good("an invitation by cbor2 alone", "invitation", "pycose", by_cbor2(1, ADDRESS, ROOT_HASH, CODE), value),
        refused("a member token where an invitation is wanted", "invitation", "KP1:" + text[5:], "prefix"),
        refused("an invitation cut short", "invitation", text[:-5], "encoding"),
        refused("an invitation with a stray character", "invitation", text + "あ", "base45"),
        refused(
            "an invitation with a code of 15 bytes", "invitation", by_cbor2(1, ADDRESS, ROOT_HASH, CODE[:15]), "value"
        ),
        refused("an invitation of an unknown version", "invitation", by_cbor2(2, ADDRESS, ROOT_HASH, CODE), "version"),
        refused(
            "an invitation with an address too long", "invitation", by_cbor2(1, "h" * 201, ROOT_HASH, CODE), "value"
        ),
    ]


def _enrolments() -> list[Vector]:
    proof = mac_from_kiosk(CODE, KIOSK_KEY.public, ROOT_HASH)
    answer = mac_from_hub(CODE, KIOSK_KEY.public, ROOT_HASH)
    asks = Application(KIOSK_KEY.public, "kumapo 0.1.0", proof)
    pending = Welcome(ROOT_KEY.public, answer, key_list(), None, None)
    let_in = pending._replace(certificate=certificate())

    def wrong(sentence: str, reason: str, *content: object) -> Vector:
        return refused(sentence, "application", cbor2.dumps(list(content)), reason)

    def plain(welcome: Welcome) -> list[Any]:
        return [1, *welcome]

    return [
        good("an application", "application", "kumapo", write_application(asks), asks),
        good("an application by cbor2 alone", "application", "pycose", cbor2.dumps([1, *asks]), asks),
        wrong("an application with a small-order key", "value", 1, IDENTITY, "kumapo 0.1.0", proof),
        wrong("an application with a proof of 31 bytes", "value", 1, KIOSK_KEY.public, "kumapo 0.1.0", proof[:31]),
        wrong("an application with a number for its software", "type", 1, KIOSK_KEY.public, 1, proof),
        wrong("an application of an unknown version", "version", 0, KIOSK_KEY.public, "", proof),
        good("a welcome before approval", "welcome", "kumapo", write_welcome(pending), pending),
        good("a welcome after approval", "welcome", "pycose", cbor2.dumps(plain(let_in)), let_in),
        refused("a welcome with an item less", "welcome", cbor2.dumps(plain(let_in)[:-1]), "type"),
        refused("a welcome with trailing bytes", "welcome", write_welcome(pending) + b"\x00", "encoding"),
    ]


def _requests() -> list[Vector]:
    value = Request(KIOSK_ID, "GET", "/sync/v1/manifest", EMPTY_HASH, NONCE)
    plain = [1, *value]

    def wrong(sentence: str, reason: str, place: int, item: object) -> Vector:
        content = [*plain[:place], item, *plain[place + 1 :]]
        return refused(sentence, "request", signed_content(REQUEST, KIOSK_KEY, content), reason)

    encoded = write_request(KIOSK_KEY, "GET", "/sync/v1/manifest", b"", NONCE)
    return [
        good("a request", "request", "kumapo", encoded, value),
        good("a request by pycose", "request", "pycose", by_pycose(REQUEST, KIOSK_KEY, plain), value),
        wrong("a request in another kiosk's name", "kid", 1, bytes(8)),
        wrong("a request with a nonce of 23 bytes", "value", 5, NONCE[:23]),
        wrong("a request with a method too long", "value", 2, "PROPFINDX"),
        wrong("a request of an unknown version", "version", 0, 2),
        refused("a request of another kiosk", "request", signed_content(REQUEST, OTHER_KIOSK_KEY, plain), "kid"),
        refused("a request with a bit flipped in the path", "request", flipped(encoded, 40), "signature"),
    ]
