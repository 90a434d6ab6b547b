"""The service manager's side of sd_notify(3): hears when a child says that it is ready. Says nothing itself."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket

_numbers = itertools.count(1)


class Readiness(asyncio.DatagramProtocol):
    """A socket for one child, in the kernel's own name space, so that it leaves no file. `is_ready` is set once."""

    def __init__(self) -> None:
        self.is_ready = asyncio.Event()
        self.address = f"@kumapo-demo-{os.getpid()}-{next(_numbers)}"
        """What the child's NOTIFY_SOCKET must say."""
        self._transport: asyncio.BaseTransport | None = None

    async def open(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        name = "\0" + self.address.removeprefix("@")
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=name, family=socket.AF_UNIX)

    def close(self) -> None:
        """Listen no more; a child that still runs would be told that nobody does."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  # asyncio's names
        """Take one message."""
        if b"READY=1" in data.split(b"\n"):
            self.is_ready.set()
