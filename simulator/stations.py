"""What a booth may be set to give, by the settings on its card."""

from __future__ import annotations

from kiosk.scan import Station
from simulator.town import Picks
from sync.manifest import Manifest
from sync.rules import ByHours


def station_of(manifest: Manifest | None, picks: Picks) -> Station:
    """Return a station that the settings offer. Raises Impossible without one."""
    event = picks.one_of(manifest.events if manifest is not None else ())
    activity = picks.one_of(event.activities)
    slot = picks.one_of(activity.slots).slot if activity.slots else 0
    quantity = 1 + picks.below(150) if isinstance(activity.rule, ByHours) else 1
    return Station(event.event, activity.activity, quantity, slot, 1 + picks.below(9))
