"""Whether a turn that no longer stands can have been posted at the time: by the signed grant, by what replaced it ever,
and by the allotments that ever covered it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from hub.audit.decided import Decided, Replacement
from hub.audit.expected import Expected
from hub.audit.reading import stream
from hub.audit.shares import Carried
from sync.codec import WireError
from sync.entry import Grant, read_entry
from sync.envelope import ENTRY, take_apart


class Past:
    """What was in force at any time."""

    def __init__(
        self, connection: sa.Connection, carried: Mapping[bytes, Carried], decided: Mapping[bytes, Decided]
    ) -> None:
        self._connection = connection
        self._carried = carried
        self._decided = decided

    def could_have_been(self, expected: Expected, row: Any) -> bool:
        """Tell whether a transfer may have been posted of an entry at another time."""
        grant = self._grant(expected)
        if grant is None or row.member != grant.member or row.occurred_ms > expected.arrived_ms:
            return False
        decided = self._decided.get(expected.kiosk, Decided())
        replaced = [one for one in decided.replaced_ever if _covered(one, expected, grant)]
        events = {(grant.event, grant.activity), *((one.event, one.activity) for one in replaced)}
        if (row.event, row.activity) not in events or (row.points != grant.points and not replaced):
            return False
        carried = self._carried.get(expected.kiosk, Carried())
        signed = {event.allotment for one in carried.manifests.values() for event in one.events}
        return row.allotment in signed | decided.covers_ever | {one.allotment for one in replaced}

    def _grant(self, expected: Expected) -> Grant | None:
        found = list(
            stream(
                self._connection,
                "SELECT encoded FROM entry WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
                kiosk=expected.kiosk,
                seq=expected.seq,
                hash=expected.hash,
            )
        )
        try:
            entry = read_entry(take_apart(ENTRY, bytes(found[0].encoded)).payload) if found else None
        except WireError:
            return None
        return entry.body if entry is not None and isinstance(entry.body, Grant) else None


def _covered(one: Replacement, expected: Expected, grant: Grant) -> bool:
    is_named = (one.from_event, one.from_activity) == (grant.event, grant.activity)
    return is_named and one.first_seq <= expected.seq <= one.last_seq and expected.arrived_ms <= one.since_ms
