"""Finds where in a frame something like a code may be, and cuts a patch of fixed size out of it, so that what is tried
on it costs the same whatever the camera gives. It never says that there is a code.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

PATCH: Final = 320
"""Side of a patch in pixels: a code of version 6 held as usual (5 pixels a module, 205 in all) with room around it."""
LEAST_REDUCTION: Final = 1.25
"""A window that is hardly larger than a patch is cut as large as one: to reduce it a little would only blur it."""
REDUCED_WIDTH: Final = 320
CELL: Final = 4  # reduced pixels to a cell of the map
SPANS: Final = (6, 8, 10, 13, 16, 20, 25, 32)
"""Sides of the squares looked for, in cells; at 1280 pixels 96 to 512."""
ROOM: Final = 1.6
"""How much larger than the square found a window is: for the quiet zone, and for what was found askew."""
MOVED_WEIGHT: Final = 4
"""What moved counts five times as much: a card out of focus has less contrast than the poster behind it."""

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Window(NamedTuple):
    """A square of a frame, in pixels; it may reach over the frame's edge."""

    left: int
    top: int
    side: int


def reduced(gray: Gray) -> Gray:
    """A frame some REDUCED_WIDTH pixels wide, to search in; as it is if it is small. About 0.4 ms for 720 × 1280."""
    reduction = _reduction(gray.shape)
    size = max(1, gray.shape[1] // reduction), max(1, gray.shape[0] // reduction)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def likely_windows(shape: tuple[int, ...], small: Gray, before: Gray | None, count: int) -> list[Window]:
    """The squares with the most contrast in both directions, the likeliest first, of a frame of `shape` that is `small`
    when reduced. Where something moved since the frame that was `before` counts more.

    A code has edges both ways at every place; letters, stripes and borders mostly have them one way or here and there.
    """
    height, width = shape
    if min(small.shape) < CELL * SPANS[0]:
        return [Window(0, 0, max(height, width))]
    cell = _reduction(shape) * CELL
    contrast = _contrast(small)
    if before is not None and before.shape == small.shape:
        contrast *= 1 + MOVED_WEIGHT * _moved(before, small, contrast.shape)
    best, span_of = _scores(contrast)
    windows = []
    for _ in range(count):
        _, score, _, (x, y) = cv2.minMaxLoc(best)
        if score <= 0:
            break
        span = SPANS[int(span_of[y, x])]
        side = round(span * cell * ROOM)
        if side < PATCH * LEAST_REDUCTION:
            side = min(PATCH, height, width)
        corner = round((x + 0.5) * cell - side / 2), round((y + 0.5) * cell - side / 2)
        windows.append(_inside(corner, side, shape))
        best[max(0, y - span // 2) : y + span // 2 + 1, max(0, x - span // 2) : x + span // 2 + 1] = 0
    return windows


def cut(gray: Gray, window: Window) -> Gray:
    """The window as a patch of PATCH × PATCH: reduced if it is larger, continued at its edges if it is smaller."""
    height, width = gray.shape
    left, top = max(0, window.left), max(0, window.top)
    part = gray[top : min(height, window.top + window.side), left : min(width, window.left + window.side)]
    if max(part.shape) > PATCH:
        scale = PATCH / max(part.shape)
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    below, beside = PATCH - part.shape[0], PATCH - part.shape[1]
    return np.asarray(cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)


def scale_of(window: Window) -> float:
    """Pixels of the frame to a pixel of the patch."""
    return max(1.0, window.side / PATCH)


def _reduction(shape: tuple[int, ...]) -> int:
    return max(1, round(max(shape) / REDUCED_WIDTH))


def _contrast(small: Gray) -> Floats:
    """For each cell the weaker of its contrasts across and down."""
    across = cv2.absdiff(small[1:-1, 2:], small[1:-1, :-2])
    down = cv2.absdiff(small[2:, 1:-1], small[:-2, 1:-1])
    cells = small.shape[1] // CELL, small.shape[0] // CELL
    weaker = cv2.min(*(cv2.resize(one, cells, interpolation=cv2.INTER_AREA) for one in (across, down)))
    return np.asarray(weaker, np.float32)


def _moved(before: Gray, small: Gray, shape: tuple[int, ...]) -> Floats:
    """For each cell how surely it moved, 0 … 1: by how much it differs beyond the usual difference, which is noise."""
    change = cv2.resize(cv2.absdiff(before, small), shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    usual = np.median(change)
    return np.asarray(np.clip((change - 1.5 * usual) / (usual + 2), 0, 1), np.float32)


def _scores(contrast: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """For each cell the best score of a square around it, and which of the spans that was."""
    means = [cv2.boxFilter(contrast, -1, (span, span), borderType=cv2.BORDER_CONSTANT) for span in SPANS]
    scores = np.stack([mean * np.float32(span**0.5) for mean, span in zip(means, SPANS, strict=True)])
    return scores.max(axis=0), scores.argmax(axis=0)


def _inside(corner: tuple[int, int], side: int, shape: tuple[int, ...]) -> Window:
    """A window with this left and top, moved into the frame as far as it fits."""
    height, width = shape
    return Window(max(0, min(corner[0], width - side)), max(0, min(corner[1], height - side)), side)
