"""The motion gate: tells from each frame whether something moved lately, so that costly steps rest where nobody is.

It compares a coarse copy of each frame with the one before, and keeps only that copy. It counts frames, not seconds.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

OPEN_FRAMES: Final = 15
"""How long it stays open after a movement: a second at 15 frames a second."""
MOST_UNREAD_FRAMES: Final = 300
"""How long an unread code alone, without a movement, keeps it open: a poster in the background is given up."""
COARSE_WIDTH: Final = 160
LEAST_CHANGE: Final = 12
NOISE_FACTOR: Final = 6
"""A place has changed if it differs by 6 times the median difference (4 deviations of noise). A lamp that flickers
lifts the median too, and so opens nothing."""
LEAST_PART: Final = 0.003
"""The part of the frame that must change: a code of 80 pixels at 720 × 1280 covers 0.007."""

Gray = NDArray[np.uint8]


class MotionGate:
    """Open while something moves, and a while after; a fresh one is open, for a card may lie there already."""

    def __init__(self) -> None:
        self._before: Gray | None = None
        self._open_frames = OPEN_FRAMES
        self._unread_frames = 0

    def is_open_for(self, gray: Gray) -> bool:
        """Take the next frame (H × W, uint8) and say whether the gate is open for it. About 0.1 ms."""
        coarse = coarse_copy(gray)
        if self._before is None or has_moved(self._before, coarse):
            self._open_frames = OPEN_FRAMES
            self._unread_frames = 0
        else:
            self._open_frames = max(0, self._open_frames - 1)
        self._before = coarse
        return self._open_frames > 0

    def keep_open(self) -> None:
        """A code is seen and unread: stay open for another while, though nothing moves, up to a limit."""
        self._unread_frames += 1
        if self._unread_frames <= MOST_UNREAD_FRAMES:
            self._open_frames = OPEN_FRAMES


def coarse_copy(gray: Gray) -> Gray:
    """Every n-th pixel both ways, some 160 × 90 of them: 30 times quicker than averaging, and as good for this."""
    step = max(1, round(max(gray.shape) / COARSE_WIDTH))
    return np.ascontiguousarray(gray[::step, ::step])


def has_moved(before: Gray, after: Gray) -> bool:
    """Whether two coarse copies differ by more than noise and flicker."""
    if before.shape != after.shape:
        return True
    change = np.asarray(cv2.absdiff(before, after), dtype=np.uint8)
    counts = np.asarray(np.bincount(change.ravel(), minlength=256), dtype=np.int64)
    usual = int(np.searchsorted(np.cumsum(counts), change.size / 2))
    return bool(np.count_nonzero(change > max(LEAST_CHANGE, NOISE_FACTOR * usual)) > LEAST_PART * change.size)
