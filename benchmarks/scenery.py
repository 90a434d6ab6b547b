"""Draws what stands around and behind a code: tables, halls, cloth, print. Gray pictures, never a code among them.

Everything is drawn here by program, with the chance of the generator handed in; no picture of anybody is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 1280
HEIGHT: Final = 720
FONTS: Final = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX)
LETTERS: Final = np.array(list("ABCDEFGHIJKLMNOPRSTUVWabcdefghiklmnoprstuvw0123456789     .,:"))

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]
Random = np.random.Generator


def background(random: Random) -> Gray:
    """A place of 720 × 1280 where somebody may hold up a card; out of focus as often as not. Some 4 ms of CPU."""
    drawn = BACKGROUNDS[int(random.integers(len(BACKGROUNDS)))](random)
    if random.random() < 0.6:
        return blurred(drawn, random.uniform(0.8, 4))
    return drawn


def table(random: Random) -> Gray:
    """A wooden table seen from above, with papers, cups and cables on it."""
    picture = _grained(random)
    for _ in range(int(random.integers(2, 6))):
        _lay_paper(picture, random)
    for _ in range(int(random.integers(0, 4))):
        _stand_cup(picture, random)
    for _ in range(int(random.integers(0, 4))):
        points = np.cumsum(random.normal(0, 90, (9, 2)), axis=0) + random.uniform((0, 0), (WIDTH, HEIGHT))
        cv2.polylines(picture, [points.astype(np.int32)], False, int(random.integers(20, 70)), 5, cv2.LINE_AA)
    return picture


def hall(random: Random) -> Gray:
    """A hall: wall and floor, windows or lamps, posters, people far and near."""
    horizon = int(random.uniform(0.4, 0.8) * HEIGHT)
    picture = np.empty((HEIGHT, WIDTH), np.uint8)
    picture[:horizon] = random.integers(110, 200)
    picture[horizon:] = random.integers(60, 150)
    for _ in range(int(random.integers(1, 5))):
        left, top, width, height = (int(random.uniform(*span)) for span in ((0, 1200), (0, 200), (60, 260), (80, 300)))
        corner = left + width, top + height
        cv2.rectangle(picture, (left, top), corner, int(random.integers(60, 250)), -1)
        cv2.rectangle(picture, (left, top), corner, int(random.integers(40, 120)), 4)
        if random.random() < 0.5:
            cv2.line(picture, (left + width // 2, top), (left + width // 2, top + height), 70, 3)
    for _ in range(int(random.integers(0, 3))):
        at = tuple(random.integers((40, 40), (900, 300)))
        _write_lines(picture, random, at, size=random.uniform(0.6, 2), count=4)
    for _ in range(int(random.integers(1, 7))):
        _stand_person(picture, random, horizon)
    return picture


def cloth(random: Random) -> Gray:
    """Somebody's clothes: a weave, checks or stripes, with folds."""
    base, contrast = random.integers(50, 190), random.uniform(4, 50)
    periods = random.uniform(3, 40, 2)
    kind = random.random()
    across = np.sin(np.arange(WIDTH, dtype=np.float32) * np.float32(2 * np.pi / periods[0]))
    down = np.sin(np.arange(HEIGHT, dtype=np.float32) * np.float32(2 * np.pi / periods[1]))
    if kind < 0.4:  # checks
        across, down = np.sign(across), np.sign(down)
    elif kind < 0.6:  # stripes
        down = np.ones_like(down)
    weave = base + np.float32(contrast / 2) * (across[None, :] + down[:, None])
    return np.asarray(cv2.add(weave, smooth(random, 12, 25), dtype=cv2.CV_8U), np.uint8)


def poster(random: Random) -> Gray:
    """A wall of print: headings, lines of text, pictures in frames."""
    picture = np.full((HEIGHT, WIDTH), random.integers(170, 250), np.uint8)
    for _ in range(int(random.integers(3, 7))):
        at = tuple(random.integers((0, 30), (1000, 640)))
        _write_lines(picture, random, at, size=random.uniform(0.4, 1.6), count=int(random.integers(3, 9)))
    for _ in range(int(random.integers(0, 3))):
        left, top = (int(one) for one in random.integers((0, 0), (1000, 500)))
        patch = smooth(random, 50, 40)[top : top + 200, left : left + 260] + random.integers(70, 180)
        picture[top : top + 200, left : left + 260] = _clipped(patch)
    return picture


def gradient(random: Random) -> Gray:
    """A wall, the sky, a coat: nothing but soft light."""
    return _clipped(smooth(random, random.uniform(5, 40), 30) + random.uniform(60, 200))


BACKGROUNDS: Final[tuple[Callable[[Random], Gray], ...]] = (table, hall, cloth, poster, gradient)


