"""Sees to it that one process at a time writes a hub's SQLite file, and tells the others where the hub is listening.

Two processes that write can spoil a WAL file before SQLite 3.51.3. PostgreSQL needs none of this.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TURN_FILE = "hub.turn"


class HubRunning(Exception):
    """Another process writes this hub's database; the text says what to do. `address` is where it listens, "" if it
    does not.
    """

    def __init__(self, address: str) -> None:
        where = f"({address})" if address else ""
        super().__init__(
            f"このハブは別のところで動いています{where}。止めてから、もう一度お願いします。 / "
            f"This hub is in use by another process {where}; stop it and try again."
        )
        self.address = address


@contextmanager
def turn_to_write(data: Path) -> Iterator[Callable[[str], None]]:
    """Hold the turn, and yield a function that says where the hub listens. Ends with the process, however that ends.

    Raises HubRunning.
    """
    with (data / TURN_FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise HubRunning(file.read(200).strip()) from None

        def say_address(address: str) -> None:
            file.truncate(0)
            file.write(address)
            file.flush()

        say_address("")
        yield say_address
        say_address("")
