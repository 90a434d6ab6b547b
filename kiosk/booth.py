"""One scan from text to entry, as one chain: text → person → offer → outcome → signed entry on the disk → scan to show.

It holds no session: a scan is one finished grant, and nothing of it attaches to the next person. It never waits for the
network; what the uplink learns is taken in before the next scan.
"""

from __future__ import annotations

from typing import NamedTuple

from config.clock import Clock
from kiosk import SOFTWARE
from kiosk.always_shown import Standing, standing_of
from kiosk.boothtime import stamp_at, trusted_day
from kiosk.journal import ALREADY_GRANTED, Journal, Kept, NotKept
from kiosk.journal_file import JournalFailed
from kiosk.lookup import Reference, reference_of
from kiosk.scan import (
    CallStaff,
    NotUsable,
    Offer,
    Outcome,
    Person,
    Reason,
    Received,
    Recorded,
    Station,
    decide,
    offer_at,
    read_code,
    read_number,
)
from sync import engine
from sync.entry import Opened, Stamp, Void

TRIES = 3
"""How often a scan is decided anew because another grant came in between."""


class Scan(NamedTuple):
    """What the screen shows: the number of the scan in this run, its outcome, the entry's number if there is one."""

    number: int
    outcome: Outcome
    seq: int | None
    event: int
    waiting: int
    is_typed: bool = False


class Booth:
    """A kiosk at its station. Everything it shows as received is signed and on the disk."""

    def __init__(self, journal: Journal, clock: Clock, station: Station) -> None:
        self._journal = journal
        self._clock = clock
        self._boot = clock.boot_id()
        self._station = station
        self._scans = 0
        self._has_signed = False
        self._news = journal.news
        self.reference = reference_of(journal)

    def open(self, *, time_is_confirmed: bool) -> None:
        """Sign that a run begins, under which manifest, and the time a volunteer confirmed. Raises JournalFailed."""
        self._sign_opened(self.reference, self._clock.wall_ms() if time_is_confirmed else None)

    def take_news(self) -> None:
        """Take in what the uplink has brought. A manifest takes effect with the `opened` that names it, or not yet."""
        news = self._journal.news
        if news == self._news:
            return
        reference = reference_of(self._journal)
        if reference.manifest_name != self.reference.manifest_name:
            try:
                self._sign_opened(reference, None)
            except JournalFailed:
                return
        self._news, self.reference = news, reference

    def end_day(self) -> None:
        """Sign the totals, if anything was granted or voided in this run. Raises JournalFailed."""
        if self._has_signed:
            self._journal.sign_and_keep(self._journal.totals(), self.stamp())

    def scan_code(self, text: str) -> Scan:
        """Scan what a QR code says."""
        self.take_news()
        stamp = self.stamp()
        day = trusted_day(stamp)
        return self._scan(read_code(text, self.reference.member_keys, self.reference.lost_cards, day), stamp)

    def scan_number(self, text: str) -> Scan:
        """Scan a member number that somebody typed."""
        self.take_news()
        return self._scan(read_number(text), self.stamp())._replace(is_typed=True)

    def void(self, seq: int, reason: str) -> Kept | NotKept:
        """Take an earlier grant of this journal back, as a mistake. Raises JournalFailed."""
        kept = self._journal.sign_and_keep(Void(seq, reason), self.stamp())
        self._has_signed = self._has_signed or isinstance(kept, Kept)
        return kept

    def stamp(self) -> Stamp:
        """Return the time as far as the booth can tell."""
        known = self._journal.boot_time(self._boot)
        return stamp_at(known, self._clock.wall_ms(), self._clock.monotonic_ms())

    def standing(self) -> Standing:
        """Return what the screen always shows of the booth."""
        return standing_of(self._journal, self.reference, self._station, self.stamp())

    def _scan(self, person: Person | NotUsable | CallStaff, stamp: Stamp) -> Scan:
        outcome, seq = self._outcome_for(person, stamp) if isinstance(person, Person) else (person, None)
        self._scans += 1
        return Scan(self._scans, outcome, seq, self._station.event, engine.waiting(self._journal))

    def _outcome_for(self, person: Person, stamp: Stamp) -> tuple[Outcome, int | None]:
        if self._journal.stopped:
            return CallStaff(Reason.ENROL_ANEW), None
        offer = offer_at(self._station, self.reference.manifest, stamp)
        if isinstance(offer, CallStaff):
            return offer, None
        for _ in range(TRIES):
            outcome, kept = self._decide_and_keep(person, offer, stamp)
            if isinstance(kept, Kept):
                self._has_signed = True
                return outcome, kept.seq
            if kept is None or kept.reason != ALREADY_GRANTED:
                return outcome, None
        return CallStaff(Reason.NOT_KEPT), None

    def _decide_and_keep(self, person: Person, offer: Offer, stamp: Stamp) -> tuple[Outcome, Kept | NotKept | None]:
        """Decide by what the journal knows now, and keep the grant if there is one. Shown is only what was kept."""
        known = self._journal.known_of(offer, person.member)
        outcome = decide(person, offer, known, stamp, self._journal.uplink().status)
        if not isinstance(outcome, Received | Recorded):
            return outcome, None
        try:
            kept = self._journal.sign_and_keep(
                outcome.grant, stamp, allotment=offer.share.allotment, seen=known.newest_seq
            )
        except JournalFailed:
            return CallStaff(Reason.NOT_KEPT), None
        return (outcome if isinstance(kept, Kept) else CallStaff(Reason.ENROL_ANEW)), kept

    def _sign_opened(self, reference: Reference, confirmed_ms: int | None) -> None:
        self._journal.sign_and_keep(Opened(SOFTWARE, reference.manifest_name, confirmed_ms), self.stamp())
