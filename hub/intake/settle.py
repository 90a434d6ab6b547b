"""Pure: which of several grants on one repeat key is posted, and what has to be written so that it is.

The key is (event, activity, occasion, member).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

Identity = tuple[bytes, int, bytes]
"""What names a grant for ever: kiosk, number, hash."""


class RepeatKey(NamedTuple):
    """What may be earned once. Led by the event, contains the bucket: the order of the ledger's tables."""

    event: int
    bucket: int
    member: int
    activity: int
    occasion: int


class Claim(NamedTuple):
    """A grant that is neither held nor dismissed, as it would be posted: out of what `kiosk` carries of `allotment`."""

    key: RepeatKey
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    allotment: int
    occurred_ms: int
    occurred_from: int

    @property
    def identity(self) -> Identity:
        """Return what names the grant for ever."""
        return (self.kiosk, self.seq, self.hash)

    @property
    def worth(self) -> tuple[bytes, int, bytes, int, int, int, int]:
        """Return what the ledger must say of a winner: which grant, how many points, out of which allotment, and when
        it happened: fiscal years and daily limits go by that, also once another grant has won the key.
        """
        return (*self.identity, self.points, self.allotment, self.occurred_ms, self.occurred_from)


def winner(claims: Iterable[Claim]) -> Claim | None:
    """Return the claim with most points, then the lowest (kiosk, seq, hash); None where there is no claim."""
    return min(claims, key=lambda claim: (-claim.points, claim.kiosk, claim.seq, claim.hash), default=None)


class OnKey(NamedTuple):
    """What the ledger says of a key: the last turn (−1 for none), the claim that stands, what is owed, when it was last
    posted to, duplicates.
    """

    turn: int = -1
    standing: Claim | None = None
    owing: int = 0
    posted_ms: int = 0
    duplicates: tuple[Claim, ...] = ()


class Turn(NamedTuple):
    """A transfer to be written: a claim given (+1) or taken back (−1) as a turn of its key, as the ledger said it."""

    claim: Claim
    turn: int
    sign: int
    on_key: OnKey


class Difference(NamedTuple):
    """What has to be written so that the right claim stands on a key: turns, duplicates that go and that come."""

    turns: tuple[Turn, ...]
    leaving: tuple[Claim, ...]
    coming: tuple[Claim, ...]


def difference(on_key: OnKey, added: Iterable[Claim], gone: Collection[Identity]) -> Difference:
    """Return the difference between what stands on a key and what should, once the claims in `gone` are no longer made
    and those in `added` are. A claim may be in both: it stays, perhaps with other points or out of another account.
    """
    standing = on_key.standing
    there = [*on_key.duplicates, *([standing] if standing else [])]
    claims = [*(claim for claim in there if claim.identity not in gone), *added]
    wins = winner(claims)
    turns: list[Turn] = []
    if (standing.worth if standing else None) != (wins.worth if wins else None):
        if standing is not None:
            turns.append(Turn(standing, on_key.turn + 1, -1, on_key))
        if wins is not None:
            turns.append(Turn(wins, on_key.turn + 1 + len(turns), 1, on_key))
    duplicates, before = {claim for claim in claims if claim is not wins}, set(on_key.duplicates)
    leaving = tuple(sorted(before - duplicates))
    coming = tuple(sorted(duplicates - before))
    return Difference(tuple(turns), leaving, coming)


def owed_on(turns: Iterable[Turn], held: Mapping[int, int]) -> dict[tuple[RepeatKey, int], int]:
    """Return what each turn adds to what its member owes: {(key, turn): points}. `held` is what each member has.

    Gives are reckoned before takes, so that nobody owes in between. What is given on a key takes back first what is
    owed on it; what is taken and no longer there is owed.
    """
    left = dict(held)
    owed: dict[tuple[RepeatKey, int], int] = {}
    for one in sorted(turns, key=lambda turn: -turn.sign):
        member, points = one.claim.key.member, one.claim.points
        change = -min(points, one.on_key.owing) if one.sign > 0 else max(0, points - left[member])
        left[member] += one.sign * points + change
        owed[one.claim.key, one.turn] = change
    return owed
