"""Pure: which entries of a batch may arrive. Needs a canonical envelope, the four frozen items, and attestation by a
signature.

One good signature attests every entry before it in the same chained run, so usually one verification serves a whole
batch; single signatures stay stored and the audit checks them. Nothing here judges what an entry is worth.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sync.batch import Batch
from sync.codec import WireError
from sync.entry import LENGTH_LIMIT, Entry, hash_of, read_entry, read_heading, read_signed_grant
from sync.envelope import ENTRY, is_signed_by, take_apart


class Arriving(msgspec.Struct, frozen=True, gc=False):
    """An entry of a batch. `entry` is None where it is not understood, and `defect` says why.

    It holds nothing that could lead back to it, so the collector of reference cycles need not look at it.
    """

    seq: int
    hash: bytes
    prev: bytes
    encoded: bytes
    entry: Entry | None
    defect: str


class Checked(NamedTuple):
    """What a batch comes to: the entries that may arrive, and the first one that may not, with the reason."""

    arriving: list[Arriving]
    refused: tuple[int, str] | None


SIGNATURES_LIMIT = 64
"""Looked at in one batch. An honest batch needs one, and one more for each entry that was damaged on its way; a made-up
one could have the hub look at 20,000.
"""


def check_batch(public_key: bytes, batch: Batch) -> Checked:
    """Return which entries of `batch` may arrive. Reads the entries in order up to the first that has no heading."""
    entries, refused = _read_all(batch)
    arriving: list[Arriving] = []
    looks_left = SIGNATURES_LIMIT
    for run in _chained_runs(entries):
        attested, looks_left = _attested_length(public_key, run, looks_left)
        arriving += run[:attested]
        if attested < len(run):
            unsigned = (run[attested].seq, "signature")
            refused = unsigned if refused is None else min(refused, unsigned)
    return Checked(arriving, refused)


def _read_all(batch: Batch) -> tuple[list[Arriving], tuple[int, str] | None]:
    """Read grants, which come by the thousand, the quick way here, and whatever it declines one by one."""
    entries: list[Arriving] = []
    for seq, encoded in enumerate(batch.entries, batch.first_seq):
        grant = read_signed_grant(encoded)
        if grant is not None and grant.seq == seq and grant.kiosk == batch.kiosk == encoded[_KID]:
            entries.append(Arriving(seq, hash_of(encoded), grant.prev, encoded, grant, ""))
            continue
        try:
            entries.append(_read_other(batch.kiosk, seq, encoded))
        except WireError as error:
            return entries, (seq, error.reason)
    return entries, None


_KID = slice(len(ENTRY.head), len(ENTRY.head) + ENTRY.kid_length)


def _read_other(kiosk: bytes, seq: int, encoded: bytes) -> Arriving:
    """Read any other kind, and tell apart what may not arrive (WireError) from what is only not understood."""
    if len(encoded) > LENGTH_LIMIT:
        raise WireError("length")
    envelope = take_apart(ENTRY, encoded)
    heading = read_heading(envelope.payload)
    if heading.kiosk != kiosk or envelope.kid != kiosk:
        raise WireError("kid")
    if heading.seq != seq or seq == 0:
        raise WireError("order")
    entry, defect = understand(envelope.payload)
    return Arriving(seq, hash_of(encoded), heading.prev, encoded, entry, defect)


def read_arrived(encoded: bytes) -> tuple[bytes, Entry | None, str]:
    """Return what an arrived entry is chained to, and the entry itself, or None and why it is not understood."""
    grant = read_signed_grant(encoded)
    if grant is not None:
        return grant.prev, grant, ""
    payload = take_apart(ENTRY, encoded).payload
    return read_heading(payload).prev, *understand(payload)


def understand(payload: bytes) -> tuple[Entry | None, str]:
    """Return the entry in `payload`, or None and why it is not understood."""
    try:
        return read_entry(payload), ""
    except WireError as error:
        return None, error.reason


def _chained_runs(entries: list[Arriving]) -> list[list[Arriving]]:
    runs: list[list[Arriving]] = []
    hash_before: bytes | None = None
    for entry in entries:
        if entry.prev != hash_before:
            runs.append([])
        runs[-1].append(entry)
        hash_before = entry.hash
    return runs


def _attested_length(public_key: bytes, run: list[Arriving], looks_left: int) -> tuple[int, int]:
    """Return how many entries stand at or before the last good signature of a chained run, and how many more signatures
    may be looked at.
    """
    for length in range(len(run), max(0, len(run) - looks_left), -1):
        looks_left -= 1
        if is_signed_by(public_key, ENTRY, take_apart(ENTRY, run[length - 1].encoded)):
            return length, looks_left
    return 0, looks_left
