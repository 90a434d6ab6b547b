"""Renders what a booth's camera sees when reading is hard: single frames of fourteen conditions, and bursts of the same
card as a camera of 15 frames a second sees it. 1280 × 720, gray. All chance comes from the generator handed in.

**A frame** goes the way light goes. A flat thing (benchmarks/held.py) lies in space and is projected by a pinhole of
1,400 pixels; every pixel gathers the light of its area (2 × 2 or 3 × 3 samples). A screen's grid beats with the
sensor's (moiré); a finger lies on top; a lamp is mirrored in the laminate (added light, which clips). Then the lens
blurs it: half of the variance of a defocus is a disc, as a pupil makes it, half a bell, as aberration, colour filter
and pixel make it. What moves while the shutter is open is smeared along a line. Sensor noise is drawn afresh for every
frame: a part that is always there and a part that grows with the light (variance = read² + shot × brightness), a
little correlated between neighbours, as demosaicing leaves it. At last a JPEG of quality 85.

**A burst** is one take of 8 moments, 67 ms apart (benchmarks/hand.py). Its first moment is drawn as a single frame is.
- *Hand*: the card moves by 0.5 to 6 pixels a frame at 5 pixels a module (0.08 to 1 mm: from a calm hand to an old
  one's; fewer pixels for a smaller, farther code). The velocity follows itself by a factor between -0.4 (a tremor of
  5 Hz, seen at 15 Hz, turns back each frame) and 0.8 (drift). Roll wanders by some 0.15°, distance by 0.3 %, tilt by
  0.2° to 0.5° a frame, each drawn back to where it began.
- *Smear* is velocity × the time the shutter is open: 8 ms, in low light 23 ms. In "motion blur" the card is carried
  past with the shutter open for 33 ms: 1 to 2.4 modules of smear mean 2 to 4.8 modules of way a frame; speed wavers by
  a quarter over some frames, the direction turns, and now and then the hand turns back.
- *Glare*: the spot moves by 2 × focal length × change of tilt, as in a mirror (0.3° are 15 pixels).
- *Defocus* breathes by some 5 %. *Moiré* has another phase in every frame, and nearly the same waves. A *finger* shifts
  on the card by about a pixel a frame and otherwise goes along with it.
- Background, light, text, camera and noise level stay; noise does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from benchmarks.hand import Doubles, Moment, moments
from benchmarks.held import FLAT_PIXELS, MODULES, Held, held
from benchmarks.lens import jpeg_and_back, lit, through_the_lens, with_noise
from benchmarks.scenery import HEIGHT, WIDTH, Gray, Random, background, light_field
from benchmarks.severity import CONDITIONS, Severity

FOCAL_PIXELS: Final = 1400.0
MARGIN: Final = 24  # pixels around the held thing that blur may reach
FINGER_MODULES: Final = 45  # of a finger that are seen beside the code


class Hard(NamedTuple):
    """A frame (720 × 1280, 8 bits) and the text of the code in it."""

    gray: Gray
    text: str


@dataclass(frozen=True, eq=False)
class Take:
    """All that stays while somebody holds one thing before the camera."""

    severity: Severity
    held: Held
    place: Gray
    light: Gray
    at: tuple[float, float]
    tilt_axis: float
    glare_at: tuple[float, float]
    """Pixels from the middle of the code."""
    glare_shape: tuple[float, float, float]
    """Strength at its middle, flatness, angle."""
    finger_from: float
    """The direction it comes from, in radians; width in modules; aside in sides of the code."""
    finger_width: float
    finger_aside: float
    skin: int
    """Brightness."""
    waves: tuple[tuple[float, float], tuple[float, float]]


def frame(condition: str, random: Random) -> Hard:
    """One frame of a condition. Some 15 ms of CPU."""
    return burst(condition, random, count=1)[0]


def burst(condition: str, random: Random, count: int = 8) -> list[Hard]:
    """So many consecutive frames of one take; the first is drawn as `frame` draws it."""
    take = _take(CONDITIONS[condition](random), random)
    hand = moments(take.severity, take.at, random)
    return [Hard(_photograph(take, next(hand), random), take.held.text) for _ in range(count)]


def _take(severity: Severity, random: Random) -> Take:
    light = light_field(severity.light, random)
    side = MODULES * severity.module_pixels
    return Take(
        severity=severity,
        held=held(random, severity.kind, is_inverted=severity.is_inverted),
        place=lit(background(random), light),
        light=light,
        at=(random.uniform(side, WIDTH - side), random.uniform(side * 0.8, HEIGHT - side * 0.8)),
        tilt_axis=random.uniform(0, 2 * np.pi),
        glare_at=(random.uniform(-0.45, 0.45) * side, random.uniform(-0.45, 0.45) * side),
        glare_shape=(random.uniform(250, 600), random.uniform(0.6, 1.0), random.uniform(0, np.pi)),
        finger_from=random.uniform(0, 2 * np.pi),
        finger_width=random.uniform(15, 22),
        finger_aside=random.uniform(-0.45, 0.45),
        skin=int(random.integers(95, 190)),
        waves=(_wave(random), _wave(random)),
    )


def _wave(random: Random) -> tuple[float, float]:
    """Direction and length, in pixels, of a wave of moiré."""
    return random.uniform(0, np.pi), random.uniform(3, 14)


# --- the picture


def _photograph(take: Take, moment: Moment, random: Random) -> Gray:
    """The frame of one moment: the place, and what is held before it, on its way through the camera."""
    severity = take.severity
    view = _view(take, moment)
    finger = _finger(take, moment, view) if severity.cover_modules else None
    left, top, right, bottom = box = _reach(_corners(take.held, view), finger)
    layers = _seen(take.held, view, box, samples=2 if severity.module_pixels >= 4 else 3)
    if severity.moire:
        layers[:, :, 0] = _beating(layers[:, :, 0], take, random)
    if finger is not None:
        _lay_finger(layers, finger - (left, top), take)
    light = take.light[top:bottom, left:right]
    layers[:, :, 0] = lit(layers[:, :, 0], light // 2 + 80 if take.held.shines else light)
    if severity.glare:
        _mirror_lamp(layers, take, moment, (left, top))
    layers = through_the_lens(layers, severity, moment)
    gray = take.place.copy()
    behind = gray[top:bottom, left:right]
    seen = cv2.multiply(layers[:, :, 0], layers[:, :, 1], scale=1 / 255)
    behind[:] = cv2.add(cv2.multiply(behind, 255 - layers[:, :, 1], scale=1 / 255), seen)
    return jpeg_and_back(with_noise(gray, severity.read_noise, severity.shot_noise, random))


def _view(take: Take, moment: Moment) -> Doubles:
    """How the flat thing falls on the sensor: 3 × 3, from pixels of the drawing to pixels of the frame."""
    severity = take.severity
    axis = np.array([np.cos(take.tilt_axis), np.sin(take.tilt_axis), 0])
    turned = _turn(np.radians(severity.tilt) * axis) @ _turn(np.radians([*moment.tilt, 0.0]))
    rotation = turned @ _turn(np.array([0, 0, np.radians(severity.roll + moment.roll)]))
    x, y = np.add(take.at, moment.shift)
    depth = FOCAL_PIXELS / (severity.module_pixels * moment.nearer)
    middle = depth * np.array([(x - WIDTH / 2) / FOCAL_PIXELS, (y - HEIGHT / 2) / FOCAL_PIXELS, 1])
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], middle])
    lens = np.array([[FOCAL_PIXELS, 0, WIDTH / 2], [0, FOCAL_PIXELS, HEIGHT / 2], [0, 0, 1]])
    unit = 1 / FLAT_PIXELS
    to_modules = np.array([[unit, 0, -take.held.centre[0] * unit], [0, unit, -take.held.centre[1] * unit], [0, 0, 1]])
    return np.asarray(lens @ plane @ to_modules, np.float64)


def _turn(vector: Doubles) -> Doubles:
    return np.asarray(cv2.Rodrigues(np.asarray(vector, np.float64))[0], np.float64)


def _reach(corners: Doubles, finger: Doubles | None) -> tuple[int, int, int, int]:
    """The box of the frame that the thing, a finger and their blur can reach: left, top, right, bottom."""
    points = corners if finger is None else np.vstack([corners, finger])
    left, top = np.floor(points.min(axis=0)).astype(int) - MARGIN
    right, bottom = np.ceil(points.max(axis=0)).astype(int) + MARGIN
    return max(0, int(left)), max(0, int(top)), min(WIDTH, int(right)), min(HEIGHT, int(bottom))


def _seen(thing: Held, view: Doubles, box: tuple[int, int, int, int], samples: int) -> Gray:
    """The thing in its box (height × width × 2: gray and alpha), each pixel the mean of samples × samples."""
    left, top, right, bottom = box
    size = (right - left, bottom - top)
    # A pixel's centre lies at +0.5 both here and in the enlarged picture.
    half = (samples - 1) / 2
    enlarge = np.array([[samples, 0, half - samples * left], [0, samples, half - samples * top], [0, 0, 1.0]])
    large = (size[0] * samples, size[1] * samples)
    gray = cv2.warpPerspective(thing.flat, enlarge @ view, large, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.zeros((size[1], size[0]), np.uint8)
    outline = np.round((_corners(thing, view) - (left, top)) * 16).astype(np.int32)
    cv2.fillConvexPoly(alpha, outline, 255, cv2.LINE_AA, 4)
    return np.dstack([cv2.resize(gray, size, interpolation=cv2.INTER_AREA), alpha])


def _corners(thing: Held, view: Doubles) -> Doubles:
    """Where the thing's four corners fall in the frame (4 × 2)."""
    height, width = thing.flat.shape
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    return np.asarray(cv2.perspectiveTransform(corners, view)[0], np.float64)


