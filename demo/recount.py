"""Counts journals against the hub's database once everything has ended. Pure: rows in, sums and complaints out.

It trusts no stored hash and no stored count: hashes are made from the entries' bytes, verdicts are taken from the
ledger's rows, and what the hub has counted itself is only compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import NamedTuple

from demo.cast import Total
from sync.codec import WireError
from sync.entry import Grant, hash_of, read_entry
from sync.envelope import ENTRY, take_apart


class Posting(NamedTuple):
    """A row of the ledger's transfers."""

    kiosk: bytes
    hash: bytes
    member: int
    points: int


class Aside(NamedTuple):
    """A row of what was put aside: duplicate, held or dismissed. `reason` names its reasons, "" for a duplicate."""

    kiosk: bytes
    hash: bytes
    verdict: str
    points: int
    reason: str


class HubBooks(NamedTuple):
    """What is read from the hub's database.

    `entries` are (kiosk, entry's bytes); `counts` is what the hub itself has counted; `accounts` the amounts of all
    accounts that are not members'; `balances` is {member: (held, owed)}; `flags` are (kiosk, entry's hash, flag).
    """

    entries: tuple[tuple[bytes, bytes], ...]
    postings: tuple[Posting, ...]
    asides: tuple[Aside, ...]
    counts: Mapping[tuple[bytes, str], Total]
    accounts: tuple[int, ...]
    balances: Mapping[int, tuple[int, int]]
    flags: frozenset[tuple[bytes, bytes, str]]


class Books(NamedTuple):
    """Everything there is to count: each kiosk's journal, in its order, and the hub's database."""

    journals: Mapping[bytes, tuple[bytes, ...]]
    hub: HubBooks


class KioskSums(NamedTuple):
    """What became of one kiosk's grants. `unsent` are in its journal and not at the hub, `waiting` have arrived and
    have no verdict; `missing` counts entries of any kind that have not arrived.
    """

    signed: Total = Total()
    unsent: Total = Total()
    arrived: Total = Total()
    waiting: Total = Total()
    posted: Total = Total()
    duplicate: Total = Total()
    held: Total = Total()
    dismissed: Total = Total()
    missing: int = 0

    def plus(self, other: KioskSums) -> KioskSums:
        """Return the sums of both."""
        return KioskSums(
            self.signed.plus(other.signed),
            self.unsent.plus(other.unsent),
            self.arrived.plus(other.arrived),
            self.waiting.plus(other.waiting),
            self.posted.plus(other.posted),
            self.duplicate.plus(other.duplicate),
            self.held.plus(other.held),
            self.dismissed.plus(other.dismissed),
            self.missing + other.missing,
        )


class Check(NamedTuple):
    """Something that must hold, in words, and what was found."""

    what: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        """Tell whether it does."""
        return self.expected == self.found

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


VERDICTS = ("posted", "duplicate", "held", "dismissed")


def recount(books: Books) -> dict[bytes, KioskSums]:
    """Return the sums of every kiosk that has a journal."""
    return {kiosk: _kiosk_sums(books, kiosk) for kiosk in sorted(books.journals)}


def sum_of(sums: Iterable[KioskSums]) -> KioskSums:
    """Return all of them together."""
    return reduce(KioskSums.plus, sums, KioskSums())


def checks(books: Books, sums: Mapping[bytes, KioskSums]) -> list[Check]:
    """Return what must hold of any run, whoever came."""
    hub = books.hub
    signed = {hash_of(encoded) for journal in books.journals.values() for encoded in journal}
    arrived = {hash_of(encoded) for _, encoded in hub.entries}
    grants = _points_of_grants(encoded for _, encoded in hub.entries)
    judged = Counter(standing.hash for standing in _standings(hub))
    posted_to: Counter[int] = Counter()
    for posting in hub.postings:
        posted_to[posting.member] += posting.points
    return [
        Check("trial balance", 0, sum(hub.accounts) + sum(held - owed for held, owed in hub.balances.values())),
        Check("members hold what was posted to them", _not_nothing(posted_to), _not_nothing(_held(hub.balances))),
        Check("entries at the hub that are in no journal", 0, len(arrived - signed)),
        Check("entries stored twice", 0, len(hub.entries) - len(arrived)),
        Check("verdicts on what is no grant that has arrived", 0, len(judged.keys() - grants.keys())),
        Check("grants with two verdicts", 0, sum(count > 1 for count in judged.values())),
        *(check for kiosk in sorted(sums) for check in _kiosk_checks(kiosk, sums[kiosk], hub)),
    ]


