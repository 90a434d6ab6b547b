"""Gives people time to open a page before the story begins: tells when somebody has, or has pressed Enter.

It asks the kernel, not the booths: they need not know that they are watched.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from config.clock import Clock

CONNECTIONS = Path("/proc/net/tcp")
ESTABLISHED = "01"
"""As proc(5) and the kernel's include/net/tcp_states.h count the states."""

LOOK_SECONDS = 0.2


async def wait_for_audience(ports: set[int], terminal: int, seconds: float, clock: Clock) -> None:
    """Return as soon as a browser is connected to one of `ports`, somebody presses Enter at the `terminal` (a
    descriptor), or the time is over.
    """
    until_ms = clock.monotonic_ms() + round(1000 * seconds)
    with _enter_at(terminal) as pressed:
        while clock.monotonic_ms() < until_ms and not is_visited(ports, _connections()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pressed.wait(), LOOK_SECONDS)
                return


def is_visited(ports: set[int], connections: str) -> bool:
    """Tell whether a connection to one of our ports stands, by the text of /proc/net/tcp."""
    for row in connections.splitlines()[1:]:
        _, local, _, state, *_ = row.split()
        if state == ESTABLISHED and int(local.rpartition(":")[2], 16) in ports:
            return True
    return False


def _connections() -> str:
    return CONNECTIONS.read_text(encoding="ascii")


@contextlib.contextmanager
def _enter_at(terminal: int) -> Iterator[asyncio.Event]:
    """An event that is set when a line comes; the line is taken, so that nobody else finds it later."""
    pressed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def take() -> None:
        os.read(terminal, 4096)
        loop.remove_reader(terminal)
        pressed.set()

    loop.add_reader(terminal, take)
    try:
        yield pressed
    finally:
        loop.remove_reader(terminal)
