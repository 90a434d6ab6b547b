"""How far the hub has come with a kiosk: cursor, head, the fold of its main branch, receipts. One row a kiosk, locked
by whoever changes anything that depends on its entries.
"""

from __future__ import annotations

from typing import NamedTuple

import cbor2
import sqlalchemy as sa

from hub.intake.values import Fold
from hub.store.database import execute, row
from sync.entry import first_prev
from sync.head import Head


class Progress(NamedTuple):
    """`is_plain`: nothing but one chain that grows at its cursor: no hole, no fork, no stop, nothing beyond."""

    head_seq: int
    cursor: Head
    receipt_number: int
    last_arrival_ms: int
    is_plain: bool
    beyond: tuple[tuple[int, int], ...]
    fold: Fold


def lock_progress(connection: sa.Connection, kiosk: bytes, now_ms: int) -> Progress:
    """Lock a kiosk's progress for this transaction and return it; two hubs take turns here. The kiosk must be known."""
    execute(
        connection,
        """
        INSERT INTO kiosk_progress (kiosk, head_seq, cursor_seq, cursor_hash, receipt_number, last_contact_ms,
                                    last_arrival_ms, is_plain, beyond, fold)
        SELECT kiosk, 0, 0, :empty, 0, :now_ms, 0, 1, :empty, :empty FROM kiosk WHERE kiosk = :kiosk
        ON CONFLICT (kiosk) DO UPDATE SET head_seq = kiosk_progress.head_seq
        """,
        kiosk=kiosk,
        now_ms=now_ms,
        empty=b"",
    )
    return read_progress(connection, kiosk)


def read_progress(connection: sa.Connection, kiosk: bytes) -> Progress:
    """Return a kiosk's progress; before anything has arrived it stands before entry 1."""
    found = row(
        connection,
        """
        SELECT k.public_key, p.* FROM kiosk k LEFT JOIN kiosk_progress p ON p.kiosk = k.kiosk WHERE k.kiosk = :kiosk
        """,
        kiosk=kiosk,
    )
    before_all = Head(0, first_prev(bytes(found.public_key)))
    if found.head_seq is None:
        return Progress(0, before_all, 0, 0, True, (), Fold())
    cursor = Head(found.cursor_seq, bytes(found.cursor_hash)) if found.cursor_seq else before_all
    beyond = cbor2.loads(bytes(found.beyond), immutable=True) if found.beyond else ()
    fold = Fold.unpack(bytes(found.fold))
    counted = (found.head_seq, cursor, found.receipt_number, found.last_arrival_ms)
    return Progress(*counted, bool(found.is_plain), beyond, fold)


def write_progress(connection: sa.Connection, kiosk: bytes, progress: Progress) -> None:
    """Keep a kiosk's progress."""
    execute(
        connection,
        """
        UPDATE kiosk_progress SET head_seq = :head_seq, cursor_seq = :cursor_seq, cursor_hash = :cursor_hash,
               receipt_number = :receipt_number, last_arrival_ms = :last_arrival_ms, is_plain = :is_plain,
               beyond = :beyond, fold = :fold
        WHERE kiosk = :kiosk
        """,
        kiosk=kiosk,
        head_seq=progress.head_seq,
        cursor_seq=progress.cursor.seq,
        cursor_hash=progress.cursor.hash,
        receipt_number=progress.receipt_number,
        last_arrival_ms=progress.last_arrival_ms,
        is_plain=int(progress.is_plain),
        beyond=cbor2.dumps(progress.beyond),
        fold=progress.fold.pack(),
    )
