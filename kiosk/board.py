"""Holds what the participant's screen shows now, as values. The scan loop writes them, event streams read them.

It knows no language, no page and no clock: the loop hands the time in, so that all screens agree on when a result goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from kiosk.always_shown import NOWHERE, Standing
from kiosk.booth import Scan
from kiosk.next_code import REPEAT_MS
from kiosk.scan import WORDS
from kiosk.sight import CameraState, Hint

RESULT_MS = REPEAT_MS
"""How long a result stays, unless the next card comes before; then a code still held up is answered once more."""

IDLE, SEEN, HINT = "idle", "seen", "hint"
STATES = (IDLE, SEEN, HINT, *WORDS.values())
"""Every state of the screen, by the name that stands in the page."""


class Result(NamedTuple):
    """A finished scan on the screen, and since when (monotonic)."""

    scan: Scan
    since_ms: int


class Glance(NamedTuple):
    """What the camera makes of the people before it: a code is seen that is not read yet, what would help, whether
    somebody is asked to wait, and whether anything happens at all.
    """

    is_seen: bool = False
    hint: Hint | None = None
    others_wait: bool = False
    is_lively: bool = False


class Showing(NamedTuple):
    """Everything a screen shows, in no language."""

    glance: Glance = Glance()
    result: Result | None = None
    camera: CameraState = CameraState.NONE
    standing: Standing = NOWHERE

    @property
    def state(self) -> str:
        """One of STATES. A result goes before what the camera sees: who has been served looks at it."""
        if self.result is not None:
            return WORDS[type(self.result.scan.outcome)]
        if self.glance.hint is not None:
            return HINT
        return SEEN if self.glance.is_seen else IDLE


class Versioned(NamedTuple):
    """What is shown, and the how-many-eth it is in this run."""

    version: int
    showing: Showing


class Board:
    """The board between one writer, the scan loop, and any number of readers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now = Versioned(1, Showing())

    @property
    def now(self) -> Versioned:
        """What is shown now."""
        return self._now

    def show_scan(self, scan: Scan, now_ms: int) -> None:
        """Show a result from now on, in the place of whatever was there."""
        self._put(self._now.showing._replace(result=Result(scan, now_ms)))

    def show(self, glance: Glance, camera: CameraState, standing: Standing, now_ms: int) -> None:
        """Show what the camera sees and how the booth stands; a result whose time is over goes."""
        result = self._now.showing.result
        if result is not None and now_ms - result.since_ms >= RESULT_MS:
            result = None
        self._put(Showing(glance, result, camera, standing))

    def wait(self, after_version: int, seconds: float, is_over: Callable[[], bool] = lambda: False) -> Versioned:
        """Return what is shown as soon as it is newer than `after_version`, at the latest after `seconds`, or when it
        `is_over`; who changes that says so by a nudge.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._now.version > after_version or is_over(), seconds)
            return self._now

    def nudge(self) -> None:
        """Let everybody who waits look whether it is over."""
        with self._changed:
            self._changed.notify_all()

    def _put(self, showing: Showing) -> None:
        if showing == self._now.showing:
            return
        with self._changed:
            self._now = Versioned(self._now.version + 1, showing)
            self._changed.notify_all()