def _beating(gray: Gray, take: Take, random: Random) -> Gray:
    """A screen whose grid beats with the sensor's: two waves, each time of another phase and length."""
    height, width = gray.shape
    pattern = np.ones((height, width), np.float32)
    for share, (angle, length) in zip((0.65, 0.35), take.waves, strict=True):
        rate = 2 * np.pi / length * random.uniform(0.9, 1.1)
        across = np.exp(1j * (rate * np.cos(angle) * np.arange(width) + random.uniform(0, 2 * np.pi)))
        down = np.exp(1j * rate * np.sin(angle) * np.arange(height))
        pattern += np.float32(share * take.severity.moire) * np.multiply.outer(down, across).real.astype(np.float32)
    return np.asarray(cv2.multiply(gray, pattern, dtype=cv2.CV_8U), np.uint8)


def _finger(take: Take, moment: Moment, view: Doubles) -> Doubles:
    """A finger over an edge of the code, in the frame: the middle of its round tip and a point behind (2 × 2)."""
    inward = np.array([np.cos(take.finger_from), np.sin(take.finger_from)])
    aside = np.array([-inward[1], inward[0]]) * take.finger_aside * MODULES
    edge = MODULES / 2 / np.max(np.abs(inward))
    tip = edge - take.severity.cover_modules + take.finger_width / 2
    points = np.array([tip * inward + aside, (edge + FINGER_MODULES) * inward + aside])
    on_the_flat = points * FLAT_PIXELS + take.held.centre
    return np.asarray(cv2.perspectiveTransform(on_the_flat[None], view)[0] + moment.finger, np.float64)


