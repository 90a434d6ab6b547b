"""The audit of some repeat keys: judges the kiosks that have anything on them, and checks those keys, their members'
balances, these kiosks' records, counts and accounts, and all acts and movements. The same statement of the rules as the
audit of everything, over less.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from hub.audit.accounts import Account, Movements, compare_accounts, holder_of
from hub.audit.acts import Acts
from hub.audit.books import Books, check_kiosk
from hub.audit.decided import read_decided
from hub.audit.expected import NO_KEY, Identity, Key, Scratch, scratch
from hub.audit.findings import Finding, Findings, ends_with_a_finding
from hub.audit.flags import check_flags
from hub.audit.kiosks import read_kiosks
from hub.audit.ledger import Ledger, compare_counts, rows_on, waiting_to_be_judged
from hub.audit.limits import OVER_LIMIT, LimitWatch
from hub.audit.members import check_balances_of, read_members
from hub.audit.past import Past
from hub.audit.reading import of_kiosks, one_view, stream
from hub.audit.reference import read_reference
from hub.audit.trust import read_trust
from hub.intake.reasons import NOT_COUNTED
from hub.keys.keyring import Keyring
from hub.store.database import Store
from sync.codec import WireError
from sync.entry import Grant, read_entry
from sync.envelope import ENTRY, take_apart
from sync.member import bucket_of

KIOSKS_AT_MOST = 8
"""So many kiosks are judged in one go at the most; keys that would need more are left to the night."""


def check_keys(
    store: Store, keyring: Keyring, keys: Iterable[tuple[int, ...]], kiosks: Iterable[bytes] = ()
) -> list[Finding]:
    """Check some repeat keys, and everything about the kiosks that have anything on them (and those that are named) but
    their other keys. Notes are left out.
    """
    findings = Findings()
    wanted: set[Key] = {(key[0], key[1], key[2], key[3], key[4]) for key in keys}
    with ends_with_a_finding(findings), one_view(store) as connection, scratch() as expected:
        _Look(connection, keyring, expected, findings).check(wanted, set(kiosks))
    return [one for one in dict.fromkeys(findings.all) if not one.is_note]


def check_sample(store: Store, keyring: Keyring, seed: int, size: int) -> list[Finding]:
    """Check the keys of up to `size` entries of one kiosk, both drawn by `seed`."""
    return check_keys(store, keyring, *draw_sample(store, seed, size))


def draw_sample(store: Store, seed: int, size: int) -> tuple[frozenset[Key], frozenset[bytes]]:
    """Draw a kiosk, and the keys of up to `size` of its entries; nothing before anything has arrived."""
    chance = random.Random(seed)  # noqa: S311  # a sample that can be drawn again, not a secret
    with one_view(store) as connection:
        kiosks = [bytes(one.kiosk) for one in stream(connection, "SELECT kiosk FROM kiosk_progress ORDER BY kiosk")]
        if not kiosks:
            return frozenset(), frozenset()
        kiosk = chance.choice(kiosks)
        return frozenset(_keys_of(connection, kiosk, chance, size)), frozenset({kiosk})


def _keys_of(connection: sa.Connection, kiosk: bytes, chance: random.Random, size: int) -> set[Key]:
    """Return the keys of some entries of a kiosk, where they lie now."""
    last = next(stream(connection, "SELECT max(seq) AS seq FROM entry WHERE kiosk = :kiosk", kiosk=kiosk)).seq or 0
    keys: set[Key] = set()
    for _ in range(size if last else 0):
        seq = chance.randint(1, last)
        placed = list(
            stream(connection, "SELECT * FROM placed WHERE kiosk = :kiosk AND seq = :seq", kiosk=kiosk, seq=seq)
        )
        keys |= {(one.event, one.bucket, one.member, one.activity, one.occasion) for one in placed}
        text = "SELECT encoded FROM entry WHERE kiosk = :kiosk AND seq = :seq"
        keys |= {key for one in stream(connection, text, kiosk=kiosk, seq=seq) if (key := _natural(bytes(one.encoded)))}
    return keys


def _natural(encoded: bytes) -> Key | None:
    try:
        body = read_entry(take_apart(ENTRY, encoded).payload).body
    except WireError:
        return None
    if not isinstance(body, Grant):
        return None
    return (body.event, bucket_of(body.member), body.member, body.activity, body.occasion)


class _Look:
    """One look at some keys."""

    def __init__(self, connection: sa.Connection, keyring: Keyring, expected: Scratch, findings: Findings) -> None:
        self._connection = connection
        self._keyring = keyring
        self._expected = expected
        self._findings = findings

    def check(self, keys: set[Key], kiosks: set[bytes]) -> None:
        """Judge and check what the keys ask for."""
        connection, findings = self._connection, self._findings
        trust = read_trust(connection, self._keyring, findings)
        acts = Acts(connection, findings)
        reference = read_reference(connection, acts, findings)
        reference.member_keys = trust.member_keys
        limited = LimitWatch(reference)
        keys, kiosks, to_prove = self._reach(keys, kiosks, limited)
        members = {key[2] for key in keys if key != NO_KEY}
        read_members(connection, acts, members, reference, findings)
        known = read_kiosks(connection, trust, acts, kiosks, findings)
        for missing in sorted(kiosks - {one.kiosk for one in known}):
            findings.defect("kiosk", "missing, though the ledger names it", kiosk=missing)
        decided, covers = read_decided(connection, acts, kiosks, findings)
        books = Books(trust, acts, reference, dict(decided), covers, altered=waiting_to_be_judged(connection))
        for kiosk in known:
            check_kiosk(connection, kiosk, books, self._expected, findings, to_prove)
        past = Past(connection, books.carried, books.decided)
        ledger = Ledger(connection, acts, books.altered, past.could_have_been, findings)
        ledger.check(self._expected, limited, keys)
        self._check_flags(keys, kiosks, limited, books.altered)
        movements = Movements(connection, acts, findings)
        movements.check_shares(books.shares, kiosks)
        movements.check_covers(covers, acts, kiosks)
        self._check_sums(kiosks, movements, ledger.waiting)
        check_balances_of(connection, members, reference, findings)
        acts.check_all_left_something(kiosks, members)

    def _reach(self, keys: set[Key], kiosks: set[bytes], limits: LimitWatch) -> tuple[set[Key], set[bytes], set[bytes]]:
        """Return the keys that can be looked at, those beside them that a daily limit counts together (all of them, or
        none), the kiosks that have anything on them, and the entries on them, by hash.
        """
        reached: set[Key] = set()
        to_prove: set[bytes] = set()
        for key in sorted(keys):
            together = {key, *self._beside(key, limits)}
            transfers, asides = rows_on(self._connection, together)
            rows = [*transfers, *asides]
            with_these = kiosks | {bytes(one.kiosk) for one in rows}
            if len(with_these) <= max(KIOSKS_AT_MOST, len(kiosks)):
                reached |= together
                kiosks = with_these
                to_prove |= {bytes(one.hash) for one in rows}
        return reached, kiosks, to_prove

    def _beside(self, key: Key, limits: LimitWatch) -> set[Key]:
        if not limits.has_limit(key):
            return set()
        whose = dict(zip(("event", "bucket", "member", "activity"), key[:4], strict=True))
        found: set[Key] = set()
        for table in ("transfer", "aside"):
            text = f"""
                SELECT DISTINCT occasion FROM {table}
                WHERE event = :event AND bucket = :bucket AND member = :member AND activity = :activity
            """  # noqa: S608  # our own words
            found |= {(*key[:4], one.occasion) for one in stream(self._connection, text, **whose)}
        return found

    def _check_flags(self, keys: set[Key], kiosks: set[bytes], limits: LimitWatch, altered: set[Identity]) -> None:
        """Check the flags of everything on the keys."""
        wanted = {one.identity for one in self._expected.on_keys(keys)}
        kept = (
            one
            for one in of_kiosks(self._connection, "flag", "seq, hash, flag", kiosks)
            if (bytes(one.kiosk), one.seq, bytes(one.hash)) in wanted
        )
        self._expected.add_flags((*identity, OVER_LIMIT) for identity in limits.over)
        expected = (flag for flag in self._expected.flags_in_order() if flag[:3] in wanted)
        check_flags(kept, expected, altered | limits.unsure, self._findings)

    def _check_sums(self, kiosks: set[bytes], movements: Movements, waiting: set[Identity]) -> None:
        """Check counts and accounts of kiosks: whatever has arrived and is not put aside counts as posted."""
        wanted: Counter[Account] = Counter(
            {account: points for account, points in movements.wanted.items() if account[0] != "out"}
        )
        kept = list(stream(self._connection, "SELECT * FROM account WHERE kind <> 'out' ORDER BY kind, holder, part"))
        unsure = {kiosk for kiosk, _, _ in waiting}
        for kiosk in sorted(kiosks):
            holder = holder_of(kiosk)
            wanted.update({account: points for account, points in movements.wanted.items() if account[1] == holder})
            text = "SELECT * FROM account WHERE kind = 'out' AND holder = :holder ORDER BY part"
            kept += stream(self._connection, text, holder=holder)
            posted, counts = self._posted(kiosk)
            for allotment, points in posted.items():
                wanted["out", holder, allotment] -= points
            if kiosk not in unsure:
                rows = stream(self._connection, "SELECT * FROM kiosk_count WHERE kiosk = :kiosk", kiosk=kiosk)
                compare_counts(rows, counts, self._findings)
        if not waiting:
            compare_accounts(kept, wanted, self._findings)

    def _posted(self, kiosk: bytes) -> tuple[Counter[int], dict[tuple[bytes, str], tuple[int, int]]]:
        """Return the points a kiosk's posted grants took from each allotment, and its counts, by the rows put aside."""
        asides: dict[tuple[int, bytes], Any] = {
            (one.seq, bytes(one.hash)): one
            for one in stream(self._connection, "SELECT * FROM aside WHERE kiosk = :kiosk", kiosk=kiosk)
        }
        posted: Counter[int] = Counter()
        counts: dict[tuple[bytes, str], tuple[int, int]] = {}
        tally = [("posted", one) for one in self._expected.of_kiosk(kiosk) if (one.seq, one.hash) not in asides]
        tally = [(verdict, one) for verdict, one in tally if one.is_counted]
        for _, one in tally:
            posted[one.allotment] += one.points
        for verdict, row in [*tally, *((one.verdict, one) for one in asides.values() if not one.reasons & NOT_COUNTED)]:
            grants, points = counts.get((kiosk, verdict), (0, 0))
            counts[kiosk, verdict] = (grants + 1, points + row.points)
        return posted, counts
