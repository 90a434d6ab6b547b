"""The audit of everything: reads the whole database once, kiosk by kiosk, then the ledger in the order of its keys."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from hub.audit.accounts import Movements, check_accounts
from hub.audit.acts import Acts
from hub.audit.books import Books, check_kiosk
from hub.audit.decided import read_decided
from hub.audit.expected import Scratch, scratch
from hub.audit.findings import Finding, Findings, ends_with_a_finding
from hub.audit.flags import check_flags
from hub.audit.kiosks import read_kiosks
from hub.audit.ledger import Ledger, check_counts, waiting_to_be_judged
from hub.audit.limits import OVER_LIMIT, LimitWatch
from hub.audit.members import check_balances, read_members
from hub.audit.past import Past
from hub.audit.reading import one_view, stream
from hub.audit.reference import check_no_number_changes_hands, note_unconfirmed, read_reference
from hub.audit.trust import read_trust
from hub.keys.keyring import Keyring
from hub.store.database import Store


def audit(store: Store, keyring: Keyring) -> list[Finding]:
    """Read the whole database and return what is wrong with it, in plain words.

    Notes are no defects: they name what rests on the database alone. Of the keyring only public keys are used.
    """
    findings = Findings()
    with ends_with_a_finding(findings), one_view(store) as connection, scratch() as expected:
        _read_all(connection, keyring, expected, findings)
    return list(dict.fromkeys(findings.all))


def _read_all(connection: sa.Connection, keyring: Keyring, expected: Scratch, findings: Findings) -> None:
    trust = read_trust(connection, keyring, findings)
    acts = Acts(connection, findings)
    kiosks = read_kiosks(connection, trust, acts, None, findings)
    reference = read_reference(connection, acts, findings)
    reference.member_keys = trust.member_keys
    read_members(connection, acts, None, reference, findings)
    decided, covers = read_decided(connection, acts, None, findings)
    books = Books(trust, acts, reference, dict(decided), covers, altered=waiting_to_be_judged(connection))
    for kiosk in kiosks:
        check_kiosk(connection, kiosk, books, expected, findings)
    check_no_number_changes_hands(reference, findings)
    note_unconfirmed(reference, findings)
    past = Past(connection, books.carried, books.decided)
    ledger = Ledger(connection, acts, books.altered, past.could_have_been, findings)
    limits = LimitWatch(reference)
    ledger.check(expected, limits)
    expected.add_flags((*identity, OVER_LIMIT) for identity in limits.over)
    kept = stream(connection, "SELECT * FROM flag ORDER BY kiosk, seq, hash, flag")
    check_flags(kept, expected.flags_in_order(), books.altered | limits.unsure, findings)
    check_counts(connection, ledger, findings)
    members_hold = check_balances(connection, reference, findings)
    movements = Movements(connection, acts, findings)
    movements.check_shares(books.shares, None)
    movements.check_covers(books.covers, acts, None)
    check_accounts(connection, movements, members_hold, findings)
    _check_to_judge(connection, acts, findings)
    acts.check_all_left_something()


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
