"""The hub's own clock. Kiosks set theirs by it and moments of arrival come from it: a hub whose clock has jumped takes
no batch until a person has looked (docs/time.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import execute, row
from sync.citytime import DAY_MS

TOLERATED_MS = 5 * 60_000
STATE = "clock doubted"
LOOKED_AT = "clock trusted"


class Doubt(Enum):
    """What is wrong with the hub's clock."""

    SET_BACK = "set back"
    SET_FORWARD = "set forward"
    BEFORE_ARRIVALS = "before what has arrived"


class Told(NamedTuple):
    """What the machine's clocks say at one moment."""

    wall_ms: int
    monotonic_ms: int


def doubt_about(before: Told | None, now: Told, newest_arrival_ms: int, *, is_synchronised: bool) -> Doubt | None:
    """Return what is wrong with the clock, if anything. Pure.

    A jump forward of up to a day is explained where the system says that its clock is synchronised: a paused machine.
    """
    if before is not None:
        jump_ms = (now.wall_ms - before.wall_ms) - (now.monotonic_ms - before.monotonic_ms)
        if jump_ms < -TOLERATED_MS:
            return Doubt.SET_BACK
        if jump_ms > (DAY_MS if is_synchronised else TOLERATED_MS):
            return Doubt.SET_FORWARD
    return Doubt.BEFORE_ARRIVALS if now.wall_ms < newest_arrival_ms - TOLERATED_MS else None


@dataclass
class OwnClock:
    """Remembers what the clocks said last, and asks them again. Safe to share between threads."""

    wall_ms: Callable[[], int]
    monotonic_ms: Callable[[], int]
    is_synchronised: Callable[[], bool]
    _last: Told | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, newest_arrival_ms: int) -> Doubt | None:
        """Return what is wrong with the clock now."""
        with self._lock:
            now = Told(self.wall_ms(), self.monotonic_ms())
            doubt = doubt_about(self._last, now, newest_arrival_ms, is_synchronised=self.is_synchronised())
            if doubt is None:
                self._last = now
            return doubt

    def trust(self) -> None:
        """Take what the clocks say now for right: a person has looked."""
        with self._lock:
            self._last = Told(self.wall_ms(), self.monotonic_ms())


def doubted(connection: sa.Connection) -> Doubt | None:
    """Return what was found wrong with the clock and no person has looked at yet."""
    found = row(connection, "SELECT value FROM hub_state WHERE name = :name", name=STATE)
    return None if found is None else Doubt(found.value)


def mark_doubted(connection: sa.Connection, doubt: Doubt) -> None:
    """Remember that the clock is not to be trusted, also across a restart."""
    execute(
        connection,
        "INSERT INTO hub_state (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        name=STATE,
        value=doubt.value,
    )


def forget_doubt(connection: sa.Connection) -> None:
    """Forget the doubt: a person has looked. What had arrived by a clock that was ahead raises none any more."""
    execute(connection, "DELETE FROM hub_state WHERE name = :name", name=STATE)
    execute(
        connection,
        """
        INSERT INTO hub_state (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        name=LOOKED_AT,
        value=str(_newest_arrival(connection)),
    )


def newest_arrival_not_looked_at(connection: sa.Connection) -> int:
    """Return the newest moment of arrival, 0 where a person has seen it and trusted the clock all the same. What comes
    afterwards is put down a millisecond later each time, until the clock has caught up.
    """
    newest = _newest_arrival(connection)
    seen = row(connection, "SELECT value FROM hub_state WHERE name = :name", name=LOOKED_AT)
    return 0 if seen is not None and newest <= int(seen.value) + TOLERATED_MS else newest


def _newest_arrival(connection: sa.Connection) -> int:
    return row(connection, "SELECT max(last_arrival_ms) AS arrived_ms FROM kiosk_progress").arrived_ms or 0
