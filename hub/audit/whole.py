"""The audit of everything: reads the whole database once, kiosk by kiosk, then the ledger in the order of its keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from hub.audit.accounts import Bounds, Movements, check_accounts
from hub.audit.acts import NEEDS, Acts
from hub.audit.decided import Covers, Decided, read_decided
from hub.audit.expected import Identity, Scratch, scratch
from hub.audit.findings import Finding, Findings
from hub.audit.flags import check_flags, check_placed
from hub.audit.journal import Arrived, read_journal
from hub.audit.kiosks import Kiosk, read_kiosks
from hub.audit.ledger import Ledger, all_rows, check_counts
from hub.audit.limits import OVER_LIMIT, LimitWatch
from hub.audit.members import check_balances, read_members
from hub.audit.past import Past
from hub.audit.progress import (
    check_kept_folds,
    check_landmarks,
    check_lines,
    check_progress,
    kept_cursor,
    read_kept_folds,
    read_progress,
)
from hub.audit.reading import one_view, stream
from hub.audit.reference import Reference, check_no_number_changes_hands, note_unconfirmed, read_reference
from hub.audit.shares import Carried, read_carried
from hub.audit.standings import Judge
from hub.audit.tree import Lines, hang_together
from hub.audit.trust import Trust, read_trust
from hub.keys.keyring import Keyring
from hub.store.database import Store
from sync.entry import first_prev


@dataclass
class Books:
    """What everything is held against: acts, reference records, what was decided and signed, and what each kiosk's
    entries are expected to have led to.
    """

    trust: Trust
    acts: Acts
    reference: Reference
    decided: dict[bytes, Decided]
    covers: Covers
    carried: dict[bytes, Carried] = field(default_factory=dict)
    altered: set[Identity] = field(default_factory=set)
    shares: dict[tuple[bytes, int], Bounds] = field(default_factory=dict)


def audit(store: Store, keyring: Keyring) -> list[Finding]:
    """Read the whole database and return what is wrong with it, in plain words.

    Notes are no defects: they name what rests on the database alone. Of the keyring only public keys are used.
    """
    findings = Findings()
    try:
        with one_view(store) as connection, scratch() as expected:
            _read_all(connection, keyring, expected, findings)
    except (TypeError, ValueError, OverflowError) as error:  # SQLite lets a text stand where a number belongs
        findings.defect("any", f"a value that no hub has written; the audit went no further: {error}", row="unknown")
    return list(dict.fromkeys(findings.all))


def _read_all(connection: sa.Connection, keyring: Keyring, expected: Scratch, findings: Findings) -> None:
    trust = read_trust(connection, keyring, findings)
    acts = Acts(connection, findings)
    kiosks = read_kiosks(connection, trust, acts, None, findings)
    reference = read_reference(connection, acts, findings)
    reference.member_keys = trust.member_keys
    read_members(connection, acts, None, reference, findings)
    decided, covers = read_decided(connection, acts, None, findings)
    books = Books(trust, acts, reference, dict(decided), covers)
    for kiosk in kiosks:
        check_kiosk(connection, kiosk, books, expected, findings)
    check_no_number_changes_hands(reference, findings)
    note_unconfirmed(reference, findings)
    past = Past(connection, books.carried, books.decided)
    ledger = Ledger(connection, acts, books.altered, past.could_have_been, findings)
    limits = LimitWatch(reference)
    ledger.check(expected, limits, all_rows(connection))
    expected.add_flags((*identity, OVER_LIMIT) for identity in limits.over)
    kept = stream(connection, "SELECT * FROM flag ORDER BY kiosk, seq, hash, flag")
    check_flags(kept, expected.flags_in_order(), books.altered, findings)
    check_counts(connection, ledger, findings)
    members_hold = check_balances(connection, reference, findings)
    movements = Movements(connection, acts, findings)
    movements.check_shares(books.shares, None)
    movements.check_covers(books.covers, acts, None)
    check_accounts(connection, movements, members_hold, findings)
    _check_to_judge(connection, acts, findings)
    acts.check_all_left_something({table for tables in NEEDS.values() for table in tables})


def check_kiosk(connection: sa.Connection, kiosk: Kiosk, books: Books, expected: Scratch, findings: Findings) -> None:
    """Prove what was signed for one kiosk and what it has signed, judge it, and keep what is expected of the ledger."""
    carried = read_carried(connection, kiosk, books.trust, books.reference, books.acts, findings)
    books.carried[kiosk.kiosk] = carried
    arrived = read_journal(connection, kiosk, findings)
    books.altered |= {(kiosk.kiosk, one.seq, one.hash) for one in arrived if one.is_altered}
    judge = judge_kiosk(connection, kiosk, arrived, books, expected, findings)
    check_placed(connection, kiosk.kiosk, judge.elsewhere, books.altered, findings)
    check_landmarks(connection, kiosk.kiosk, arrived, findings)


def judge_kiosk(
    connection: sa.Connection,
    kiosk: Kiosk,
    arrived: list[Arrived],
    books: Books,
    expected: Scratch,
    findings: Findings,
) -> Judge:
    """Judge one kiosk's entries, check how far the hub has come with them, and keep what is expected of the ledger."""
    decided = books.decided.get(kiosk.kiosk, Decided())
    progress, kept = read_progress(connection, kiosk.kiosk), read_kept_folds(connection, kiosk.kiosk)
    start = first_prev(kiosk.public_key)
    lines = Lines(decided.fork(), decided.drawn(), decided.accepted(), decided.ever_accepted())
    tree = hang_together(arrived, start, lines, kept_cursor(progress))
    for seq in tree.missing:
        findings.defect("entry", "missing, though the hub went past it", kiosk=kiosk.kiosk, seq=seq)
    check_lines(kiosk.kiosk, arrived, start, decided, findings)
    judge = Judge(kiosk.kiosk, tree, books.carried[kiosk.kiosk], decided, books.reference, kept)
    expected.add(judge.expected())
    expected.add_flags(
        (kiosk.kiosk, seq, entry_hash, flag) for (seq, entry_hash), flags in judge.flags.items() for flag in flags
    )
    books.shares |= {
        (kiosk.kiosk, allotment): bounds for allotment, bounds in _bounds_of(judge, books.carried[kiosk.kiosk]).items()
    }
    check_kept_folds(kiosk.kiosk, kept, judge.folds, findings)
    check_progress(kiosk.kiosk, progress, arrived, tree, decided, judge.folds[-1], findings)
    check_decided(kiosk.kiosk, arrived, decided, findings)
    return judge