def smooth(random: Random, strength: float, scale: int) -> Floats:
    """Soft hills and valleys around 0, 720 × 1280: `strength` is their spread, `scale` how many fit the width."""
    small = random.standard_normal((max(3, scale * 9 // 16), scale), np.float32) * np.float32(strength)
    quarter = cv2.resize(small, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(quarter, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.float32)


def light_field(light: float, random: Random) -> Gray:
    """How much light falls on each place (160 is all of it): a slope, a lamp, dark corners."""
    down, across = np.mgrid[-1:1:18j, -1:1:32j]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0, 0.25) * (np.cos(angle) * across + np.sin(angle) * down)
    lamp_x, lamp_y = random.uniform(-1, 1, 2)
    lamp = random.uniform(0, 0.25) * np.exp(-((across - lamp_x) ** 2 + (down - lamp_y) ** 2) / 0.4)
    field = light * (1 + slope + lamp - 0.1 * (across**2 + down**2))
    small = np.clip(field * 160, 8, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def blurred(picture: Gray, sigma: float) -> Gray:
    """The picture out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def any_text(random: Random, length: int) -> str:
    """Letters as a text has them."""
    return "".join(random.choice(LETTERS, length))


def _grained(random: Random) -> Gray:
    rows = random.standard_normal((HEIGHT // 2, 12), np.float32) * np.float32(random.uniform(3, 16))
    grain = cv2.resize(rows, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(grain, smooth(random, 8, 9) + random.uniform(70, 190), dtype=cv2.CV_8U), np.uint8)


def _lay_paper(picture: Gray, random: Random) -> None:
    """A sheet, a leaflet or a ticket, at any angle, with lines on it."""
    centre = random.uniform((0, 0), (WIDTH, HEIGHT))
    width, height = random.uniform(80, 420, 2)
    angle = random.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    right, down = width / 2 * along, height / 2 * across
    corners = [centre - right - down, centre + right - down, centre + right + down, centre - right + down]
    tone = int(random.integers(90, 250))
    cv2.fillConvexPoly(picture, np.array(corners, np.int32), tone, cv2.LINE_AA)
    step = random.uniform(9, 26)
    for number in range(int(height / step) - 2):
        start = corners[0] + across * step * (number + 1) + along * width * 0.1
        end = start + along * width * random.uniform(0.4, 0.8)
        (x1, y1), (x2, y2) = start.astype(int).tolist(), end.astype(int).tolist()
        cv2.line(picture, (x1, y1), (x2, y2), max(0, tone - 110), int(random.integers(1, 5)), cv2.LINE_AA)


def _stand_cup(picture: Gray, random: Random) -> None:
    centre = tuple(int(one) for one in random.integers((0, 0), (WIDTH, HEIGHT)))
    radius = int(random.integers(30, 90))
    for share in (1.0, 0.85, 0.7):
        cv2.circle(picture, centre, int(radius * share), int(random.integers(30, 250)), -1, cv2.LINE_AA)


def _stand_person(picture: Gray, random: Random, horizon: int) -> None:
    """A head over shoulders, with hair, eyes and a mouth when near enough to show them."""
    size = float(random.uniform(15, 90))
    x, y = int(random.uniform(0, WIDTH)), int(horizon - random.uniform(0, 2) * size)
    coat, skin, hair = (int(random.integers(*span)) for span in ((20, 220), (110, 210), (15, 120)))
    cv2.ellipse(picture, (x, int(y + size * 3)), (int(size * 1.6), int(size * 2.2)), 0, 0, 360, coat, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, int(y - size * 0.2)), (int(size * 0.8), int(size)), 0, 0, 360, hair, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (x, int(y + size * 0.1)), (int(size * 0.7), int(size * 0.9)), 0, 0, 360, skin, -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = int(x + side * size * 0.3), y
        cv2.circle(picture, eye, max(1, int(size * 0.09)), 35, -1, cv2.LINE_AA)
    mouth = int(size * 0.25), int(size * 0.08)
    cv2.ellipse(picture, (x, int(y + size * 0.5)), mouth, 0, 0, 360, skin // 2, -1, cv2.LINE_AA)


def _write_lines(picture: Gray, random: Random, at: tuple[int, ...], size: float, count: int) -> None:
    left, top = (int(one) for one in at)
    font, ink = int(random.choice(FONTS)), int(random.integers(10, 90))
    for number in range(count):
        text = any_text(random, int(random.integers(6, 40)))
        place = left, int(top + number * size * 34)
        cv2.putText(picture, text, place, font, size, ink, max(1, int(size * 1.5)), cv2.LINE_AA)


def _clipped(values: Floats) -> Gray:
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0)), np.uint8)
