"""Accounts that are not members': the city's issue, allotments, and what kiosks carry. Movements between them are
double entries; nothing else changes an account but a posting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import execute_many, insert, row


class Account(NamedTuple):
    """An account by its kind: ("issue", 0, 0), ("allotment", number, 0) or ("out", kiosk's number, allotment)."""

    kind: str
    holder: int
    part: int


ISSUE = Account("issue", 0, 0)


class AccountShort(Exception):
    """A movement that would take an account below zero. `lacking` is how many points are missing."""

    def __init__(self, account: Account, lacking: int) -> None:
        super().__init__(f"{account.kind} lacks {lacking}")
        self.account = account
        self.lacking = lacking


def allotment_account(allotment: int) -> Account:
    """Return the account of an allotment."""
    return Account("allotment", allotment, 0)


def carried_account(kiosk: bytes, allotment: int) -> Account:
    """Return the account of what a kiosk carries of an allotment."""
    return Account("out", kiosk_holder(kiosk), allotment)


def kiosk_holder(kiosk: bytes) -> int:
    """Return a kiosk's identity as the signed 64-bit number that names its account."""
    return int.from_bytes(kiosk, "big", signed=True)


class Movement(NamedTuple):
    """Points between two accounts. (kind, mark) is unique for ever; `act` is the act that asks for it."""

    kind: str
    mark: bytes
    source: Account
    target: Account
    points: int
    act: bytes
    posted_ms: int


def move(connection: sa.Connection, movements: Iterable[Movement]) -> None:
    """Post movements, where nothing is judged in the same transaction; else they are posted together with that
    (`hub/ledger/posting.py`). Raises AccountShort.
    """
    write_with_movements(connection, Counter(), movements)


def write_with_movements(connection: sa.Connection, changes: Counter[Account], movements: Iterable[Movement]) -> None:
    """Add to accounts what a posting and movements come to, all of them in one go. Raises AccountShort where a source
    other than the city's issue would go below zero.
    """
    movements = list(movements)
    for one in movements:
        changes[one.source] -= one.points
        changes[one.target] += one.points
        _write(connection, one)
    write_account_changes(connection, changes)
    for source in sorted({one.source for one in movements} - {ISSUE}):
        left = amount_of(connection, source)
        if left < 0:
            raise AccountShort(source, -left)


def _write(connection: sa.Connection, one: Movement) -> None:
    insert(
        connection,
        "movement",
        kind=one.kind,
        mark=one.mark,
        source=one.source.kind,
        source_holder=one.source.holder,
        source_part=one.source.part,
        target=one.target.kind,
        target_holder=one.target.holder,
        target_part=one.target.part,
        points=one.points,
        act=one.act,
        posted_ms=one.posted_ms,
    )


def amount_of(connection: sa.Connection, account: Account) -> int:
    """Return what an account holds; nothing where it was never touched."""
    found = row(
        connection,
        "SELECT amount FROM account WHERE kind = :kind AND holder = :holder AND part = :part",
        **account._asdict(),
    )
    return 0 if found is None else int(found.amount)


def write_account_changes(connection: sa.Connection, changes: Mapping[Account, int]) -> None:
    """Add to accounts, in one order everywhere."""
    execute_many(
        connection,
        """
        INSERT INTO account (kind, holder, part, amount) VALUES (:kind, :holder, :part, :amount)
        ON CONFLICT (kind, holder, part) DO UPDATE SET amount = account.amount + excluded.amount
        """,
        [
            {"kind": kind, "holder": holder, "part": part, "amount": amount}
            for (kind, holder, part), amount in sorted(changes.items())
            if amount
        ],
    )
