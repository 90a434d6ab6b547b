"""Reads what a run has left on the disk into plain values for the recount: the kiosks' journals and the hub's database.

It only reads, and it needs no process of the run to be alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from demo.cast import Total
from demo.recount import Aside, Books, Check, HubBooks, Posting
from hub.intake.reasons import all_of
from hub.store.database import Store, rows
from kiosk.journal_open import read_journal


def read_books(journals: Iterable[Path], store: Store) -> Books:
    """Return all there is to count."""
    with store.reading() as connection:
        return Books(dict(map(_read_entries, journals)), read_hub(connection))


def chain_checks(journals: Iterable[Path]) -> list[Check]:
    """Return whether each journal's own chain is whole: every hash, every link and the signature of its head."""
    return [Check(f"{path.stem}: chain of the journal", None, _damage(path)) for path in journals]


def counted_at_hub(store: Store) -> dict[bytes, int]:
    """Return {kiosk: grants that have a verdict}, as the desk shows them while everything runs."""
    with store.reading() as connection:
        found = rows(connection, "SELECT kiosk, sum(grants) AS grants FROM kiosk_count GROUP BY kiosk")
    return {bytes(one.kiosk): int(one.grants) for one in found}


def picture_of(store: Store) -> Mapping[str, list[tuple[object, ...]]]:
    """Return everything a batch may change at the hub, but for the number of receipts and the time of last contact."""
    questions = {
        "entries": "SELECT kiosk, seq, hash, arrived_ms FROM entry ORDER BY 1, 2, 3",
        "transfers": "SELECT * FROM transfer ORDER BY event, bucket, member, activity, occasion, turn",
        "movements": "SELECT * FROM movement ORDER BY kind, mark",
        "asides": "SELECT * FROM aside ORDER BY kiosk, seq, hash",
        "flags": "SELECT * FROM flag ORDER BY kiosk, seq, hash, flag",
        "accounts": "SELECT * FROM account ORDER BY kind, holder, part",
        "balances": "SELECT * FROM member_balance ORDER BY bucket, member",
        "counts": "SELECT * FROM kiosk_count ORDER BY kiosk, verdict",
        "cursors": "SELECT kiosk, head_seq, cursor_seq, cursor_hash, beyond FROM kiosk_progress ORDER BY kiosk",
    }
    with store.reading() as connection:
        return {name: [tuple(one) for one in rows(connection, text)] for name, text in questions.items()}


def _read_entries(journal: Path) -> tuple[bytes, tuple[bytes, ...]]:
    with closing(read_journal(journal)) as reader:
        return reader.kiosk, tuple(one.encoded for one in reader.rows(1))


def _damage(journal: Path) -> object:
    with closing(read_journal(journal)) as reader:
        return reader.check()


def read_hub(connection: sa.Connection) -> HubBooks:
    """Return what the hub's database holds."""
    entries = rows(connection, "SELECT kiosk, encoded FROM entry ORDER BY kiosk, seq, hash")
    postings = rows(connection, "SELECT kiosk, hash, member, points FROM transfer ORDER BY kiosk, seq, hash, turn")
    asides = rows(connection, "SELECT kiosk, hash, verdict, points, reasons FROM aside ORDER BY kiosk, seq, hash")
    counts = rows(connection, "SELECT kiosk, verdict, grants, points FROM kiosk_count ORDER BY kiosk, verdict")
    balances = rows(connection, "SELECT member, held, owed FROM member_balance ORDER BY member")
    flags = rows(connection, "SELECT kiosk, hash, flag FROM flag ORDER BY kiosk, seq, hash, flag")
    return HubBooks(
        entries=tuple((bytes(one.kiosk), bytes(one.encoded)) for one in entries),
        postings=tuple(Posting(bytes(one.kiosk), bytes(one.hash), one.member, one.points) for one in postings),
        asides=tuple(
            Aside(bytes(one.kiosk), bytes(one.hash), one.verdict, one.points, _named(one.reasons)) for one in asides
        ),
        counts={(bytes(one.kiosk), one.verdict): Total(one.grants, one.points) for one in counts},
        accounts=tuple(
            one.amount for one in rows(connection, "SELECT amount FROM account ORDER BY kind, holder, part")
        ),
        balances={one.member: (one.held, one.owed) for one in balances},
        flags=frozenset((bytes(one.kiosk), bytes(one.hash), one.flag) for one in flags),
    )


def _named(reasons: int) -> str:
    """Return the reasons in a sum, by their names."""
    return ", ".join((one.name or "").replace("_", " ").lower() for one in all_of(reasons))
