"""Names of a booth's entries, as acts take them, and what the hub says of them."""

from __future__ import annotations

from hub_world import Booth, World

from hub.intake.reasons import Reason
from hub.store.database import rows
from sync.entry import SignedEntry

ANY_REASON = sum(Reason)
"""As if every reason there is had been shown."""

Names = tuple[tuple[int, bytes], ...]


def named(booth: Booth, *entries: SignedEntry) -> Names:
    """Return entries of a booth by number and hash."""
    return tuple((booth.entries.index(entry) + 1, entry.hash) for entry in entries)


def held(world: World, booth: Booth) -> Names:
    """Return what is held of a booth, by number."""
    with world.store.reading() as connection:
        found = rows(
            connection,
            "SELECT seq, hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held' ORDER BY seq, hash",
            kiosk=booth.kiosk,
        )
    return tuple((one.seq, bytes(one.hash)) for one in found)
