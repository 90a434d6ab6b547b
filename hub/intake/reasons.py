"""Why a grant is held or dismissed. One enumeration: the tables keep sums of these numbers, so they never change.

The desk names the lowest number first: so far what has to be settled by another act first.
"""

from __future__ import annotations

from enum import IntFlag


class Reason(IntFlag):
    """A reason. A grant has all its reasons at once."""

    NOT_UNDERSTOOD = 1
    HOLE = 2
    MEMBER_UNKNOWN = 4
    OCCASION = 8
    NOT_THIS_KIOSKS = 16
    MANIFEST_OLD = 32
    POINTS = 64
    MEMBER_ENDED = 128
    TIME = 256
    DAY = 512
    FORK = 1_024
    STOPPED = 2_048
    WITHDRAWN = 4_096
    BEYOND_SHARE = 8_192
    VOID_OF_NOTHING = 16_384
    VOID_DAY = 32_768
    CLOCK = 262_144
    """A time sample that contradicts what is known: it counts for nothing, and a person should look."""
    VOIDED = 65_536
    """Dismissed by the operator's void."""
    DECIDED = 131_072
    """Dismissed by a person at the desk."""


NONE = Reason(0)

RELEASABLE = (
    Reason.NOT_THIS_KIOSKS
    | Reason.MANIFEST_OLD
    | Reason.POINTS
    | Reason.MEMBER_ENDED
    | Reason.TIME
    | Reason.DAY
    | Reason.FORK
    | Reason.STOPPED
    | Reason.WITHDRAWN
    | Reason.VOID_DAY
)
"""What a person may set aside by a decision. The others have acts of their own, or none."""

UNCOVERED = Reason.NOT_THIS_KIOSKS | Reason.FORK | Reason.STOPPED | Reason.WITHDRAWN
"""Where a grant does not draw on its kiosk's share: releasing it moves the points to the kiosk in the same act."""

NOT_COUNTED = Reason.VOID_OF_NOTHING | Reason.VOID_DAY | Reason.CLOCK
"""Rows that are voids or time samples: they are held or dismissed, but they are no grants."""


def first_of(reasons: int) -> Reason:
    """Return the reason that is named first among `reasons`; they must not be 0."""
    return Reason(reasons & -reasons)


def all_of(reasons: int) -> tuple[Reason, ...]:
    """Return the single reasons in a sum, in the order of their names."""
    return tuple(reason for reason in Reason if reasons & reason)
