"""Points that a kiosk still has of a share which was lowered. Reads only."""

from __future__ import annotations

import sqlalchemy as sa

from hub.ledger.shares import carried


def coming_back(connection: sa.Connection, kiosk: bytes, allotment: int, limit: int, used: int) -> int:
    """Return how many points were handed to a kiosk beyond its share and reserve (`limit`) and have not gone back: it
    may still give them until it has taken up the lower share. What it has used does not come back.
    """
    return max(0, carried(connection, kiosk, allotment) - max(limit, used))
