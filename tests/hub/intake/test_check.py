"""Which entries of a batch may arrive, by value, and how many signatures that takes."""

from __future__ import annotations

import pytest
from wire_samples import KIOSK_KEY, chain_of, grant, stamp

from hub.intake import check
from hub.intake.check import SIGNATURES_LIMIT, check_batch
from sync.entry import sign_entry
from sync.envelope import Envelope, Purpose, is_signed_by


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every signature that is looked at."""
    looked_at: list[bytes] = []

    def look(public_key: bytes, purpose: Purpose, envelope: Envelope) -> bool:
        looked_at.append(envelope.signature)
        return is_signed_by(public_key, purpose, envelope)

    monkeypatch.setattr(check, "is_signed_by", look)
    return looked_at


def unsigned(encoded: bytes) -> bytes:
    """An entry whose signature is not good."""
    return encoded[:-1] + bytes([encoded[-1] ^ 1])


def piece(seq: int, prev: bytes) -> bytes:
    """An entry that is chained to nothing in its batch."""
    return sign_entry(KIOSK_KEY, seq, prev, grant(1), stamp(seq)).encoded


def test_one_good_signature_attests_all_before_it(looks: list[bytes]) -> None:
    batch = chain_of(200).batch()

    found = check_batch(KIOSK_KEY.public, batch)

    assert (len(found.arriving), found.refused, len(looks)) == (201, None, 1)


def test_so_many_signatures_are_looked_at_and_no_more_however_many_are_bad(looks: list[bytes]) -> None:
    batch = chain_of(300).batch()
    last = unsigned(batch.entries[-1])
    pieces = tuple(unsigned(piece(seq, bytes(32))) for seq in range(1, 301))

    at_the_end = check_batch(KIOSK_KEY.public, batch._replace(entries=(*batch.entries[:-1], last)))
    looks.clear()
    everywhere = check_batch(KIOSK_KEY.public, batch._replace(entries=pieces))

    assert (len(at_the_end.arriving), at_the_end.refused) == (300, (301, "signature"))
    assert (everywhere.arriving, everywhere.refused, len(looks)) == ([], (1, "signature"), SIGNATURES_LIMIT)


def test_a_batch_in_many_pieces_is_taken_as_far_as_signatures_are_looked_at(looks: list[bytes]) -> None:
    pieces = tuple(piece(seq, seq.to_bytes(32, "big")) for seq in range(1, 201))

    found = check_batch(KIOSK_KEY.public, chain_of(0).batch()._replace(entries=pieces))

    assert len(found.arriving) == len(looks) == SIGNATURES_LIMIT
    assert found.refused == (SIGNATURES_LIMIT + 1, "signature")
