"""What becomes otherwise when an event is changed, said before it is done. Pure."""

from __future__ import annotations

from typing import Any

from hub.desk.base.shapes import activity_text, moment
from sync.manifest import Activity, Event


def changes_of(event: Event, values: tuple[Any, ...]) -> list[str]:
    """Return a line for each difference between an event and what was typed, as EventForm.values gives it."""
    name, starts_ms, ends_ms, allotment, activities = values
    said = [f"名前: {event.name} → {name}"] if name != event.name else []
    if (starts_ms, ends_ms) != (event.starts_ms, event.ends_ms):
        before, after = _window(event.starts_ms, event.ends_ms), _window(starts_ms, ends_ms)
        said.append(f"いつ: {before} → {after}")
    if allotment != event.allotment:
        said.append("付与枠")
    return said + _of_activities(event.activities, activities)


def _of_activities(before: tuple[Activity, ...], after: tuple[Activity, ...]) -> list[str]:
    known, kept = {one.activity: one for one in before}, {one.activity for one in after}
    said = []
    for one in after:
        old = known.get(one.activity)
        if old is None:
            said.append(f"活動「{one.name}」を加える")
        elif activity_text(old) != activity_text(one):
            said.append(f"活動「{one.name}」: {activity_text(old)} → {activity_text(one)}")
    return said + [f"活動「{one.name}」を終える" for one in before if one.activity not in kept]


def _window(starts_ms: int, ends_ms: int) -> str:
    return f"{moment(starts_ms)}〜{moment(ends_ms)}"
