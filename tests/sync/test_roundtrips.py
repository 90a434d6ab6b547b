"""Every message of the wire reads as it was written, whatever it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_samples import (
    CERTIFYING_KEY,
    KIOSK_ID,
    KIOSK_KEY,
    MANIFEST_KEY,
    MEMBER_KEY,
    RECEIPT_KEY,
    ROOT_KEY,
    keys_for,
)
from wire_strategies import (
    BATCHES,
    BODIES,
    COUNT,
    KEY_LISTS,
    MANIFESTS,
    MEMBERS,
    PUBLIC_KEYS,
    RECEIPTS,
    SEEDS,
    STAMPS,
    below,
    of,
    text,
)

from sync import base45, entry
from sync.batch import Batch, read_batch, write_batch
from sync.certificate import Certificate, kiosk_identity, read_certificate, write_certificate
from sync.codec import INTEGER_LIMIT, WireError
from sync.enrolment import (
    Application,
    Invitation,
    Welcome,
    read_application,
    read_invitation,
    read_welcome,
    write_application,
    write_invitation,
    write_welcome,
)
from sync.entry import (
    Body,
    Entry,
    Stamp,
    read_entry,
    read_heading,
    sign_entry,
)
from sync.envelope import (
    ENTRY,
    KIOSK,
    MANIFEST,
    MEMBER,
    RECEIPT,
    SigningKey,
    open_with,
    seal,
    take_apart,
)
from sync.keys import KeyList, read_key_list, write_key_list
from sync.manifest import Manifest, read_manifest, write_manifest
from sync.receipt import Receipt, read_receipt, write_receipt
from sync.request import read_request, write_request
from sync.token import Token, read_token, write_token
from tests.vectors.crafting import by_hand


@given(BODIES, STAMPS, below(INTEGER_LIMIT, 1), of(32))
def test_every_entry_reads_as_it_was_signed(body: Body, stamp: Stamp, seq: int, prev: bytes) -> None:
    signed = sign_entry(KIOSK_KEY, seq, prev, body, stamp)

    understood = read_entry(open_with(ENTRY, KIOSK_KEY.public, signed.encoded))

    assert understood == Entry(KIOSK_ID, seq, prev, body, stamp)
    assert read_heading(take_apart(ENTRY, signed.encoded).payload) == (1, KIOSK_ID, seq, prev)
    assert len(signed.encoded) <= entry.LENGTH_LIMIT


@given(MEMBERS, below(2**16, 1), below(2**16))
def test_every_token_reads_as_it_was_written_and_fits_its_code(number: int, issue: int, expiry_day: int) -> None:
    written = write_token(MEMBER_KEY, number, issue, expiry_day)

    token = read_token(written, keys_for(MEMBER, MEMBER_KEY))

    assert token == Token(number, issue, expiry_day, MEMBER.kid(MEMBER_KEY.public))
    assert len(written) <= 154


@given(RECEIPTS)
def test_every_receipt_reads_as_it_was_written(written: Receipt) -> None:
    encoded = write_receipt(RECEIPT_KEY, written)

    assert read_receipt(encoded, keys_for(RECEIPT, RECEIPT_KEY)) == written


@given(MANIFESTS)
def test_every_manifest_reads_as_it_was_written(written: Manifest) -> None:
    encoded = write_manifest(MANIFEST_KEY, written)

    assert read_manifest(encoded, keys_for(MANIFEST, MANIFEST_KEY)) == written


@given(KEY_LISTS)
def test_every_key_list_reads_as_it_was_written(written: KeyList) -> None:
    encoded = write_key_list(ROOT_KEY, written)

    assert read_key_list(encoded, ROOT_KEY.public) == written


@given(PUBLIC_KEYS, COUNT, below(2**16))
def test_every_certificate_reads_as_it_was_written(public_key: bytes, serial: int, not_after_day: int) -> None:
    written = Certificate(public_key, serial, not_after_day)

    encoded = write_certificate(CERTIFYING_KEY, written)

    assert read_certificate(encoded, keys_for(KIOSK, CERTIFYING_KEY)) == written


@given(BATCHES)
def test_every_batch_reads_as_it_was_written(written: Batch) -> None:
    assert read_batch(write_batch(written)) == written


@given(text(200), of(32), of(16))
def test_every_invitation_reads_as_it_was_written(address: str, root_key_hash: bytes, code: bytes) -> None:
    written = Invitation(address, root_key_hash, code)

    assert read_invitation(write_invitation(written)) == written


@given(PUBLIC_KEYS, text(64), of(32), st.binary(max_size=99), st.none() | st.binary(max_size=99))
def test_every_enrolment_message_reads_as_it_was_written(
    public_key: bytes, software: str, mac: bytes, some: bytes, optional: bytes | None
) -> None:
    application = Application(public_key, software, mac)
    welcome = Welcome(public_key, mac, some, optional, optional)

    assert read_application(write_application(application)) == application
    assert read_welcome(write_welcome(welcome)) == welcome


@given(SEEDS, text(8), text(256), st.binary(max_size=99), of(24))
def test_every_request_reads_as_it_was_written(
    key: SigningKey, method: str, path: str, body: bytes, nonce: bytes
) -> None:
    encoded = write_request(key, method, path, body, nonce)

    request = read_request(encoded, key.public)

    assert (request.kiosk, request.method, request.path) == (kiosk_identity(key.public), method, path)
    assert request.nonce == nonce


@given(st.binary(max_size=70_000))
@settings(max_examples=30)
def test_every_payload_comes_out_of_its_envelope(payload: bytes) -> None:
    encoded = seal(RECEIPT, RECEIPT_KEY, payload)

    assert encoded == by_hand(RECEIPT, RECEIPT_KEY, payload)
    assert open_with(RECEIPT, RECEIPT_KEY.public, encoded) == payload


@pytest.mark.parametrize("length", [0, 23, 24, 255, 256, 65_535, 65_536, 2**20])
def test_a_payload_of_any_length_has_one_envelope(length: int) -> None:
    payload = bytes(length)

    encoded = seal(RECEIPT, RECEIPT_KEY, payload)

    assert encoded == by_hand(RECEIPT, RECEIPT_KEY, payload)
    assert take_apart(RECEIPT, encoded).payload == payload


@given(st.binary(max_size=300))
def test_base45_gives_back_what_it_was_given(plain: bytes) -> None:
    encoded = base45.encode(plain)

    assert base45.decode(encoded) == plain


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=30))
def test_base45_has_no_second_spelling(spelt: str) -> None:
    try:
        plain = base45.decode(spelt)
    except WireError:
        return

    assert base45.encode(plain) == spelt
