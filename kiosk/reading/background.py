"""Tells the codes that hang behind the people from those that are held up: the former stand still, frame after frame.
It can paint them over, so that what is tried on a frame is tried on the rest of it. It never judges a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

STANDING_FRAMES: Final = 5
"""A third of a second at 15 frames a second: in so many frames a code stood where it was first seen."""
MISSED_FRAMES: Final = 15
"""For so many frames a code need not be read to count as still there: somebody passes, or it is read now and then."""
LEAST_WAY: Final = 3.0
WAY_SHARE: Final = 0.03
"""How far its middle may be from where it was first seen: 3 pixels, or 3 % of its side. A decoder's corners waver by a
pixel; a hand wanders farther within a third of a second."""
MOST_PLACES: Final = 128

Gray = NDArray[np.uint8]
Corners = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]


class Found(NamedTuple):
    """A code where it was found: its text, which may be empty, its area in square pixels, its corners in turn."""

    text: str
    area: float
    corners: Corners

    def middle(self) -> tuple[float, float]:
        """The mean of the corners."""
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4


class _Place(NamedTuple):
    """Where a text was first seen, in how many frames it stood there, and how many frames ago last."""

    text: str
    middle: tuple[float, float]
    way: float
    frames: int = 0
    missed: int = 0

    def holds(self, code: Found) -> bool:
        if code.text != self.text:
            return False
        x, y = code.middle()
        return max(abs(x - self.middle[0]), abs(y - self.middle[1])) <= self.way


class Background:
    """Remembers where codes were seen in the last frames of one stream."""

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def holds_all(self, found: Sequence[Found]) -> bool:
        """Take what was read in the next frame, and say whether all of it stands still; so it is where nothing was."""
        new = [code for code in found if not any(place.holds(code) for place in self._places)]
        moved = {code.text for code in new}  # a hand hovers about a place, and comes by there again
        before = [_after(place, found) for place in self._places]
        kept = [place for place in before if place.missed < (1 if place.text in moved else MISSED_FRAMES)]
        kept += [_place_of(code) for code in new]
        self._places = sorted(kept, key=lambda place: place.missed)[:MOST_PLACES]
        standing = [place for place in self._places if place.frames >= STANDING_FRAMES]
        return all(any(place.holds(code) for place in standing) for code in found)


def _place_of(code: Found) -> _Place:
    return _Place(code.text, code.middle(), max(LEAST_WAY, WAY_SHARE * code.area**0.5), frames=1)


def _after(place: _Place, found: Sequence[Found]) -> _Place:
    if any(place.holds(code) for code in found):
        return place._replace(frames=place.frames + 1, missed=0)
    return place._replace(missed=place.missed + 1)


def without(gray: Gray, found: Sequence[Found]) -> Gray:
    """The frame with these codes painted over in their own mean gray: nothing of them draws the eye, and none is read
    again. About 0.2 ms.
    """
    painted = gray.copy()
    for code in found:
        corners = np.array(code.corners, np.int32)
        left, top = np.maximum(corners.min(axis=0), 0)
        right, bottom = corners.max(axis=0) + 1
        place = gray[top:bottom, left:right]
        cv2.fillConvexPoly(painted, corners, float(place.mean()) if place.size else 0.0)
    return painted
