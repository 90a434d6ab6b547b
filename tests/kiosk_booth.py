"""A booth for tests: an enrolled journal in a folder, a clock that is turned by hand, a tiny hub made of sync's own
functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import wire_samples as wire

from kiosk.journal import Journal
from kiosk.journal_open import begin_enrolment, open_journal
from kiosk.scan import Offer, Station, offer_at
from sync.batch import Head, read_batch
from sync.certificate import kiosk_identity
from sync.engine import HubUnreachable
from sync.entry import Stamp, first_prev, hash_of, read_heading
from sync.envelope import ENTRY, take_apart
from sync.manifest import Manifest, write_manifest
from sync.receipt import Receipt, write_receipt

SEED: Final = wire.KIOSK_KEY.seed
STATION: Final = Station(wire.EVENT, wire.HELPING, operator=1)


@dataclass
class HandClock:
    """A clock that stands still until it is turned."""

    wall: int = wire.MORNING_MS
    monotonic: int = 600_000
    boot: bytes = wire.BOOT

    def wall_ms(self) -> int:
        return self.wall

    def monotonic_ms(self) -> int:
        return self.monotonic

    def boot_id(self) -> bytes:
        return self.boot

    def sleep_ms(self, duration_ms: int) -> None:
        self.turn(duration_ms)

    def turn(self, duration_ms: int) -> None:
        self.wall += duration_ms
        self.monotonic += duration_ms


def enrolled_at(path: Path, manifest: Manifest | None = None) -> Path:
    """Leave an enrolled journal at `path`, closed."""
    enrolled(path, manifest).close()
    return path


def enrolled(path: Path, manifest: Manifest | None = None) -> Journal:
    """Return an enrolled journal at `path`, open."""
    journal = begin_enrolment(path, "KPE1:SAMPLE", "http://127.0.0.1:9", SEED)
    encoded = write_manifest(wire.MANIFEST_KEY, manifest if manifest is not None else wire.manifest())
    journal.keep_enrolment(wire.ROOT_KEY.public, wire.key_list(), wire.certificate(), encoded)
    return journal


def reopened(path: Path) -> Journal:
    return open_journal(path, accept_volatile=True)


def kill(journal: Journal) -> Path:
    """End the run without a word, as a power cut does, and return where the journal lies."""
    path = path_of(journal)
    journal.abandon()
    return path


def path_of(journal: Journal) -> Path:
    return Path(journal._connection.execute("pragma database_list").fetchone()[2])


def offer(stamp: Stamp, manifest: Manifest | None = None, station: Station = STATION) -> Offer:
    found = offer_at(station, manifest if manifest is not None else wire.manifest(), stamp)
    assert isinstance(found, Offer)
    return found


@dataclass
class SmallHub:
    """A transport with a hub behind it that keeps entries and answers with signed receipts. `unreachable` cuts the
    line.
    """

    entries: dict[int, bytes] = field(default_factory=dict)
    number: int = 0
    unreachable: str = ""
    changes: dict[str, object] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    key_list: bytes = field(default_factory=wire.key_list)
    manifest: bytes = b""

    def post_batch(self, encoded: bytes) -> bytes:
        if self.unreachable:
            raise HubUnreachable(self.unreachable)
        batch = read_batch(encoded)
        self.posted.append(len(batch.entries))
        for entry in batch.entries:
            self.entries[read_heading(take_apart(ENTRY, entry).payload).seq] = entry
        if self.answers:
            return self.answers.pop(0)
        return write_receipt(wire.RECEIPT_KEY, self._receipt(batch.head, batch.kiosk))

    def get_key_list(self) -> bytes:
        return self.key_list

    def get_manifest(self) -> bytes:
        return self.manifest

    def _receipt(self, head: Head, kiosk: bytes) -> Receipt:
        self.number += 1
        last = len(self.entries)
        cursor = Head(last, hash_of(self.entries[last]) if last else first_prev(wire.KIOSK_KEY.public))
        plain = replace_receipt(wire.receipt(cursor, self.number), head=head, kiosk=kiosk)
        return replace_receipt(plain, **self.changes)


def replace_receipt(receipt: Receipt, **changes: object) -> Receipt:
    return receipt._replace(**changes)  # type: ignore[arg-type]  # the names are checked by _replace itself


KIOSK: Final = kiosk_identity(wire.KIOSK_KEY.public)
__all__ = ["HandClock", "SmallHub", "enrolled", "enrolled_at", "kill", "offer", "reopened", "replace"]
