"""How much a carrier may bring: what the hub has already costs work each time, and a stolen kiosk could fill its disk.

Kept in memory: a hub that is started anew begins with full allowances.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MINUTE_MS, DAY_MS = 60_000, 86_400_000


class Limit(NamedTuple):
    """So much in so long a time, all at once at most."""

    amount: int
    per_ms: int


REPEATED_BYTES: Final = Limit(8 * 2**20, MINUTE_MS)
"""Batches that bring nothing new: two of the largest, or some 70 of the usual ones a minute."""
REPEATED_BYTES_STOPPED: Final = Limit(2**20, MINUTE_MS)
"""The same of a kiosk that is stopped or withdrawn."""
NEW_ENTRIES: Final = Limit(50_000, DAY_MS)
"""More than the busiest booth signs in a year; only a made-up journal is longer."""


class Allowance(NamedTuple):
    """What is left of a limit at a moment; below 0 where more was taken than there was."""

    left: float
    at_ms: int


def refilled(allowance: Allowance | None, limit: Limit, now_ms: int) -> Allowance:
    """Return an allowance as it has grown by now. A clock that was set back gives nothing."""
    if allowance is None:
        return Allowance(limit.amount, now_ms)
    grown = max(0, now_ms - allowance.at_ms) * limit.amount / limit.per_ms
    return Allowance(min(limit.amount, allowance.left + grown), now_ms)


def wait_seconds(allowance: Allowance, limit: Limit) -> int:
    """Return after how many seconds something is left again; 0 where something is."""
    if allowance.left > 0:
        return 0
    return 1 + int(-allowance.left * limit.per_ms / limit.amount / 1_000)


class TooMuch(Exception):
    """An allowance is used up for some seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


@dataclass
class Allowances:
    """The allowances of all carriers and kiosks."""

    _left: dict[tuple[bytes, Limit], Allowance] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def want(self, who: bytes, limits: Iterable[Limit], now_ms: int) -> None:
        """Raise TooMuch where somebody has used up one of some limits."""
        with self._lock:
            waits = [wait_seconds(refilled(self._left.get((who, one)), one, now_ms), one) for one in limits]
        if seconds := max(waits, default=0):
            raise TooMuch(seconds)

    def take(self, who: bytes, limit: Limit, amount: int, now_ms: int) -> None:
        """Take so much out of an allowance."""
        with self._lock:
            allowance = refilled(self._left.get((who, limit)), limit, now_ms)
            self._left[who, limit] = allowance._replace(left=allowance.left - amount)
