"""The one place that reads the clock and the boot id.

Everybody else is handed a Clock, so that a test or a simulator can turn it.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Protocol

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What programs ask about time. `wall_ms` may be wrong by decades; `monotonic_ms` only grows within one boot."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC, as far as this machine knows."""

    def monotonic_ms(self) -> int:
        """Return milliseconds since the machine started, time in suspend included."""

    def boot_id(self) -> bytes:
        """Return 16 bytes that are new at every start of the machine."""

    def sleep_ms(self, duration_ms: int) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clocks (Linux)."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970-01-01 UTC, never below 0."""
        return max(0, time.time_ns() // 1_000_000)

    def monotonic_ms(self) -> int:
        """Return CLOCK_BOOTTIME in milliseconds: unlike CLOCK_MONOTONIC it goes on while the machine sleeps."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def boot_id(self) -> bytes:
        """Return the kernel's boot id (random(4))."""
        return uuid.UUID(_BOOT_ID.read_text(encoding="ascii").strip()).bytes

    def sleep_ms(self, duration_ms: int) -> None:
        """Wait that many milliseconds."""
        time.sleep(duration_ms / 1000)
