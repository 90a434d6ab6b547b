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
    def identity(self) -> tuple[bytes, int, bytes]:
        """Return what names the grant for ever."""
        return (self.kiosk, self.seq, self.hash)

    @property
    def worth(self) -> tuple[bytes, int, bytes, int, int]:
        """Return what the ledger must say of a winner: which grant, how many points, out of which allotment."""
        return (self.kiosk, self.seq, self.hash, self.points, self.allotment)


def winner(claims: Iterable[Claim]) -> Claim | None:
    """Return the claim with most points, then the lowest (kiosk, seq, hash); None where there is no claim."""
    return min(claims, key=lambda claim: (-claim.points, claim.kiosk, claim.seq, claim.hash), default=None)
