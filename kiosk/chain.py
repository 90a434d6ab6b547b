"""Checks that entries are whole and follow each other. Pure; it finds what SQLite's own checks do not see: a flipped
bit in a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sync.codec import WireError
from sync.entry import hash_of, read_heading
from sync.envelope import ENTRY, is_signed_by, take_apart
from sync.head import Head


class Row(NamedTuple):
    """An entry as the journal keeps it."""

    seq: int
    hash: bytes
    encoded: bytes


class Damage(NamedTuple):
    """The first entry that is not what was signed, and in what way."""

    seq: int
    reason: str


def check_run(rows: Iterable[Row], before: Head, kiosk: bytes) -> Head | Damage:
    """Return the last of `rows`, which must follow `before` without a gap, or the first damage.

    Hashes only: a change that keeps all hashes right has to be made on purpose, and the signature of the last entry,
    which `is_signed_head` looks at, attests all before it.
    """
    for row in rows:
        reason = _trouble(row, before, kiosk)
        if reason:
            return Damage(before.seq + 1, reason)
        before = Head(row.seq, row.hash)
    return before


def is_signed_head(encoded: bytes, public_key: bytes) -> bool:
    """Tell whether this kiosk's key signed the entry."""
    try:
        return is_signed_by(public_key, ENTRY, take_apart(ENTRY, encoded))
    except WireError:
        return False


def _trouble(row: Row, before: Head, kiosk: bytes) -> str:
    if row.seq != before.seq + 1:
        return "missing"
    if type(row.encoded) is not bytes or hash_of(row.encoded) != row.hash:
        return "changed"
    try:
        heading = read_heading(take_apart(ENTRY, row.encoded).payload)
    except WireError:
        return "no entry"
    if (heading.kiosk, heading.seq) != (kiosk, row.seq):
        return "another entry"
    return "" if heading.prev == before.hash else "not chained"
