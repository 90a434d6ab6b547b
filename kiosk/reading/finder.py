"""Reads the geometry of a code from its finder patterns, the nested squares in three of its corners, and makes what the
decoder cannot: the code upright where it is tilted too far, and the one pattern drawn that a thumb or a lamp's mirror
image hides. Nothing but that pattern is ever drawn: every module that carries text is as the camera saw it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, permutations
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.reading.rescue import Prepared

MOST_FINDERS: Final = 8
NEIGHBOURHOOD: Final = 41
"""Pixels over which a threshold is taken: a finder pattern of 5 pixels a module and some room."""
CORNERS: Final = 4
SIDE: Final = 7  # modules, as long as a finder pattern is
SMALLEST_CODE, LARGEST_CODE = 21, 101
QUIET: Final = 4
MODULE_PIXELS: Final = 5
MOST_SLANT, LEAST_DIAGONAL = 0.2, 0.75
REACHES: Final = (1.0, 1.03, 0.97)
"""Where the hidden pattern may lie, of the distance reckoned: the tilt of the two that are seen is known roughly."""
SMALLEST_RING: Final = 60  # square pixels: a finder pattern of 1.1 pixels a module
WHOLE_TO_HOLE, HOLE_TO_CORE = (1.2, 3.4), (1.4, 6.5)
"""Bounds of the ratios of areas, which are 49 : 25 and 25 : 9 where no blur and no pixel eats of them."""
LEAST_SOLIDITY, LEAST_ASPECT = 0.8, 0.25
MOST_SKEW: Final = 0.25
MOST_UNLIKE, MOST_UNLIKE_AREAS = 1.4, 2.0
"""How much the two sides of a code, and the areas of two of its finder patterns, may differ by perspective."""

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]
Quad = Floats
"""Four corners of a finder pattern, 4 × 2, clockwise as the picture is seen."""


def by_finders(gray: Gray) -> Iterator[Prepared]:
    """Pictures made by the finder patterns seen in a patch: upright ones by three, then one drawn in by two."""
    quads = find_finders(gray)
    yield from _uprights(gray, quads)
    yield from _completed(gray, quads)


def find_finders(gray: Gray) -> list[Quad]:
    """Dark rings around light rings around dark squares, as wide as they must be, at most MOST_FINDERS of them."""
    dark = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, NEIGHBOURHOOD, 3)
    contours, tree = cv2.findContours(dark, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    quads: list[Quad] = []
    for number, contour in enumerate(contours):
        hole = tree[0][number][2]
        core = tree[0][hole][2] if hole >= 0 else -1
        if core >= 0 and _is_finder(contour, contours[hole], contours[core]):
            quads.append(_quad(contour))
    return quads[:MOST_FINDERS]


def _is_finder(ring: cv2.typing.MatLike, hole: cv2.typing.MatLike, core: cv2.typing.MatLike) -> bool:
    """Whether the areas are as a finder pattern's, and the ring has no dents and is not all too flat."""
    whole, inner, innermost = (max(1.0, cv2.contourArea(one)) for one in (ring, hole, core))
    if (
        whole < SMALLEST_RING
        or not _lies_in(whole / inner, WHOLE_TO_HOLE)
        or not _lies_in(inner / innermost, HOLE_TO_CORE)
    ):
        return False
    hull = cv2.convexHull(ring)
    width, height = cv2.minAreaRect(hull)[1]
    return whole > LEAST_SOLIDITY * cv2.contourArea(hull) and min(width, height) > LEAST_ASPECT * max(width, height)


def _lies_in(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] < value < bounds[1]


def _are_alike(first: float, second: float, most: float) -> bool:
    return max(first, second) < most * min(first, second)


def _quad(ring: cv2.typing.MatLike) -> Quad:
    hull = cv2.convexHull(ring)
    length = cv2.arcLength(hull, closed=True)
    corners = next(
        (
            few
            for part in (0.05, 0.08, 0.12)
            if len(few := cv2.approxPolyDP(hull, part * length, closed=True)) == CORNERS
        ),
        cv2.boxPoints(cv2.minAreaRect(hull)),
    )
    points = np.asarray(corners, np.float32).reshape(4, 2)
    out = points - points.mean(axis=0)
    return np.asarray(points[np.argsort(np.arctan2(out[:, 1], out[:, 0]))], np.float32)


def _axes(quad: Quad) -> tuple[Floats, Floats]:
    """One module along the first edge, and along the next."""
    across = (quad[1] - quad[0] + quad[2] - quad[3]) / (2 * SIDE)
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / (2 * SIDE)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


# --- three finder patterns


def _uprights(gray: Gray, quads: Sequence[Quad]) -> Iterator[Prepared]:
    """The code as it would look from straight ahead, by the twelve corners of its three patterns."""
    for first, second, third in permutations(quads, 3):
        right, down = second.mean(axis=0) - first.mean(axis=0), third.mean(axis=0) - first.mean(axis=0)
        if right[0] * down[1] - right[1] * down[0] <= 0:
            continue
        turned = [_turned(quad, right) for quad in (first, second, third)]
        modules = _modules_between(turned, right, down)
        if modules is not None:
            for count in (modules, modules + 4, modules - 4):
                yield from _upright(gray, turned, count)


def _turned(quad: Quad, right: Floats) -> Quad:
    """The same quad, begun so that its first edge points right."""
    along = [float((np.roll(quad, -turn, axis=0)[1] - np.roll(quad, -turn, axis=0)[0]) @ right) for turn in range(4)]
    across = [float((np.roll(quad, -turn, axis=0)[2] - np.roll(quad, -turn, axis=0)[3]) @ right) for turn in range(4)]
    return np.asarray(np.roll(quad, -int(np.argmax(np.add(along, across))), axis=0), np.float32)


