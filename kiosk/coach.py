"""Turns what is seen over time into what helps a person whose code cannot be read: that it is seen at all, and after a
while one hint. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from kiosk.sight import Hint, Sight, Unread
from sync.token import is_token

SEEN_FRAMES = 2
"""One frame alone may be a pattern on a sleeve."""
HINT_AFTER_MS = 3_000
HINT_STAYS_MS = 3_000
"""How long a hint stays before another one may take its place: time to read it and to move."""
GONE_MS = 1_000
"""How long nothing may be seen before it counts as taken away."""

SMALL_SIDE = 150.0
"""Pixels. A member code has 41 modules a side, and a slightly blurred one is read from some 3.5 pixels a module on."""
LARGE_SHARE = 0.85
"""Of the picture's shorter side. What is longer lacks a margin, or a corner."""
DARK, BRIGHT = 60.0, 205.0
"""A code that is lit well is half black and half white, some 130."""
NEWEST_SHARE = 0.3
"""How much the newest frame counts in what a hint is drawn from: a hand is never still."""


class Coaching(NamedTuple):
    """What was seen so far: the unread code, smoothed; since when and until when; in how many frames running; the hint
    now, and since when.
    """

    unread: Unread | None = None
    since_ms: int = 0
    until_ms: int = 0
    frames: int = 0
    hint: Hint | None = None
    hinted_ms: int = 0

    @property
    def is_seen(self) -> bool:
        """Tell whether something that may be a code is held up and not read yet."""
        return self.frames >= SEEN_FRAMES


def after(coaching: Coaching, sight: Sight, size: tuple[int, int], now_ms: int) -> Coaching:
    """Return what is known after one more picture of `size` (height, width in pixels).

    A member code that is read ends it; a poster in the background does not.
    """
    if any(is_token(code.text) for code in sight.codes):
        return Coaching()
    if sight.unread is None:
        is_over = not coaching.is_seen or now_ms - coaching.until_ms >= GONE_MS
        return Coaching() if is_over else coaching
    since_ms = now_ms if coaching.unread is None else coaching.since_ms
    unread = _smoothed(coaching.unread, sight.unread)
    seen = coaching._replace(unread=unread, since_ms=since_ms, until_ms=now_ms, frames=coaching.frames + 1)
    is_time = now_ms - since_ms >= HINT_AFTER_MS and (seen.hint is None or now_ms - seen.hinted_ms >= HINT_STAYS_MS)
    return seen._replace(hint=hint_for(unread, size), hinted_ms=now_ms) if is_time and seen.is_seen else seen


def hint_for(unread: Unread, size: tuple[int, int]) -> Hint:
    """Return what most likely keeps a code from being read, the simplest to mend first."""
    if unread.side >= LARGE_SHARE * min(size):
        return Hint.FARTHER
    if unread.side < SMALL_SIDE:
        return Hint.CLOSER
    if unread.brightness < DARK:
        return Hint.BRIGHTER
    if unread.brightness > BRIGHT:
        return Hint.LESS_GLARE
    return Hint.STEADY


def _smoothed(before: Unread | None, newest: Unread) -> Unread:
    if before is None:
        return newest
    return Unread(*(old + NEWEST_SHARE * (new - old) for old, new in zip(before, newest, strict=True)))
