"""Pure: how large a kiosk's next batch may be. A proxy on the way may let less through than the hub does, and says so
with 413.
"""

from __future__ import annotations

from typing import NamedTuple

from sync.batch import FRAME_LENGTH, LENGTH_LIMIT

TOO_LARGE_STATUS = 413
"""How HTTP says it (RFC 9110 §15.5.14)."""
MOST_BYTES = LENGTH_LIMIT - FRAME_LENGTH
"""What the entries of a batch may come to where nothing on the way refuses it."""


class Room(NamedTuple):
    """How many bytes of entries the next batch may hold; one entry always goes. `refused_bytes` was too much; 0 where
    nothing was refused.
    """

    entries_bytes: int = MOST_BYTES
    refused_bytes: int = 0


def after_refusal(sent_bytes: int) -> Room:
    """Return the room after a batch with so many bytes of entries was too large: half of it."""
    return Room(max(1, sent_bytes // 2), sent_bytes)


def after_receipt(room: Room) -> Room:
    """Return the room after a batch has come through: twice as much, well below what was refused."""
    doubled = min(2 * room.entries_bytes, MOST_BYTES)
    if not room.refused_bytes:
        return room._replace(entries_bytes=doubled)
    return room._replace(entries_bytes=max(room.entries_bytes, min(doubled, room.refused_bytes * 3 // 4)))