def _modules_between(turned: Sequence[Quad], right: Floats, down: Floats) -> int | None:
    """Modules of the code's side, rounded to one there is; None if the three do not lie like one code's."""
    axes = [_axes(quad) for quad in turned]
    base = np.column_stack(axes[0])
    if abs(np.linalg.det(base)) < 1:
        return None
    to_right, to_bottom = np.linalg.solve(base, right), np.linalg.solve(base, down)
    if abs(to_right[1]) > MOST_SKEW * abs(to_right[0]) or abs(to_bottom[0]) > MOST_SKEW * abs(to_bottom[1]):
        return None
    across = float(np.linalg.norm(right) / np.linalg.norm(axes[0][0] + axes[1][0]) * 2)
    along = float(np.linalg.norm(down) / np.linalg.norm(axes[0][1] + axes[2][1]) * 2)
    return _legal((across + along) / 2 + SIDE) if _are_alike(across, along, MOST_UNLIKE) else None


def _legal(modules: float) -> int:
    return 17 + 4 * round((modules - 17) / 4)


def _upright(gray: Gray, turned: Sequence[Quad], modules: int) -> Iterator[Prepared]:
    if not SMALLEST_CODE <= modules <= LARGEST_CODE:
        return
    square = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)
    to_right, to_bottom = np.array([modules - SIDE, 0], np.float32), np.array([0, modules - SIDE], np.float32)
    places = np.concatenate([square, square + to_right, square + to_bottom])
    matrix, _ = cv2.findHomography(np.concatenate(turned), (places + QUIET) * MODULE_PIXELS - 0.5)
    if np.size(matrix) != np.size(np.eye(3)):  # none fits
        return
    size = ((modules + 2 * QUIET) * MODULE_PIXELS,) * 2
    picture = cv2.warpPerspective(gray, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    yield Prepared(np.asarray(picture, np.uint8), _area(turned[0]) / (SIDE * MODULE_PIXELS) ** 2)


def _area(quad: Quad) -> float:
    return float(cv2.contourArea(quad))


# --- two finder patterns


def _completed(gray: Gray, quads: Sequence[Quad]) -> Iterator[Prepared]:
    """The patch with a finder pattern drawn where the third may be, for each two that can belong together."""
    dark, light = (int(level) for level in np.percentile(gray[::4, ::4], (5, 90)))
    height, width = gray.shape
    for reach in REACHES:
        for first, second in combinations(quads, 2):
            for place, across, down in _thirds(first, second, reach):
                if 0 <= place[0] < width and 0 <= place[1] < height:
                    yield Prepared(_with_finder(gray, place, across, down, (dark, light)), 1.0)


def _thirds(first: Quad, second: Quad, reach: float) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Where the third pattern may lie, and one module across and down there.

    Two on one edge leave the edge's two sides and two ends, two on the diagonal leave both sides of it.
    """
    here, there = first.mean(axis=0), second.mean(axis=0)
    (across, down), (other_across, other_down) = _axes(first), _axes(second)
    mean_across, mean_down = _middle(across, other_across), _middle(down, other_down)
    base = np.column_stack([mean_across, mean_down])
    if abs(np.linalg.det(base)) < 1 or not _are_alike(_area(first), _area(second), MOST_UNLIKE_AREAS):
        return
    way = np.linalg.solve(base, there - here)
    shorter, longer = sorted(np.abs(way))
    if not SMALLEST_CODE - SIDE - 2 < longer < LARGEST_CODE:
        return
    if shorter < MOST_SLANT * longer:
        is_across = abs(way[0]) > abs(way[1])
        for sign in (reach, -reach):
            yield here + float(sign * longer) * (down if is_across else across), mean_across, mean_down
            yield there + float(sign * longer) * (other_down if is_across else other_across), mean_across, mean_down
    elif shorter > LEAST_DIAGONAL * longer:
        yield here + mean_across * float(way[0] * reach), mean_across, mean_down
        yield here + mean_down * float(way[1] * reach), mean_across, mean_down


def _middle(first: Floats, second: Floats) -> Floats:
    return np.asarray((first + second) / 2, np.float32)


def _with_finder(gray: Gray, place: Floats, across: Floats, down: Floats, levels: tuple[int, int]) -> Gray:
    """A copy of the picture with a finder pattern and the light edge around it drawn at `place`."""
    pattern = np.where(_pattern() == 0, *levels).astype(np.uint8)
    unit = pattern.shape[0] / (SIDE + 2)
    corner = place - (SIDE + 2) / 2 * (across + down)
    matrix = np.column_stack([across / unit, down / unit, corner]).astype(np.float64)
    drawn = gray.copy()
    cv2.warpAffine(pattern, matrix, gray.shape[::-1], dst=drawn, borderMode=cv2.BORDER_TRANSPARENT)
    return drawn


@lru_cache(maxsize=1)
def _pattern() -> Gray:
    """Nine modules of eight pixels: light edge, dark ring, light ring, dark square."""
    modules = np.full((SIDE + 2, SIDE + 2), 255, np.uint8)
    modules[1:-1, 1:-1], modules[2:-2, 2:-2], modules[3:-3, 3:-3] = 0, 255, 0
    return np.asarray(np.kron(modules, np.ones((8, 8), np.uint8)), np.uint8)
