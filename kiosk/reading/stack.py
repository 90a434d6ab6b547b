"""Keeps the last patches of one card, laid over each other as the hand trembled, and combines them: their mean has less
noise than any of them, so that more blur can be taken out of it; their darkest values are free of a lamp's mirror image
that moved. It decides nothing about codes.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.reading.window import Window, cut, scale_of

MOST_PATCHES: Final = 8
"""Eight patches are 0.8 MB; more would mix moments in which the card has turned too far."""
REDUCED: Final = 2
NEIGHBOURHOOD: Final = 11
MOST_POINTS: Final = 40
FEWEST_POINTS: Final = 8
FEWEST_FITTING: Final = 0.4
"""The part of the points that must agree where a patch lies."""
FARTHEST: Final = 0.35
"""How far a card may have moved since the frame before, of the patch's side."""

Gray = NDArray[np.uint8]
Points = NDArray[np.float32]


class Stack:
    """Patches of one card, each laid over the first, which follow the card through the frame.

    A frame in which the card is not found again begins a new stack.
    """

    def __init__(self) -> None:
        self._patches: list[Gray] = []
        self._window = Window(0, 0, 0)
        self._reduced: Gray | None = None
        self._points: Points | None = None

    def __len__(self) -> int:
        return len(self._patches)

    def add(self, gray: Gray, likeliest: Window) -> None:
        """Lay the next frame's patch over the others; `likeliest` is where that frame's code may be. About 1.5 ms."""
        patch = cut(gray, self._window) if self._patches else gray
        matrix = self._matrix(_reduce(patch)) if self._patches and _are_one_place(self._window, likeliest) else None
        if matrix is None:
            self._begin(cut(gray, likeliest), likeliest)
            return
        size = patch.shape[1], patch.shape[0]
        laid = cv2.warpAffine(patch, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        self._patches = [*self._patches, np.asarray(laid, np.uint8)][-MOST_PATCHES:]
        middle = np.array([size[0] / 2, size[1] / 2, 1])
        right, down = (middle[:2] - matrix @ middle) * scale_of(self._window)
        self._window = Window(self._window.left + round(right), self._window.top + round(down), self._window.side)

    def _begin(self, patch: Gray, window: Window) -> None:
        self._patches, self._window = [patch], window
        self._reduced = _reduce(patch)
        self._points = _marked_points(self._reduced)

    def clear(self) -> None:
        """Forget all: another card comes."""
        self._patches, self._reduced, self._points = [], None, None

    def mean(self) -> Gray:
        """The mean of all patches."""
        return np.asarray(np.mean(self._patches, axis=0, dtype=np.float32), np.uint8)

    def darkest(self) -> Gray:
        """For each pixel the darkest value of all patches."""
        return np.asarray(np.min(self._patches, axis=0), np.uint8)

    def _matrix(self, reduced: Gray) -> NDArray[np.float64] | None:
        """What lays a patch over the first one: shift, turn and size; None if too little of that one is found in it."""
        if self._reduced is None or self._points is None or self._reduced.shape != reduced.shape:
            return None
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            self._reduced, reduced, self._points, self._points.copy(), winSize=(17, 17), maxLevel=3
        )
        is_found = status.ravel() == 1
        if np.count_nonzero(is_found) < FEWEST_POINTS:
            return None
        matrix, fits = cv2.estimateAffinePartial2D(
            found[is_found], self._points[is_found], method=cv2.RANSAC, ransacReprojThreshold=1.0, maxIters=100
        )
        if np.count_nonzero(fits) < max(FEWEST_POINTS, FEWEST_FITTING * len(self._points)):
            return None
        matrix[:, 2] *= REDUCED
        is_near = np.abs(matrix[:, 2]).max() < FARTHEST * reduced.shape[0] * REDUCED
        return np.asarray(matrix, np.float64) if is_near else None


def _are_one_place(window: Window, other: Window) -> bool:
    """Whether the other one's middle lies in the window."""
    apart = (2 * window.left + window.side - 2 * other.left - other.side) / 2
    below = (2 * window.top + window.side - 2 * other.top - other.side) / 2
    return max(abs(apart), abs(below)) < window.side / 2


def _reduce(patch: Gray) -> Gray:
    """Half the size, less the neighbourhood of each place: a mirrored lamp does not move as the card does."""
    size = patch.shape[1] // REDUCED, patch.shape[0] // REDUCED
    calm = cv2.GaussianBlur(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), (3, 3), 0)
    return np.asarray(cv2.addWeighted(calm, 1, cv2.blur(calm, (NEIGHBOURHOOD, NEIGHBOURHOOD)), -1, 128), np.uint8)


def _marked_points(reduced: Gray) -> Points | None:
    points: Any = cv2.goodFeaturesToTrack(reduced, MOST_POINTS, 0.02, 5, blockSize=5)  # None on a plain wall
    return None if points is None or len(points) < FEWEST_POINTS else np.asarray(points, np.float32)
