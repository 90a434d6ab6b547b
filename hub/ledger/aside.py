"""Rows about single grants beside the ledger: what is put aside and why, what lies elsewhere than it was signed for,
and what is flagged. Progress: all of it can be made again from entries, reference records and acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import sqlalchemy as sa

from hub.intake.settle import Claim
from hub.intake.values import Flag
from hub.store.database import execute_many

if TYPE_CHECKING:
    from hub.ledger.posting import Change


class Put(NamedTuple):
    """A grant to be put aside: duplicate, held or dismissed, with the sum of its reasons and the boot it is from."""

    claim: Claim
    verdict: str
    reasons: int
    boot: bytes


class _Named(Protocol):
    """Anything that names an entry."""

    @property
    def seq(self) -> int: ...

    @property
    def hash(self) -> bytes: ...


def put_aside(connection: sa.Connection, puts: Sequence[Put], now_ms: int) -> None:
    """Write the rows of grants that are not posted."""
    execute_many(
        connection,
        """
        INSERT INTO aside (event, bucket, member, activity, occasion, kiosk, seq, hash, points, allotment,
                           occurred_ms, occurred_from, verdict, reasons, boot, since_ms)
        VALUES (:event, :bucket, :member, :activity, :occasion, :kiosk, :seq, :hash, :points, :allotment,
                :occurred_ms, :occurred_from, :verdict, :reasons, :boot, :since_ms)
        """,
        [
            {
                **put.claim.key._asdict(),
                **put.claim._asdict(),
                "verdict": put.verdict,
                "reasons": put.reasons,
                "boot": put.boot,
                "since_ms": now_ms,
            }
            for put in puts
        ],
    )


def forget(connection: sa.Connection, kiosk: bytes | None, names: Iterable[_Named]) -> None:
    """Take away the rows of grants that are no longer put aside. Without a kiosk, the names are claims."""
    execute_many(
        connection,
        "DELETE FROM aside WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
        [{"kiosk": kiosk or getattr(one, "kiosk", b""), "seq": one.seq, "hash": one.hash} for one in names],
    )


def lie_elsewhere(connection: sa.Connection, kiosk: bytes, changes: Sequence[Change]) -> None:
    """Keep the key, points and allotment of grants that are not those of the signed grant and its manifest."""
    execute_many(
        connection,
        "DELETE FROM placed WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
        [
            {"kiosk": kiosk, "seq": old.seq, "hash": old.hash}
            for old, _ in changes
            if old is not None and not old.is_natural
        ],
    )
    execute_many(
        connection,
        """
        INSERT INTO placed (kiosk, seq, hash, event, bucket, member, activity, occasion, points, allotment)
        VALUES (:kiosk, :seq, :hash, :event, :bucket, :member, :activity, :occasion, :points, :allotment)
        """,
        [
            {
                **new.key._asdict(),
                "kiosk": kiosk,
                "seq": new.seq,
                "hash": new.hash,
                "points": new.points,
                "allotment": new.allotment,
            }
            for _, new in changes
            if new is not None and not new.is_natural
        ],
    )


def write_flags(connection: sa.Connection, kiosk: bytes, changes: Sequence[Change]) -> None:
    """Keep the flags of each changed standing, and no others but the daily limit's, which is kept by keys."""
    execute_many(
        connection,
        "DELETE FROM flag WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash AND flag <> :kept",
        [
            {"kiosk": kiosk, "seq": old.seq, "hash": old.hash, "kept": Flag.OVER_LIMIT.value}
            for old, _ in changes
            if old is not None
        ],
    )
    execute_many(
        connection,
        "INSERT INTO flag (kiosk, seq, hash, flag) VALUES (:kiosk, :seq, :hash, :flag)",
        [
            {"kiosk": kiosk, "seq": new.seq, "hash": new.hash, "flag": flag.value}
            for _, new in changes
            if new is not None
            for flag in new.flags
        ],
    )
