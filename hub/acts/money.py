"""Moves points for acts: budgets, shares and covers. Each movement names its act; where an act makes several of a kind,
the allotment stands behind the act's number.
"""

from __future__ import annotations

from hub.acts.doing import Doing
from hub.acts.refusals import ActRefused, Refusal
from hub.ledger.accounts import ISSUE, Account, AccountShort, allotment_account, carried_account, move

POINTS_LIMIT = 1_000_000_001


def want_points(points: int) -> int:
    """Return points that a person typed. Raises ActRefused where they are not from 1 to 1,000,000,000."""
    if not 0 < points < POINTS_LIMIT:
        raise ActRefused(Refusal.NO_POINTS)
    return points


def mark_of(doing: Doing, allotment: int) -> bytes:
    """Return what names one of several movements of an act."""
    return doing.number + allotment.to_bytes(4, "big")


def give_budget(doing: Doing, allotment: int, points: int) -> None:
    """Move points from the city's issue to an allotment."""
    _move(doing, "budget", doing.number, ISSUE, allotment_account(allotment), points)


def take_budget(doing: Doing, allotment: int, points: int) -> None:
    """Move points from an allotment back to the city's issue. Raises ActRefused(NOT_SO_MUCH_LEFT)."""
    try:
        _write(doing, "budget back", doing.number, allotment_account(allotment), ISSUE, points)
    except AccountShort as short:
        left = points - short.lacking
        raise ActRefused(Refusal.NOT_SO_MUCH_LEFT, what=f"{left:,}", lacking=short.lacking) from short


def hand_out(  # a movement and its names
    doing: Doing, kind: str, mark: bytes, kiosk: bytes, allotment: int, points: int
) -> None:
    """Move points from an allotment to a kiosk, as "share" or "cover". Raises ActRefused(NO_COVER)."""
    _move(doing, kind, mark, allotment_account(allotment), carried_account(kiosk, allotment), points)


def take_back(  # as above
    doing: Doing, kind: str, mark: bytes, kiosk: bytes, allotment: int, points: int
) -> None:
    """Move points from a kiosk back to an allotment, as "share back" or "cover back"."""
    _move(doing, kind, mark, carried_account(kiosk, allotment), allotment_account(allotment), points)


def _move(  # a double entry
    doing: Doing, kind: str, mark: bytes, source: Account, target: Account, points: int
) -> None:
    try:
        _write(doing, kind, mark, source, target, points)
    except AccountShort as short:
        raise ActRefused(Refusal.NO_COVER, what=f"{short.lacking:,}", lacking=short.lacking) from short


def _write(  # as above
    doing: Doing, kind: str, mark: bytes, source: Account, target: Account, points: int
) -> None:
    if points:
        move(
            doing.connection,
            kind=kind,
            mark=mark,
            source=source,
            target=target,
            points=points,
            act=doing.number,
            now_ms=doing.now_ms,
        )