def _bounds_of(judge: Judge, carried: Carried) -> dict[int, Bounds]:
    """Return between what a kiosk's shares must lie, as the points moved for them come to. A share that is lowered
    gives its points back when the kiosk names the lower settings, all but what it has used by then.
    """
    named = judge.state.manifest
    limits = judge.limits.get(named, carried.highest) if named is not None else carried.highest
    return {
        allotment: Bounds(
            carried.newest[allotment],
            min(highest, max(limits.get(allotment, 0), carried.newest[allotment], judge.state.used[allotment])),
        )
        for allotment, highest in carried.highest.items()
    }


def check_decided(kiosk: bytes, arrived: list[Arrived], decided: Decided, findings: Findings) -> None:
    """Check that what was decided upon has arrived."""
    places = {(one.seq, one.hash) for one in arrived}
    for seq, entry_hash in sorted(decided.decisions.keys() - places):
        findings.defect("decision", "there is no such entry", kiosk=kiosk, seq=seq, hash=entry_hash)
        findings.defect("entry", "missing, though it was decided upon", kiosk=kiosk, seq=seq, hash=entry_hash)


def _check_to_judge(connection: sa.Connection, acts: Acts, findings: Findings) -> None:
    """What is left to be judged names its act and an entry. As long as there is any, the ledger is behind."""
    for one in _left(connection):
        name = {"act": bytes(one.act), "kiosk": bytes(one.kiosk), "seq": one.seq, "hash": bytes(one.hash)}
        acts.named("to_judge", one.act, name)
        if one.found is None:
            findings.defect("to_judge", "there is no such entry", **name)


def _left(connection: sa.Connection) -> Iterator[sa.Row[tuple[object, ...]]]:
    return stream(
        connection,
        """
        SELECT t.*, e.seq AS found FROM to_judge t
        LEFT JOIN entry e ON e.kiosk = t.kiosk AND e.seq = t.seq AND e.hash = t.hash
        ORDER BY t.act, t.kiosk, t.seq, t.hash
        """,
    )
