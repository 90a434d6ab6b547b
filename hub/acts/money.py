"""The movements of points that acts ask for: budgets, shares and covers. Each names its act; where an act makes several
of a kind, the allotment stands behind the act's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hub.acts.doing import Doing
from hub.acts.refusals import ActRefused, Refusal
from hub.ledger.accounts import ISSUE, AccountShort, Movement, allotment_account, carried_account, move
from hub.register.organisations import find_allotment

POINTS_LIMIT = 1_000_000_001


def want_points(points: int) -> int:
    """Return points that a person typed. Raises ActRefused where they are not from 1 to 1,000,000,000."""
    if not 0 < points < POINTS_LIMIT:
        raise ActRefused(Refusal.NO_POINTS)
    return points


def give_budget(doing: Doing, allotment: int, points: int) -> None:
    """Move points from the city's issue to an allotment."""
    move(doing.connection, [_budget(doing, "budget", allotment, points)])


def take_budget(doing: Doing, allotment: int, points: int) -> None:
    """Move points from an allotment back to the city's issue. Raises ActRefused(NOT_SO_MUCH_LEFT)."""
    try:
        move(doing.connection, [_budget(doing, "budget back", allotment, points)])
    except AccountShort as short:
        left = points - short.lacking
        raise ActRefused(Refusal.NOT_SO_MUCH_LEFT, what=f"{left:,}", lacking=short.lacking) from short


def move_covered(doing: Doing, movements: Iterable[Movement]) -> None:
    """Post movements where nothing is judged. Raises ActRefused(NO_COVER)."""
    with covered(doing):
        move(doing.connection, movements)


@contextmanager
def covered(doing: Doing) -> Iterator[None]:
    """Say for an account that would fall short that the allotment lacks points: ActRefused(NO_COVER)."""
    try:
        yield
    except AccountShort as short:
        found = find_allotment(doing.connection, short.account.part or short.account.holder)
        name = found.name if found is not None else ""
        raise ActRefused(Refusal.NO_COVER, what=f"{short.lacking:,}", allotment=name, lacking=short.lacking) from short


def hand_out(doing: Doing, kind: str, kiosk: bytes, allotment: int, points: int) -> list[Movement]:
    """Return the movement of points from an allotment to a kiosk, as "share" or "cover"; none of no points."""
    accounts = (allotment_account(allotment), carried_account(kiosk, allotment))
    return (
        [Movement(kind, _mark(doing, allotment), *accounts, points, doing.number, doing.now_ms)] if points > 0 else []
    )


def take_back(doing: Doing, kind: str, kiosk: bytes, allotment: int, points: int) -> list[Movement]:
    """Return the movement of points from a kiosk back to an allotment, as "share back" or "cover back"."""
    accounts = (carried_account(kiosk, allotment), allotment_account(allotment))
    return (
        [Movement(kind, _mark(doing, allotment), *accounts, points, doing.number, doing.now_ms)] if points > 0 else []
    )


def _budget(doing: Doing, kind: str, allotment: int, points: int) -> Movement:
    home = allotment_account(allotment)
    source, target = (ISSUE, home) if kind == "budget" else (home, ISSUE)
    return Movement(kind, doing.number, source, target, points, doing.number, doing.now_ms)


def _mark(doing: Doing, allotment: int) -> bytes:
    """Return what names one of several movements of an act."""
    return doing.number + allotment.to_bytes(4, "big")
