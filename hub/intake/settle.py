"""Pure: which of several grants on one repeat key is posted. The key is (event, activity, occasion, member)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class RepeatKey(NamedTuple):
    """What may be earned once. Led by the event, contains the bucket: the order of the ledger's tables."""

    event: int
    bucket: int
    member: int
    activity: int
    occasion: int


class Claim(NamedTuple):
    """A grant that is neither held nor dismissed. `from_share` is 1 where its points come out of the kiosk's share,
    else 0.
    """

    key: RepeatKey
    kiosk: bytes
    seq: int
    hash: bytes
    points: int
    allotment: int
    from_share: int
    occurred_ms: int

    @property
    def identity(self) -> tuple[bytes, int, bytes]:
        """Return what names the grant for ever."""
        return (self.kiosk, self.seq, self.hash)


def winner(claims: Iterable[Claim]) -> Claim | None:
    """Return the claim with most points, then the lowest (kiosk, seq, hash); None where there is no claim."""
    return min(claims, key=lambda claim: (-claim.points, claim.kiosk, claim.seq, claim.hash), default=None)
