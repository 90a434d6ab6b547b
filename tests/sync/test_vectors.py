"""The committed vectors of tests/vectors: read one by one, held against pycose, and made again byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pycose.keys import OKPKey
from pycose.messages import Sign1Message

from sync import base45
from sync.batch import read_batch
from sync.certificate import read_certificate
from sync.codec import WireError
from sync.enrolment import read_application, read_invitation, read_welcome
from sync.entry import LENGTH_LIMIT, hash_of, read_entry, read_heading
from sync.envelope import ENTRY, HEAD, KEYS, KIOSK, MANIFEST, MEMBER, RECEIPT, REQUEST, Purpose, open_with, take_apart
from sync.head import read_signed_head
from sync.keys import read_key_list
from sync.manifest import read_manifest
from sync.receipt import read_receipt
from sync.request import read_request
from sync.token import PREFIX, read_token, standing_of
from tests.vectors import make
from tests.vectors.crafting import Vector, aad_of, as_json

FOLDER: Final = Path(__file__).parents[1] / "vectors"
KEYS_FILE: Final = json.loads((FOLDER / "keys.json").read_text(encoding="utf-8"))
VECTORS: Final[list[Vector]] = [
    vector
    for path in sorted(FOLDER.glob("*.json"))
    if path.name != "keys.json"
    for vector in json.loads(path.read_text(encoding="utf-8"))
]
PURPOSES: Final = {purpose.name: purpose for purpose in (MEMBER, KIOSK, ENTRY, RECEIPT, MANIFEST, KEYS, REQUEST)}
PURPOSE_READ_AS: Final = {
    "token": MEMBER,
    "entry": ENTRY,
    "receipt": RECEIPT,
    "manifest": MANIFEST,
    "key list": KEYS,
    "certificate": KIOSK,
    "request": REQUEST,
    "head": HEAD,
}
ROOT: Final = bytes.fromhex(KEYS_FILE["root_public_key"])
KIOSK_PUBLIC: Final = bytes.fromhex(KEYS_FILE["kiosk_public_key"])
KEY_LIST: Final = read_key_list(bytes.fromhex(KEYS_FILE["key_list"]), ROOT)


def content_of(vector: Vector) -> Any:
    """The text or the bytes; long runs of zeros are told by their number."""
    if "text" in vector:
        return vector["text"]
    return bytes.fromhex(vector["hex"]) if "hex" in vector else bytes(vector["zeros"])


def read_signed_entry(encoded: bytes) -> Any:
    payload = open_with(ENTRY, KIOSK_PUBLIC, encoded)
    read_heading(payload)
    return read_entry(payload)


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "token": lambda text: read_token(text, KEY_LIST.verifying(MEMBER)),
    "entry": read_signed_entry,
    "receipt": lambda encoded: read_receipt(encoded, KEY_LIST.verifying(RECEIPT)),
    "manifest": lambda encoded: read_manifest(encoded, KEY_LIST.verifying(MANIFEST)),
    "certificate": lambda encoded: read_certificate(encoded, KEY_LIST.verifying(KIOSK)),
    "key list": lambda encoded: read_key_list(encoded, ROOT),
    "request": lambda encoded: read_request(encoded, KIOSK_PUBLIC),
    "head": lambda encoded: read_signed_head(encoded, KIOSK_PUBLIC),
    "batch": read_batch,
    "invitation": read_invitation,
    "application": read_application,
    "welcome": read_welcome,
}


def read(vector: Vector) -> Any:
    """What the project makes of a vector."""
    if vector["reads_as"] != "envelope":
        return READERS[vector["reads_as"]](content_of(vector))
    purpose, public_key = PURPOSES[vector["purpose"]], bytes.fromhex(vector["public_key"])
    return open_with(purpose, public_key, content_of(vector))


def signer_of(vector: Vector) -> tuple[Purpose, bytes, bytes]:
    """Purpose, public key and envelope of a vector that is an envelope."""
    if vector["reads_as"] == "envelope":
        return PURPOSES[vector["purpose"]], bytes.fromhex(vector["public_key"]), content_of(vector)
    purpose = PURPOSE_READ_AS[vector["reads_as"]]
    content = content_of(vector)
    encoded = base45.decode(content[len(PREFIX) :]) if isinstance(content, str) else content
    own = {KEYS: ROOT, ENTRY: KIOSK_PUBLIC, REQUEST: KIOSK_PUBLIC, HEAD: KIOSK_PUBLIC}
    return purpose, own.get(purpose) or KEY_LIST.verifying(purpose)[take_apart(purpose, encoded).kid], encoded


def verified_by_pycose(purpose: Purpose, public_key: bytes, encoded: bytes) -> bytes:
    """The payload as the oracle gives it out, after it has checked the signature."""
    message = Sign1Message.from_cose_obj(cbor2.loads(encoded), allow_unknown_attributes=False)
    message.key = OKPKey(crv="ED25519", x=public_key)
    message.external_aad = aad_of(purpose)  # type: ignore[misc]  # its setter is declared apart
    assert message.verify_signature()
    assert message.payload is not None
    return message.payload


def some(*, outcome: str | None = None, made_by: str | None = None) -> list[Any]:
    """Those of the vectors that are as told, each under its sentence."""
    return [
        pytest.param(vector, id=vector["id"])
        for vector in VECTORS
        if outcome in {None, vector["outcome"]} and made_by in {None, vector["made_by"]}
    ]


@pytest.mark.parametrize("vector", some(outcome="good"))
def test_a_good_vector_reads_as_its_value(vector: Vector) -> None:
    value = read(vector)

    assert as_json(value) == vector["value"]


@pytest.mark.parametrize("vector", some(outcome="refused"))
def test_a_bad_vector_is_refused_with_its_word(vector: Vector) -> None:
    with pytest.raises(WireError) as refusal:
        read(vector)

    assert refusal.value.reason == vector["reason"]


@pytest.mark.parametrize("vector", some(outcome="not understood"))
def test_an_entry_that_is_not_understood_still_has_its_heading(vector: Vector) -> None:
    payload = open_with(ENTRY, KIOSK_PUBLIC, content_of(vector))

    heading = read_heading(payload)
    with pytest.raises(WireError) as refusal:
        read_entry(payload)

    assert as_json(heading) == vector["heading"]
    assert refusal.value.reason == vector["reason"]


@pytest.mark.parametrize("vector", [case for case in some(outcome="good") if case.values[0]["reads_as"] == "token"])
def test_a_token_stands_as_its_vector_says(vector: Vector) -> None:
    token = read_token(vector["text"], KEY_LIST.verifying(MEMBER))
    lost = {(member, issue) for member, issue in vector["lost_cards"]}

    standing = standing_of(token, lost, vector["trusted_day"])

    assert standing.value == vector["standing"]


ENVELOPES: Final = [
    case for case in some(outcome="good") if case.values[0]["reads_as"] in {"envelope", *PURPOSE_READ_AS}
]


@pytest.mark.parametrize("vector", ENVELOPES)
def test_pycose_verifies_every_good_envelope(vector: Vector) -> None:
    purpose, public_key, encoded = signer_of(vector)

    payload = verified_by_pycose(purpose, public_key, encoded)

    assert payload == open_with(purpose, public_key, encoded)


def test_pycose_refuses_an_envelope_under_another_purpose() -> None:
    purpose, public_key, encoded = signer_of(next(case.values[0] for case in ENVELOPES))

    with pytest.raises(AssertionError):
        verified_by_pycose(RECEIPT if purpose is not RECEIPT else ENTRY, public_key, encoded)


def test_half_of_the_good_envelopes_are_made_by_pycose() -> None:
    makers = [case.values[0]["made_by"] for case in ENVELOPES]

    assert makers.count("pycose") >= makers.count("kumapo") >= 20


def test_the_longest_entry_of_the_vectors_is_within_the_limit() -> None:
    longest = max(len(content_of(vector)) for vector in VECTORS if vector["reads_as"] == "entry")

    assert 900 < longest <= LENGTH_LIMIT


def test_the_hash_of_an_entry_is_the_vectors() -> None:
    hashes = {vector["id"]: (vector["hash"], content_of(vector)) for vector in VECTORS if "hash" in vector}

    assert hashes
    assert all(hash_of(encoded).hex() == expected for expected, encoded in hashes.values())


@pytest.mark.parametrize("sort", ["every message", "every message, in another spelling"])
def test_a_small_order_key_that_another_library_accepts_is_refused(sort: str) -> None:
    [vector] = [each for each in VECTORS if each["id"] == f"a small-order key that fits {sort}"]
    purpose, public_key, encoded = signer_of(vector)
    envelope = take_apart(purpose, encoded)
    signed = cbor2.dumps(["Signature1", cbor2.loads(encoded)[0], aad_of(purpose), envelope.payload])

    accepted = accepts(public_key, envelope.signature, signed)

    assert accepted
    with pytest.raises(WireError, match="signature"):
        open_with(purpose, public_key, encoded)


def accepts(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """What the `cryptography` package thinks of a signature."""
    from cryptography.exceptions import InvalidSignature

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def test_no_two_vectors_share_a_sentence() -> None:
    sentences = [vector["id"] for vector in VECTORS]

    assert len(set(sentences)) == len(sentences)


def test_the_committed_vectors_are_what_their_maker_makes() -> None:
    made = make.files()

    assert made == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
