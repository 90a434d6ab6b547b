"""Bytes changed on the way are refused, or they are the one encoding of what they are read as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple
from wire_samples import (
    CERTIFYING_KEY,
    KIOSK_KEY,
    MANIFEST_KEY,
    MEMBER_KEY,
    RECEIPT_KEY,
    ROOT_KEY,
    key_list,
    keys_for,
    manifest,
    member,
    receipt,
)
from wire_strategies import CHAIN, ENTRY_PAYLOADS, Refused, mutations, outcome_of, single_changes

from sync import base45
from sync.batch import read_batch, write_batch
from sync.certificate import Certificate, read_certificate, write_certificate
from sync.codec import WireError, decode, encode
from sync.enrolment import (
    Application,
    Welcome,
    read_application,
    read_welcome,
    write_application,
    write_welcome,
)
from sync.entry import (
    KIND_OF,
    Entry,
    Grant,
    read_entry,
)
from sync.envelope import (
    ENTRY,
    KEYS,
    KIOSK,
    MANIFEST,
    MEMBER,
    RECEIPT,
    REQUEST,
    Purpose,
    SigningKey,
    open_with,
    seal,
    take_apart,
)
from sync.keys import read_key_list, write_key_list
from sync.manifest import read_manifest, write_manifest
from sync.receipt import read_receipt, write_receipt
from sync.request import Request, read_request, write_request
from sync.token import PREFIX, read_token, write_token
from tests.vectors.crafting import by_hand


def again(understood: object) -> bytes:
    """An entry's one encoding, made apart from `sign_entry`."""
    assert isinstance(understood, Entry)
    body: Any = astuple(understood.body) if isinstance(understood.body, Grant) else understood.body
    kind = KIND_OF[type(understood.body)]
    return cbor2.dumps([1, understood.kiosk, understood.seq, understood.prev, kind, body, astuple(understood.stamp)])


Rewrite = Callable[[bytes], bytes]
"""Reads bytes and writes what it has read."""


def resigned(purpose: Purpose, key: SigningKey, rewrite: Rewrite) -> Rewrite:
    """The same for a payload: as if somebody with the key had signed whatever it is now."""
    return lambda payload: take_apart(purpose, rewrite(by_hand(purpose, key, payload))).payload


def rewrite_request(encoded: bytes) -> bytes:
    request: Request = read_request(encoded, KIOSK_KEY.public)
    return seal(REQUEST, KIOSK_KEY, encode((1, *request)))


