"""Brings what was typed or scanned by hand at the page to the scan loop. It judges nothing of it and keeps nothing."""

from __future__ import annotations

import queue
from typing import Annotated

import msgspec

MOST_WAITING = 8
"""Nobody types faster than the loop scans; a page gone wild is not listened to."""

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class Typed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing entered at the page: a member number, or the text of a code that a hand-held scanner read."""

    number: Line = ""
    code: Line = ""

    def __post_init__(self) -> None:
        """Refuse none and both of them. Raises ValueError, which msgspec reports."""
        if bool(self.number) is bool(self.code):
            raise ValueError("either a number or a code")


class Keys:
    """Between the page's threads and the scan loop. Without a page nothing ever comes."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Typed] = queue.Queue(MOST_WAITING)

    def put(self, typed: Typed) -> bool:
        """Hand it on; tell whether there was room."""
        try:
            self._queue.put_nowait(typed)
        except queue.Full:
            return False
        return True

    def take(self, wait_seconds: float) -> Typed | None:
        """Return the next thing typed, or None if nothing comes within `wait_seconds`."""
        try:
            return self._queue.get(timeout=wait_seconds) if wait_seconds > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None