def grants_in(entries: Iterable[bytes]) -> list[tuple[int, Grant]]:
    """Return (seq, grant) of each grant among entries."""
    found = (read_entry(take_apart(ENTRY, encoded).payload) for encoded in entries)
    return [(entry.seq, entry.body) for entry in found if isinstance(entry.body, Grant)]


class _Standing(NamedTuple):
    kiosk: bytes
    hash: bytes
    verdict: str
    points: int


def _kiosk_sums(books: Books, kiosk: bytes) -> KioskSums:
    signed = _points_of_grants(books.journals[kiosk])
    arrived = _points_of_grants(encoded for sender, encoded in books.hub.entries if sender == kiosk)
    standings = [standing for standing in _standings(books.hub) if standing.kiosk == kiosk]
    judged = {standing.hash for standing in standings}
    here = {hash_of(encoded) for encoded in books.journals[kiosk]}
    there = {hash_of(encoded) for _, encoded in books.hub.entries}
    return KioskSums(
        signed=_total(signed.values()),
        unsent=_total(points for entry_hash, points in signed.items() if entry_hash not in there),
        arrived=_total(arrived.values()),
        waiting=_total(points for entry_hash, points in arrived.items() if entry_hash not in judged),
        posted=_total_of(standings, "posted"),
        duplicate=_total_of(standings, "duplicate"),
        held=_total_of(standings, "held"),
        dismissed=_total_of(standings, "dismissed"),
        missing=len(here - there),
    )


def _kiosk_checks(kiosk: bytes, sums: KioskSums, hub: HubBooks) -> list[Check]:
    name = kiosk.hex()
    judged = (sums.waiting, sums.posted, sums.duplicate, sums.held, sums.dismissed)
    by_the_hub = {verdict: hub.counts.get((kiosk, verdict), Total()) for verdict in VERDICTS}
    by_us = {verdict: getattr(sums, verdict) for verdict in VERDICTS}
    return [
        Check(f"{name}: signed = arrived + not yet arrived", sums.signed, sums.arrived.plus(sums.unsent)),
        Check(
            f"{name}: arrived = waiting + posted + duplicate + held + dismissed",
            sums.arrived,
            reduce(Total.plus, judged, Total()),
        ),
        Check(f"{name}: waiting for a verdict", Total(), sums.waiting),
        Check(f"{name}: what the desk counts is what the ledger holds", by_us, by_the_hub),
    ]


def _standings(hub: HubBooks) -> list[_Standing]:
    """Return every grant that stands posted, and everything put aside."""
    net: Counter[tuple[bytes, bytes]] = Counter()
    for posting in hub.postings:
        net[posting.kiosk, posting.hash] += posting.points
    posted = [_Standing(*name, "posted", points) for name, points in net.items() if points]
    return posted + [_Standing(*aside[:4]) for aside in hub.asides]


def _points_of_grants(encoded: Iterable[bytes]) -> dict[bytes, int]:
    """Return {hash: points} of the grants among entries; what is not understood is none."""
    found = {}
    for entry in encoded:
        try:
            body = read_entry(take_apart(ENTRY, entry).payload).body
        except WireError:
            continue
        if isinstance(body, Grant):
            found[hash_of(entry)] = body.points
    return found


def _held(balances: Mapping[int, tuple[int, int]]) -> Counter[int]:
    return Counter({member: held - owed for member, (held, owed) in balances.items()})


def _not_nothing(counted: Counter[int]) -> dict[int, int]:
    return {member: points for member, points in sorted(counted.items()) if points}


def _total_of(standings: Iterable[_Standing], verdict: str) -> Total:
    return _total(standing.points for standing in standings if standing.verdict == verdict)


def _total(points: Iterable[int]) -> Total:
    counted = list(points)
    return Total(len(counted), sum(counted))