def _lay_finger(layers: Gray, finger: Doubles, take: Take) -> None:
    """Light on its ridge, dark at its sides."""
    (x1, y1), (x2, y2) = np.round(finger * 16).astype(int).tolist()
    width = take.finger_width * take.severity.module_pixels
    for share, tone in ((1.0, 0.55), (0.85, 0.8), (0.6, 1.0)):
        colour = (int(take.skin * tone), 255)
        cv2.line(layers, (x1, y1), (x2, y2), colour, max(1, round(width * share)), cv2.LINE_AA, 4)


def _mirror_lamp(layers: Gray, take: Take, moment: Moment, corner: tuple[int, int]) -> None:
    """Adds a lamp's mirror image: an ellipse that fades out, white in the middle where it clips."""
    severity = take.severity
    strength, flatness, angle = take.glare_shape
    spread = severity.glare * MODULES * severity.module_pixels
    mirrored = 2 * FOCAL_PIXELS * np.radians(moment.tilt)
    x, y = np.add(take.at, moment.shift) + np.array([mirrored[1], -mirrored[0]]) + take.glare_at - corner
    height, width = layers.shape[:2]
    down, across = np.mgrid[0:height:4, 0:width:4].astype(np.float32)
    along = (across - x) * np.cos(angle) + (down - y) * np.sin(angle)
    aside = (down - y) * np.cos(angle) - (across - x) * np.sin(angle)
    light = np.float32(strength) * np.exp(-((along / spread) ** 2 + (aside / (spread * flatness)) ** 2) / 2)
    layers[:, :, 0] = cv2.add(layers[:, :, 0], cv2.resize(light, (width, height)), dtype=cv2.CV_8U)
