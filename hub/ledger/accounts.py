"""Accounts that are not members': the city's issue, allotments, and what kiosks carry. Movements between them are
double entries; nothing else changes an account but a posting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import execute, execute_many, insert, row


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


def move(
    connection: sa.Connection,
    *,
    kind: str,
    mark: bytes,
    source: Account,
    target: Account,
    points: int,
    act: bytes,
    now_ms: int,
) -> None:
    """Post a movement between two accounts. (kind, mark) is unique for ever; `act` is the act that asks for it.

    Raises AccountShort where the source, if it is not the city's issue, would go below zero.
    """
    insert(
        connection,
        "movement",
        kind=kind,
        mark=mark,
        source=source.kind,
        source_holder=source.holder,
        source_part=source.part,
        target=target.kind,
        target_holder=target.holder,
        target_part=target.part,
        points=points,
        act=act,
        posted_ms=now_ms,
    )
    write_account_changes(connection, {source: -points, target: points})
    left = amount_of(connection, source)
    if left < 0 and source != ISSUE:
        raise AccountShort(source, -left)


def amount_of(connection: sa.Connection, account: Account) -> int:
    """Return what an account holds; nothing where it was never touched."""
    found = row(
        connection,
        "SELECT amount FROM account WHERE kind = :kind AND holder = :holder AND part = :part",
        **account._asdict(),
    )
    return 0 if found is None else int(found.amount)


def write_account_changes(connection: sa.Connection, changes: Mapping[tuple[str, int, int], int]) -> None:
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


def lock_account(connection: sa.Connection, account: Account) -> None:
    """Lock an account for this transaction."""
    execute(
        connection,
        """
        INSERT INTO account (kind, holder, part, amount) VALUES (:kind, :holder, :part, 0)
        ON CONFLICT (kind, holder, part) DO UPDATE SET amount = account.amount
        """,
        **account._asdict(),
    )
