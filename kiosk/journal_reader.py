"""Answers questions about a journal beside a running booth, and is what the one writer (`kiosk.journal`) is built on.
Never writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from kiosk.boothtime import BootTime, Confirmed
from kiosk.chain import Damage, Row, check_run, is_signed_head
from kiosk.journal_file import JournalDamaged, JournalMissing
from kiosk.scan import Earlier, Known, Offer
from sync.codec import WireError
from sync.engine import Uplink
from sync.entry import Body, Clock, DayEnd, Stamp, first_prev, hash_of, read_entry
from sync.envelope import ENTRY, SigningKey, take_apart
from sync.head import Head, write_head

ENTRY_OVERHEAD = 3
"""Bytes a batch adds to each entry: the head of a byte string of up to 65,535 bytes."""

_Columns: TypeAlias = "tuple[Any, ...]"


class JournalReader:
    """Reads a journal. Every answer is one statement, so it is whole even while another process writes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Raises JournalMissing where no enrolment has begun."""
        self._connection = connection
        self._lock = threading.RLock()
        kiosk = self._kept("kiosk")
        if kiosk is None:
            raise JournalMissing("no key")
        self.kiosk = kiosk
        self.root_public_key = self._kept("root_public_key") or b""
        """The hub's root key, pinned at enrolment; empty before that."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def public_key(self) -> bytes:
        """The kiosk's public key. Raises JournalMissing where a salvaged journal has lost it."""
        return self._wanted("public_key")

    @property
    def address(self) -> str:
        """The hub's address as the enrolment code had it."""
        return (self._kept("address") or b"").decode("utf-8")

    @property
    def invitation(self) -> str:
        """The enrolment code's text this journal was begun with."""
        return (self._kept("invitation") or b"").decode("utf-8")

    @property
    def stopped(self) -> str:
        """Why this key signs nothing more, or ""."""
        return (self._kept("stopped") or b"").decode("utf-8") or self.uplink().stopped

    def head(self) -> Head:
        """Return the last entry's number and hash."""
        row = self._row("select seq, hash from entry order by seq desc limit 1")
        return Head(*row) if row is not None else self._base()

    def sign_head(self, question: bytes | None) -> bytes | None:
        """Return the head, signed together with a question; None where the key is gone. It claims nothing new, so a
        journal that signs no entry any more may sign its head too.
        """
        seed = self._kept("seed")
        return write_head(SigningKey(seed), self.head(), question) if seed is not None else None

    def hash_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry that is kept and whole, or what the first one kept is chained to."""
        row = self._row("select hash, encoded from entry where seq = ?", seq)
        if row is not None:
            return bytes(row[0]) if hash_of(row[1]) == row[0] else None
        public_key = self._kept("public_key")
        if seq == 0 and public_key is not None:
            return first_prev(public_key)
        base = self._base()
        return base.hash if base.seq == seq else None

    def entries_from(self, first_seq: int, most: int, most_bytes: int) -> list[bytes]:
        """Return a run without a gap from `first_seq` (or the first one kept after it), within both bounds.

        An entry that is no longer what was signed counts as a gap: the hub hears of the hole, and of what follows it.
        """
        run: list[bytes] = []
        next_seq = 0
        for row in self.rows(first_seq, most):
            is_whole = hash_of(row.encoded) == row.hash
            most_bytes -= len(row.encoded) + ENTRY_OVERHEAD
            if run and (row.seq != next_seq or not is_whole or most_bytes < 0):
                break
            if is_whole:
                run.append(row.encoded)
                next_seq = row.seq + 1
        return run

    def rows(self, first_seq: int, most: int = -1) -> Iterator[Row]:
        """Return the entries from `first_seq` on as they are kept, a thousand in memory at a time."""
        while most:
            amount = 1_000 if most < 0 else min(most, 1_000)
            rows = self._all(
                "select seq, hash, encoded from entry where seq >= ? order by seq limit ?", first_seq, amount
            )
            yield from (Row(*row) for row in rows)
            if len(rows) < amount:
                return
            first_seq = rows[-1][0] + 1
            most = most - amount if most > 0 else most

    def first_kept_seq(self) -> int:
        """Return the number of the oldest entry still kept, or the next one to be signed."""
        row = self._row("select seq from entry order by seq limit 1")
        return int(row[0]) if row is not None else self._base().seq + 1

    def stamp_of(self, seq: int) -> Stamp | None:
        """Return when an entry was signed, if it is kept and understood."""
        body_and_stamp = self._entry(seq)
        return body_and_stamp[1] if body_and_stamp is not None else None

    def uplink(self) -> Uplink:
        """Return what is known of the hub."""
        encoded = self._kept("uplink")
        try:
            return msgspec.json.decode(encoded, type=Uplink) if encoded is not None else Uplink()
        except msgspec.DecodeError as error:
            raise JournalDamaged("uplink") from error

    def last_receipt(self) -> bytes | None:
        """Return the last receipt that was believed."""
        return self._kept("receipt")

    def certificate(self) -> bytes | None:
        """Return this kiosk's certificate."""
        return self._kept("certificate")

    def key_list(self) -> bytes:
        """Return the newest key list. Raises JournalMissing before enrolment."""
        return self._wanted("key_list")

    def manifest(self) -> bytes | None:
        """Return the newest manifest."""
        return self._kept("manifest")

    def boot_time(self, boot: bytes) -> BootTime:
        """Return what is known of the time in that boot of the machine."""
        row = self._row(
            "select hub_ms, sent_ms, received_ms, confirmed_ms, confirmed_monotonic_ms from boot where boot = ?", boot
        )
        if row is None:
            return BootTime(boot)
        sample = Clock(*row[:3]) if row[0] is not None else None
        confirmed = Confirmed(*row[3:]) if row[3] is not None else None
        return BootTime(boot, sample, confirmed)

    def share_used(self, allotment: int) -> int:
        """Return the points of all grants ever signed against an allotment; a void gives nothing back."""
        row = self._row("select points from drawn where allotment = ?", allotment)
        return int(row[0]) if row is not None else 0

    def known_of(self, offer: Offer, member: int) -> Known:
        """Return what the journal knows of a member at this activity, at whatever occasion, and of the share."""
        rows = self._all(
            "select seq, occasion, points, wall_ms, boot, monotonic_ms, trust from granted"
            " where event = ? and activity = ? and member = ? order by seq",
            *(offer.event.event, offer.activity.activity, member),
        )
        earlier = tuple(Earlier(seq, occasion, points, Stamp(*stamp)) for seq, occasion, points, *stamp in rows)
        return Known(earlier, self.share_used(offer.share.allotment))

    def totals(self) -> DayEnd:
        """Return how many grants and voids were signed so far, and their points."""
        grants, points = self._wanted_row("select coalesce(sum(grants), 0), coalesce(sum(points), 0) from drawn")
        voids, voided_points = self._wanted_row("select count(*), coalesce(sum(points), 0) from voided")
        return DayEnd(grants, points, voids, voided_points)

    def check(self, after: Head | None = None) -> Damage | None:
        """Read every entry after `after` (None: all that are kept) and check the chain; tell the first damage."""
        if after is not None and self.hash_at(after.seq) != after.hash:
            return Damage(after.seq, "missing")
        end = check_run(self.rows(1 if after is None else after.seq + 1), after or self._base(), self.kiosk)
        if isinstance(end, Damage):
            return end
        row = self._row("select encoded from entry where seq = ?", end.seq)
        public_key = self._kept("public_key")
        if row is not None and public_key is not None and not is_signed_head(row[0], public_key):
            return Damage(end.seq, "not signed")
        return None

    def quick_check(self) -> str:
        """Ask SQLite whether the tables are sound; return what it says, or "". It does not see a flipped bit in a
        record: `check` does.
        """
        said = self._wanted_row("pragma quick_check(1)")[0]
        return "" if said == "ok" else str(said)

    def _base(self) -> Head:
        """What the oldest entry still kept is chained to."""
        encoded = self._kept("base")
        if encoded is None:
            return Head(0, first_prev(self._wanted("public_key")))
        return Head(int.from_bytes(encoded[:8], "big"), encoded[8:])

    def _entry(self, seq: int) -> tuple[Body, Stamp] | None:
        row = self._row("select encoded from entry where seq = ?", seq)
        if row is None:
            return None
        try:
            entry = read_entry(take_apart(ENTRY, row[0]).payload)
        except WireError:
            return None
        return entry.body, entry.stamp

    def _kept(self, name: str) -> bytes | None:
        row = self._row("select content from kept where name = ?", name)
        return bytes(row[0]) if row is not None else None

    def _wanted(self, name: str) -> bytes:
        content = self._kept(name)
        if content is None:
            raise JournalMissing(f"no {name}")
        return content

    def _wanted_row(self, statement: str, *values: int | bytes | str) -> _Columns:
        row = self._row(statement, *values)
        if row is None:
            raise JournalDamaged(statement)
        return row

    def _row(self, statement: str, *values: int | bytes | str) -> _Columns | None:
        with self._lock:
            row: _Columns | None = self._connection.execute(statement, values).fetchone()
            return row

    def _all(self, statement: str, *values: int | bytes | str) -> list[_Columns]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