REWRITES: Final[dict[str, tuple[bytes, Rewrite]]] = {
    "receipt": (
        take_apart(
            RECEIPT, write_receipt(RECEIPT_KEY, receipt(CHAIN.head, beyond=((9, 9),), refused=(8, "kid")))
        ).payload,
        resigned(
            RECEIPT,
            RECEIPT_KEY,
            lambda encoded: write_receipt(RECEIPT_KEY, read_receipt(encoded, keys_for(RECEIPT, RECEIPT_KEY))),
        ),
    ),
    "manifest": (
        take_apart(MANIFEST, write_manifest(MANIFEST_KEY, manifest())).payload,
        resigned(
            MANIFEST,
            MANIFEST_KEY,
            lambda encoded: write_manifest(MANIFEST_KEY, read_manifest(encoded, keys_for(MANIFEST, MANIFEST_KEY))),
        ),
    ),
    "key list": (
        take_apart(KEYS, key_list()).payload,
        resigned(KEYS, ROOT_KEY, lambda encoded: write_key_list(ROOT_KEY, read_key_list(encoded, ROOT_KEY.public))),
    ),
    "certificate": (
        take_apart(KIOSK, write_certificate(CERTIFYING_KEY, Certificate(KIOSK_KEY.public, 3, 0))).payload,
        resigned(
            KIOSK,
            CERTIFYING_KEY,
            lambda encoded: write_certificate(
                CERTIFYING_KEY, read_certificate(encoded, keys_for(KIOSK, CERTIFYING_KEY))
            ),
        ),
    ),
    "request": (
        take_apart(REQUEST, write_request(KIOSK_KEY, "GET", "/sync/v1/manifest", b"", bytes(24))).payload,
        resigned(REQUEST, KIOSK_KEY, rewrite_request),
    ),
    "batch": (write_batch(CHAIN.batch(1, 2)), lambda encoded: write_batch(read_batch(encoded))),
    "application": (
        write_application(Application(KIOSK_KEY.public, "kumapo", bytes(32))),
        lambda encoded: write_application(read_application(encoded)),
    ),
    "welcome": (
        write_welcome(Welcome(ROOT_KEY.public, bytes(32), b"list", None, b"manifest")),
        lambda encoded: write_welcome(read_welcome(encoded)),
    ),
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_mutated_message_is_refused_or_is_its_own_one_encoding(name: str) -> None:
    original, rewrite = REWRITES[name]
    outcomes = {"refused": 0, "read": 0}

    @given(mutations(st.just(original)))
    @settings(max_examples=200)
    def try_one(mutated: bytes) -> None:
        rewritten = outcome_of(rewrite, mutated)
        assert isinstance(rewritten, Refused) or rewritten == mutated
        outcomes["refused" if isinstance(rewritten, Refused) else "read"] += 1

    try_one()
    assert outcomes["refused"] > 50
    assert outcomes["read"] > 0


@given(mutations(st.sampled_from(ENTRY_PAYLOADS)))
@settings(max_examples=400)
def test_a_mutated_entry_is_not_understood_or_is_its_own_one_encoding(mutated: bytes) -> None:
    understood = outcome_of(read_entry, mutated)

    assert isinstance(understood, Refused) or again(understood) == mutated


@pytest.mark.parametrize("number", range(len(ENTRY_PAYLOADS)))
def test_an_entry_changed_in_any_one_place_is_not_understood_or_is_its_own_one_encoding(number: int) -> None:
    outcomes = {changed: outcome_of(read_entry, changed) for changed in single_changes(ENTRY_PAYLOADS[number])}

    understood = {changed: read for changed, read in outcomes.items() if not isinstance(read, Refused)}

    assert len(understood) > 200
    assert all(again(read) == changed for changed, read in understood.items())


@given(mutations(st.just(base45.decode(write_token(MEMBER_KEY, member(1), 1)[len(PREFIX) :]))))
@settings(max_examples=200)
def test_a_mutated_token_is_refused(mutated: bytes) -> None:
    original = write_token(MEMBER_KEY, member(1), 1)
    changed = PREFIX + base45.encode(mutated)

    token = outcome_of(lambda _: read_token(changed, keys_for(MEMBER, MEMBER_KEY)), mutated)

    assert isinstance(token, Refused) == (changed != original)


@given(mutations(st.sampled_from([signed.encoded for signed in CHAIN.entries])))
@settings(max_examples=200)
def test_a_mutated_envelope_is_refused_or_unchanged(mutated: bytes) -> None:
    payload = outcome_of(lambda encoded: open_with(ENTRY, KIOSK_KEY.public, encoded), mutated)

    assert isinstance(payload, Refused) or mutated in [signed.encoded for signed in CHAIN.entries]


def test_an_envelope_changed_in_any_one_place_is_refused() -> None:
    original = CHAIN.entries[1].encoded

    opened_again = [
        changed
        for changed in single_changes(original)
        if changed != original
        and not isinstance(outcome_of(lambda encoded: open_with(ENTRY, KIOSK_KEY.public, encoded), changed), Refused)
    ]

    assert opened_again == []


@given(st.binary(max_size=40) | mutations(st.sampled_from(ENTRY_PAYLOADS)), st.integers(1, 4))
@settings(max_examples=400)
def test_whatever_decodes_encodes_to_the_same_bytes(encoded: bytes, depth: int) -> None:
    value: Any = outcome_of(lambda spelt: decode(spelt, depth), encoded)

    assert value in {Refused("encoding"), Refused("type")} or encode(value) == encoded


@given(st.text(max_size=200))
def test_whatever_a_camera_reads_is_a_token_or_a_refusal(read: str) -> None:
    for text_read in (read, PREFIX + read, PREFIX + base45.encode(read.encode("utf-8", "surrogatepass"))):
        with pytest.raises(WireError):
            read_token(text_read, keys_for(MEMBER, MEMBER_KEY))
