"""Tells the service manager that the booth is ready and alive (sd_notify(3)). Without one it says nothing."""

from __future__ import annotations

import contextlib
import socket


def notify(address: str, state: str) -> None:
    """Send `state` (`READY=1`, `WATCHDOG=1`, `STOPPING=1`) to the socket at `address`; an empty address is nobody.

    A manager that is no longer there does not stop a booth.
    """
    if not address:
        return
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line,
        contextlib.suppress(OSError),
    ):
        line.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        line.sendall(state.encode("ascii"))
