"""Reads the entries of one kiosk and proves each by itself: bytes, hash, number, kiosk, its own signature, and who else
vouches for it. Turns rows into entries placed in the chain; how they hang together is `tree`'s matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container
from typing import Any, NamedTuple

import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.kiosks import Kiosk
from hub.audit.reading import stream
from sync.codec import WireError
from sync.entry import LENGTH_LIMIT, Body, Entry, Heading, Stamp, read_entry, read_heading
from sync.envelope import ENTRY, is_signed_by, take_apart

RUNS_NOTED = 20
"""So many runs of entries without a good signature of their own are noted one by one for each kiosk."""


class Arrived(NamedTuple):
    """An entry as it arrived. `body` and `stamp` are None where it is not understood, and `defect` says why. An altered
    one keeps its place, so that what comes after it can still be judged, but nothing is expected of it.
    """

    seq: int
    hash: bytes
    prev: bytes
    arrived_ms: int
    body: Body | None
    stamp: Stamp | None
    defect: str
    is_altered: bool


def read_journal(
    connection: sa.Connection, kiosk: Kiosk, findings: Findings, to_prove: Container[bytes] | None = None
) -> list[Arrived]:
    """Return the attested entries of a kiosk, by number and hash. Where it is told by hash which are to be proved, the
    signatures of the others are taken for good.
    """
    arrived: list[Arrived] = []
    unsigned: set[tuple[int, bytes]] = set()
    seen: set[tuple[int, bytes]] = set()
    for row in stream(
        connection,
        "SELECT seq, hash, arrived_ms, encoded FROM entry WHERE kiosk = :kiosk ORDER BY seq, hash",
        kiosk=kiosk.kiosk,
    ):
        one, is_signed = _read_row(row, kiosk, findings, to_prove)
        if one is None or (one.seq, one.hash) in seen:
            continue
        seen.add((one.seq, one.hash))
        arrived.append(one)
        if not is_signed:
            unsigned.add((one.seq, one.hash))
    vouched_for = _attested(arrived, unsigned)
    for one in arrived:
        if one.arrived_ms < kiosk.approved_ms:
            place = {"kiosk": kiosk.kiosk, "seq": one.seq, "hash": one.hash}
            findings.defect("entry", "arrived before its kiosk was let in", **place)
            findings.defect("kiosk", "let in after entries of it had arrived", kiosk=kiosk.kiosk)
    by_another = [one for one in arrived if (one.seq, one.hash) in unsigned]
    _name_unsigned(kiosk.kiosk, by_another, vouched_for, findings)
    return [one for one in arrived if (one.seq, one.hash) in vouched_for] if unsigned else arrived


def _name_unsigned(
    kiosk: bytes, unsigned: list[Arrived], vouched_for: Container[tuple[int, bytes]], findings: Findings
) -> None:
    """Name the entries whose own signature is bad: each that nobody vouches for, the others by their runs."""
    noted: list[Arrived] = []
    for one in unsigned:
        if (one.seq, one.hash) not in vouched_for:
            place = {"kiosk": kiosk, "seq": one.seq, "hash": one.hash}
            findings.defect("entry", "neither its own signature nor a later entry's vouches for it", **place)
        elif not one.is_altered:
            noted.append(one)
    _note_unsigned(kiosk, noted, findings)


def _note_unsigned(kiosk: bytes, noted: list[Arrived], findings: Findings) -> None:
    """Add a note for each run of entries that only later ones vouch for, of many runs for the first, and one for all
    others: whoever holds a kiosk's key can make any number of them, and a defect must not drown in them.
    """
    runs: list[list[Arrived]] = []
    for one in noted:
        if runs and one.seq <= runs[-1][-1].seq + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    rest = [one for run in runs[RUNS_NOTED:] for one in run]
    for run in (*runs[:RUNS_NOTED], *([rest] if rest else [])):
        first, last = run[0], run[-1]
        if len(run) == 1:
            remark = "its own signature is bad; a later entry's vouches for it"
            findings.note("entry", remark, kiosk=kiosk, seq=first.seq, hash=first.hash)
        else:
            remark = f"the signatures of {len(run)} entries of these are bad; later entries' vouch for them"
            findings.note("entry", remark, kiosk=kiosk, seq=f"{first.seq}-{last.seq}")


def _read_row(
    row: Any, kiosk: Kiosk, findings: Findings, to_prove: Container[bytes] | None
) -> tuple[Arrived | None, bool]:
    """Return the entry in a row, if it is one of this kiosk's, and whether it is signed by it."""
    encoded, kept_hash = bytes(row.encoded), bytes(row.hash)
    true_hash = hashlib.sha256(encoded).digest()
    is_altered = true_hash != kept_hash
    if is_altered:
        defect = "its bytes and its hash do not belong together"
        findings.defect("entry", defect, kiosk=kiosk.kiosk, seq=row.seq, hash=kept_hash)
    try:
        envelope = take_apart(ENTRY, encoded)
        understood, defect = _understand(envelope.payload)
        heading = understood or read_heading(envelope.payload)
    except WireError as error:
        findings.defect("entry", f"is no entry: {error.reason}", kiosk=kiosk.kiosk, seq=row.seq, hash=kept_hash)
        return Arrived(row.seq, kept_hash, b"", row.arrived_ms, None, None, "", is_altered=True), False
    wrong = _wrong_in(row, encoded, heading, envelope.kid, kiosk.kiosk)
    for one in wrong:
        findings.defect("entry", one, kiosk=kiosk.kiosk, seq=row.seq, hash=kept_hash)
    if heading.kiosk != kiosk.kiosk or envelope.kid != kiosk.kiosk:
        return None, False
    is_proved = to_prove is None or is_altered or kept_hash in to_prove
    is_signed = not is_proved or is_signed_by(kiosk.public_key, ENTRY, envelope)
    if is_altered and not is_signed:  # what it says is nobody's word
        understood, defect = None, ""
    body, stamp = (understood.body, understood.stamp) if understood else (None, None)
    if is_signed:  # then its bytes are the truth, whatever its columns say
        placed = (heading.seq, true_hash)
        return Arrived(*placed, heading.prev, row.arrived_ms, body, stamp, defect, is_altered=False), True
    return Arrived(row.seq, kept_hash, heading.prev, row.arrived_ms, body, stamp, defect, is_altered), False


def _wrong_in(row: Any, encoded: bytes, heading: Heading | Entry, kid: bytes, kiosk: bytes) -> list[str]:
    """Return what the frame of an entry says otherwise than its row."""
    wrong = []
    if len(encoded) > LENGTH_LIMIT:
        wrong.append("is longer than an entry may be")
    if heading.kiosk != kiosk or kid != kiosk:
        wrong.append(f"was made by kiosk {heading.kiosk.hex()}")
    elif heading.seq != row.seq or row.seq < 1:
        wrong.append(f"was numbered {heading.seq}")
    return wrong


def _understand(payload: bytes) -> tuple[Entry | None, str]:
    try:
        return read_entry(payload), ""
    except WireError as error:
        return None, error.reason


def _attested(arrived: list[Arrived], unsigned: set[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """Return the entries that are signed themselves, or that a later attested one names as the entry before it. Where
    all are signed, nobody asks.
    """
    if not unsigned:
        return set()
    attested: set[tuple[int, bytes]] = set()
    named: set[tuple[int, bytes]] = set()
    for one in sorted(arrived, key=lambda one: one.seq, reverse=True):
        place = (one.seq, one.hash)
        if place not in unsigned or place in named:
            attested.add(place)
            named.add((one.seq - 1, one.prev))
    return attested
