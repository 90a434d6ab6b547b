"""Turns what the pictures of a live camera look like over time into whether it is well: black, covered, over-exposed,
frozen. Pure.

It looks at 80 × 45 points of each picture, and says nothing of a hand that passes by. Footage is not judged: what a
folder or film shows was meant, and pictures may come again in it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.sight import CameraState

ROWS, COLUMNS = 45, 80
BLOCK = 5
"""Points are averaged by 5 × 5: single hot points of a dark sensor are no light."""

WORSE_AFTER_MS = 3_000
"""How long a picture must look wrong before it is said: somebody who bends over the table is gone by then."""
BETTER_AFTER_MS = 1_000
FROZEN_AFTER_MS = 5_000
"""How long every point must be the same to the bit. A living sensor's noise never lets that happen in the light."""
JUDGE_EVERY_MS = 500

BLACK_BELOW = 30.0
"""The brightest block of a lens cap, with its noise, stays below; a phone's screen in a dark hall is above 100."""
WHITE_FROM = 250
WHITE_SHARE = 0.7
COVERED_CONTRAST = 0.5
"""How far the dark and the bright parts of a picture lie apart, as a share of the bright: a cloth or hand before the
lens 0.2 to 0.5, a room 0.6 and more.
"""
PART = 0.2
"""Neighbouring blocks that differ by this share of the bright ones are parts of a scene, if only out of focus: halls
whose contrast is small have 0.28 and more, a cloth before the lens with a sensor's noise below 0.1.
"""
EDGE = 10
MOST_NOISE = 8
"""Where points differ by more than this as a rule it is no noise but a pattern: a weave, bricks, a page of print."""
EDGE_SHARE = 0.002
"""Anything in focus, if only a card that fills the picture, has more steps between neighbouring points than this."""

WRONG = frozenset({CameraState.BLACK, CameraState.COVERED, CameraState.OVEREXPOSED})

Gray = NDArray[np.uint8]


class Health(NamedTuple):
    """What is known of a camera; `points` are those of its last picture, which has not changed at all since
    `still_since_ms`.

    `looks` is how the picture looked last; `looks_since_ms` since when it has looked well, or not well.
    """

    state: CameraState = CameraState.STARTING
    looks: CameraState = CameraState.GOOD
    looks_since_ms: int = 0
    judged_ms: int | None = None
    points: bytes = b""
    still_since_ms: int = 0

    def is_still(self, now_ms: int) -> bool:
        """Tell whether the picture has not changed in one bit for long, and there is light to see that by."""
        return self.looks is CameraState.GOOD and now_ms - self.still_since_ms >= FROZEN_AFTER_MS


def after(health: Health, gray: Gray, now_ms: int) -> Health:
    """Return what is known after one more picture (H × W, uint8); 0.01 ms, and 0.2 ms twice a second."""
    points = points_of(gray)
    encoded = points.tobytes()
    if encoded != health.points:
        health = health._replace(points=encoded, still_since_ms=now_ms)
    if health.judged_ms is None or now_ms - health.judged_ms >= JUDGE_EVERY_MS:
        health = _judged(health, look_of(points), now_ms)
    return health._replace(state=_state(health, now_ms))


def points_of(gray: Gray) -> Gray:
    """Return some 45 × 80 points of a picture."""
    height, width = gray.shape
    return np.ascontiguousarray(gray[:: max(1, height // ROWS), :: max(1, width // COLUMNS)])


def look_of(points: Gray) -> CameraState:
    """Return what one picture alone looks like: BLACK, OVEREXPOSED, COVERED, or GOOD."""
    height, width = (max(1, length // BLOCK) for length in points.shape)
    places = np.asarray(cv2.resize(points, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    blocks = np.sort(places, axis=None)
    if blocks[-1] < BLACK_BELOW:
        return CameraState.BLACK
    if np.count_nonzero(points >= WHITE_FROM) > WHITE_SHARE * points.size:
        return CameraState.OVEREXPOSED
    dark, bright = float(blocks[blocks.size // 20]), float(blocks[-1 - blocks.size // 20])
    if bright - dark < COVERED_CONTRAST * bright and not _has_parts(places, bright) and not _has_edges(points):
        return CameraState.COVERED
    return CameraState.GOOD


def _has_parts(places: Gray, bright: float) -> bool:
    """Tell whether two blocks side by side or one above the other belong to different things."""
    beside, below = cv2.absdiff(places[:, 1:], places[:, :-1]), cv2.absdiff(places[1:], places[:-1])
    return bool(max(np.max(beside, initial=0), np.max(below, initial=0)) >= PART * bright)


def _has_edges(points: Gray) -> bool:
    """Tell whether there are steps that the picture's own noise does not explain: four times its spread and more."""
    steps = np.sort(cv2.absdiff(points[:, 1:], points[:, :-1]), axis=None)
    if steps.size == 0:
        return False
    at_most = EDGE + 6 * min(int(steps[steps.size // 2]), MOST_NOISE)
    return bool(np.count_nonzero(steps > at_most) > EDGE_SHARE * steps.size)


def _judged(health: Health, looks: CameraState, now_ms: int) -> Health:
    """Between black and covered a picture may waver; what counts is since when it has looked wrong, or well."""
    if (looks is CameraState.GOOD) != (health.looks is CameraState.GOOD):
        health = health._replace(looks_since_ms=now_ms)
    return health._replace(looks=looks, judged_ms=now_ms)


def _state(health: Health, now_ms: int) -> CameraState:
    """Return what is to be said. Of several things that look wrong in turn, the first one stays."""
    if health.is_still(now_ms):
        return CameraState.FROZEN
    lasts_ms = now_ms - health.looks_since_ms
    if health.looks is CameraState.GOOD:
        is_slow = health.state not in {CameraState.STARTING, CameraState.FROZEN}
        return health.state if is_slow and lasts_ms < BETTER_AFTER_MS else CameraState.GOOD
    if lasts_ms >= WORSE_AFTER_MS and health.state not in WRONG:
        return health.looks
    return health.state
