"""What a story has come to, in one figure: verdicts, nets and balances, the same on every engine and in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import sqlalchemy as sa

from hub.store.database import rows

_QUESTIONS = {
    "entry": "SELECT kiosk, seq, hash FROM entry",
    "net": """
        SELECT event, bucket, member, activity, occasion, kiosk, seq, hash, allotment, sum(points) AS points
        FROM transfer GROUP BY event, bucket, member, activity, occasion, kiosk, seq, hash, allotment
        HAVING sum(points) <> 0
    """,
    "aside": """
        SELECT event, bucket, member, activity, occasion, kiosk, seq, hash, points, allotment, verdict, reasons
        FROM aside
    """,
    "placed": "SELECT * FROM placed",
    "flag": "SELECT kiosk, seq, hash, flag FROM flag",
    "balance": "SELECT bucket, member, held, owed FROM member_balance WHERE held <> 0 OR owed <> 0",
    "account": "SELECT kind, holder, part, amount FROM account WHERE amount <> 0",
    "count": "SELECT kiosk, verdict, grants, points FROM kiosk_count WHERE grants <> 0 OR points <> 0",
    "cursor": "SELECT kiosk, cursor_seq, cursor_hash FROM kiosk_progress WHERE cursor_seq > 0",
}


def picture(connection: sa.Connection) -> list[tuple[str, ...]]:
    """Return everything the ledger says now, as sorted words."""
    found: list[tuple[str, ...]] = []
    for name, text in _QUESTIONS.items():
        found += [(name, *map(_word, one)) for one in rows(connection, text)]
    return sorted(found)


def digest_of(pictures: Iterable[tuple[str, ...]]) -> str:
    """Return the SHA-256 of a picture."""
    said = hashlib.sha256()
    for one in pictures:
        said.update("\t".join(one).encode() + b"\n")
    return said.hexdigest()


def _word(value: object) -> str:
    """Return a column's value as a word; engines differ in how they hand bytes and sums over."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)
