"""A second, separate reading of the hub's database: proves every signature, judges every grant and adds up every
balance anew, and names each row that was edited, removed or added.

It shares the wire with the hub and nothing else: a mistake in the hub's judging or posting shows up here as a
difference. It only reads, and keeps one kiosk's entries in memory at a time. What it cannot prove stands in
docs/audit.md.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.audit.accounts import check_accounts
from hub.audit.acts import Decided, read_acts
from hub.audit.expected import Identity, Scratch, scratch
from hub.audit.findings import Finding, Findings
from hub.audit.flags import check_flags
from hub.audit.journal import read_journal
from hub.audit.kiosks import Kiosk, read_kiosks
from hub.audit.ledger import Ledger, check_counts
from hub.audit.limits import LimitWatch
from hub.audit.members import check_members
from hub.audit.progress import check_fences, check_holes, check_progress, kept_cursor, read_progress
from hub.audit.reading import one_view
from hub.audit.reference import Reference, read_reference
from hub.audit.standings import Judge
from hub.audit.tree import hang_together, line_of
from hub.audit.trust import read_trust
from hub.keys.keyring import Keyring
from hub.store.database import Store
from sync.entry import first_prev

__all__ = ["Finding", "audit"]


def audit(store: Store, keyring: Keyring) -> list[Finding]:
    """Read the whole database and return what is wrong with it, in plain words.

    Notes are no defects: they name what rests on the database alone. Of the keyring only public keys are used.
    """
    findings = Findings()
    try:
        _read_all(store, keyring, findings)
    except (TypeError, ValueError, OverflowError) as error:  # SQLite lets a text stand where a number belongs
        findings.defect("any", f"a value that no hub has written; the audit went no further: {error}", row="unknown")
    return list(dict.fromkeys(findings.all))


def _read_all(store: Store, keyring: Keyring, findings: Findings) -> None:
    with one_view(store) as connection, scratch() as expected:
        trust = read_trust(connection, keyring, findings)
        kiosks = read_kiosks(connection, trust, findings)
        reference = read_reference(connection, kiosks, trust, findings)
        decided = read_acts(connection, reference, findings)
        altered: set[Identity] = set()
        over_limit: set[Identity] = set()
        for kiosk in kiosks:
            _check_kiosk(connection, kiosk, reference, decided, expected, altered, over_limit, findings)
        ledger = Ledger(connection, reference, altered, findings)
        ledger.check(expected, LimitWatch(reference, over_limit, findings))
        check_counts(connection, ledger, findings)
        members_hold = check_members(connection, findings)
        check_accounts(connection, reference, members_hold, findings)


def _check_kiosk(
    connection: sa.Connection,
    kiosk: Kiosk,
    reference: Reference,
    decided: Decided,
    expected: Scratch,
    altered: set[Identity],
    over_limit: set[Identity],
    findings: Findings,
) -> None:
    """Prove the entries of one kiosk, judge them, and keep what is expected of the ledger."""
    arrived = read_journal(connection, kiosk, findings)
    start = first_prev(kiosk.public_key)
    progress = read_progress(connection, kiosk.kiosk)
    holes = decided.holes_of(kiosk.kiosk)
    line = line_of(decided.fences.get(kiosk.kiosk, []))
    tree = hang_together(arrived, start, line, holes, kept_cursor(progress))
    for seq in tree.missing:
        findings.defect("entry", "missing, though the hub went past it", kiosk=kiosk.kiosk, seq=seq)
    check_fences(kiosk.kiosk, arrived, start, decided, findings)
    check_holes(kiosk.kiosk, arrived, decided, findings)
    judge = Judge(kiosk.kiosk, tree, holes, reference, decided.decisions.get(kiosk.kiosk, {}))
    standings = list(judge.standings())
    expected.add(kiosk.kiosk, standings)
    altered |= {(kiosk.kiosk, one.seq, one.hash) for one in arrived if one.is_altered}
    check_progress(kiosk.kiosk, progress, arrived, tree, judge, line, findings)
    over_limit |= check_flags(connection, kiosk.kiosk, standings, altered, findings)
