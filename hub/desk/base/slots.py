"""The time slot that a grant is for, beside the name of its activity."""

from __future__ import annotations

from sync.codec import decode
from sync.manifest import read_slots


def with_slot(activity_name: str | None, slots: bytes | None, occasion: int) -> str:
    """Return an activity's name with that of the slot `occasion`, where the activity has slots; "" for no activity."""
    known = read_slots(decode(bytes(slots), depth=2)) if slots is not None else ()
    slot = next((one.name for one in known if one.slot == occasion), "")
    return "・".join(name for name in (activity_name or "", slot) if name)
