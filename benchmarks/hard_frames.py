"""Renders what a booth's camera sees when reading is hard: single frames of fourteen conditions, and bursts of the same
card as a camera of 15 frames a second sees it. 1280 × 720, gray. All chance comes from the generator handed in.

**A frame** goes the way light goes. A flat thing (benchmarks/held.py) lies in space and is projected by a pinhole of
1,400 pixels; every pixel gathers the light of its area (2 × 2 or 3 × 3 samples). A screen's grid beats with the
sensor's (moiré); a finger lies on top; a lamp is mirrored in the laminate (added light, which clips). Then the lens
blurs it: half of the variance of a defocus is a disc, as a pupil makes it, half a bell, as aberration, colour filter
and pixel make it. What moves while the shutter is open is smeared along a line. Sensor noise is drawn afresh for every
frame: a part that is always there and a part that grows with the light (variance = read² + shot × brightness), a little
correlated between neighbours, as demosaicing leaves it. At last a JPEG of quality 85.

**A burst** is one take of 8 moments, 67 ms apart. The first moment of a burst and a single frame are drawn alike.
- *Hand*: the card moves by 0.5 to 6 pixels a frame at 5 pixels a module (0.08 to 1 mm: from a calm hand to an old
  one's; fewer pixels for a smaller, farther code). The velocity follows itself by a factor between -0.4 (a tremor of
  5 Hz, seen at 15 Hz, turns back each frame) and 0.8 (drift). Roll wanders by some 0.15°, distance by 0.3 %, tilt by
  0.2° to 0.5° a frame, each drawn back to where it began.
- *Smear* is velocity × the time the shutter is open: 8 ms, in low light 23 ms. In "motion blur" the card is carried
  past with the shutter open for 33 ms: 1 to 2.4 modules of smear mean 2 to 4.8 modules of way a frame; speed wavers by
  a quarter from frame to frame, the direction turns, and now and then the hand turns back.
- *Glare*: the spot moves by 2 × focal length × change of tilt, as in a mirror (0.3° are 15 pixels).
- *Defocus* breathes by some 5 %. *Moiré* has another phase in every frame. A *finger* shifts on the card by about a
  pixel a frame and otherwise goes along with it.
- Background, light, text, camera and noise level stay; noise does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.held import FLAT_PIXELS, MODULES, Held, Kind, held
from benchmarks.scenery import HEIGHT, WIDTH, Floats, Gray, Random, background

FOCAL_PIXELS: Final = 1400.0
JPEG_QUALITY: Final = 85
USUAL_SHUTTER, LOW_SHUTTER, MOTION_SHUTTER = 0.12, 0.35, 0.5
"""The part of a frame's 67 ms during which the shutter is open."""
MARGIN: Final = 24  # pixels around the held thing that blur may reach

Doubles = NDArray[np.float64]


class Hard(NamedTuple):
    """A frame (720 × 1280, 8 bits) and the text of the code in it."""

    gray: Gray
    text: str


@dataclass(frozen=True)
class Severity:
    """How hard a take is. Angles in degrees, lengths in pixels of the frame unless they say modules."""

    kind: Kind
    module_pixels: float = 5.0
    roll: float = 0.0
    tilt: float = 0.0
    sharpness: float = 0.75
    """The spread of the lens and the pixel when in focus."""
    defocus: float = 0.0
    motion_modules: float = 0.0
    shutter: float = USUAL_SHUTTER
    light: float = 0.9
    read_noise: float = 2.0
    shot_noise: float = 0.03
    glare: float = 0.0
    """The spread of the mirrored lamp, as a part of the code's side."""
    moire: float = 0.0
    cover_modules: float = 0.0
    """How far a fingertip reaches into the code."""
    is_inverted: bool = False


@dataclass(frozen=True)
class Moment:
    """Where the hand is in one frame of a take: differences from how the take began."""

    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    nearer: float = 1.0
    tilt: tuple[float, float] = (0.0, 0.0)
    smear: float = 0.0
    """Pixels moved while the shutter was open, in the direction of `smear_angle`."""
    smear_angle: float = 0.0
    breath: float = 1.0
    finger: tuple[float, float] = (0.0, 0.0)


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
    glare_shape: tuple[float, float, float]
    finger_from: float
    finger_width: float
    finger_aside: float
    skin: int


def frame(condition: str, random: Random) -> Hard:
    """One frame of a condition. Some 15 ms of CPU."""
    return burst(condition, random, count=1)[0]


def burst(condition: str, random: Random, count: int = 8) -> list[Hard]:
    """So many consecutive frames of one take; the first is drawn as `frame` draws it."""
    take = _take(CONDITIONS[condition](random), random)
    moments = _moments(take.severity, take.at, random)
    return [Hard(_photograph(take, next(moments), random), take.held.text) for _ in range(count)]


# --- how hard each condition is


def _some_kind(random: Random) -> Kind:
    kinds: tuple[Kind, ...] = ("card", "card", "sheet", "phone")
    return kinds[int(random.integers(len(kinds)))]


def _usual(random: Random, kind: Kind | None = None, **changed: float | bool) -> Severity:
    """Held as a careful person holds it: turned and tilted a little, in focus, well lit; changed as said."""
    usual: dict[str, float | bool] = {
        "roll": random.uniform(-15, 15),
        "tilt": random.uniform(0, 15),
        "sharpness": random.uniform(0.6, 0.9),
        "light": random.uniform(0.6, 1.0),
        "read_noise": random.uniform(1.5, 3),
        "shot_noise": random.uniform(0.02, 0.05),
    }
    return Severity(kind or _some_kind(random), **(usual | changed))  # type: ignore[arg-type]


def _clean(random: Random) -> Severity:
    return _usual(random)


def _rotation(random: Random) -> Severity:
    return _usual(random, roll=random.uniform(0, 360))


def _perspective(random: Random) -> Severity:
    return _usual(random, roll=random.uniform(-30, 30), tilt=random.uniform(40, 60))


def _motion_blur(random: Random) -> Severity:
    return _usual(random, motion_modules=random.uniform(1, 2.4), shutter=MOTION_SHUTTER)


def _defocus(random: Random) -> Severity:
    return _usual(random, defocus=random.uniform(1.8, 3.6))


def _low_light(random: Random) -> Severity:
    light, noise = random.uniform(0.25, 0.45), random.uniform(7, 13)
    return _usual(random, light=light, read_noise=noise, shot_noise=random.uniform(0.2, 0.7), shutter=LOW_SHUTTER)


def _glare(random: Random) -> Severity:
    return _usual(random, "card", glare=random.uniform(0.05, 0.16), tilt=random.uniform(0, 25))


def _moire(random: Random) -> Severity:
    return _usual(random, "phone", moire=random.uniform(0.12, 0.3), light=random.uniform(0.5, 0.9))


def _three_pixels(random: Random) -> Severity:
    return _usual(random, module_pixels=3.0)


def _two_and_a_half_pixels(random: Random) -> Severity:
    return _usual(random, module_pixels=2.5)


def _two_pixels(random: Random) -> Severity:
    """As small as a lens that is sharp to the pixel still shows: 2 pixels a module are Nyquist's limit."""
    return _usual(
        random,
        module_pixels=2.0,
        tilt=random.uniform(0, 8),
        sharpness=random.uniform(0.52, 0.65),
        light=random.uniform(0.75, 1.0),
    )


def _inverted(random: Random) -> Severity:
    return _usual(random, "phone", is_inverted=True)


def _covered(random: Random) -> Severity:
    return _usual(random, cover_modules=random.uniform(1, 12))


def _mixed(random: Random) -> Severity:
    return _usual(
        random,
        module_pixels=random.uniform(3, 4.5),
        roll=random.uniform(0, 360),
        tilt=random.uniform(10, 35),
        defocus=random.uniform(0.2, 1.0),
        motion_modules=random.uniform(0.1, 0.9),
        shutter=LOW_SHUTTER,
        light=random.uniform(0.45, 0.9),
        read_noise=random.uniform(3, 7),
        shot_noise=random.uniform(0.05, 0.3),
    )


CONDITIONS: Final[Mapping[str, Callable[[Random], Severity]]] = {
    "clean": _clean,
    "rotation": _rotation,
    "perspective": _perspective,
    "motion blur": _motion_blur,
    "defocus": _defocus,
    "low light": _low_light,
    "glare": _glare,
    "phone moire": _moire,
    "3 px/module": _three_pixels,
    "2.5 px/module": _two_and_a_half_pixels,
    "2 px/module": _two_pixels,
    "inverted": _inverted,
    "covered": _covered,
    "mixed": _mixed,
}


# --- the hand


def _take(severity: Severity, random: Random) -> Take:
    light = _light_field(severity.light, random)
    side = MODULES * severity.module_pixels
    return Take(
        severity=severity,
        held=held(random, severity.kind, is_inverted=severity.is_inverted),
        place=_lit(background(random), light),
        light=light,
        at=(random.uniform(side, WIDTH - side), random.uniform(side * 0.8, HEIGHT - side * 0.8)),
        tilt_axis=random.uniform(0, 2 * np.pi),
        glare_at=(random.uniform(-0.45, 0.45) * side, random.uniform(-0.45, 0.45) * side),
        glare_shape=(random.uniform(250, 600), random.uniform(0.6, 1.0), random.uniform(0, np.pi)),
        finger_from=random.uniform(0, 2 * np.pi),
        finger_width=random.uniform(15, 22),
        finger_aside=random.uniform(-0.45, 0.45),
        skin=int(random.integers(95, 190)),
    )


def _moments(severity: Severity, at: tuple[float, float], random: Random) -> Iterator[Moment]:
    """The moments of a take, 67 ms apart, without end."""
    step = np.exp(random.uniform(np.log(0.5), np.log(4))) * severity.module_pixels / 5
    follows = random.uniform(-0.4, 0.8)
    wobble = random.uniform(0.2, 0.5)
    carry = _carried(severity, at, random)
    velocity = random.normal(0, step / np.sqrt(2), 2)
    shift, tilt, finger = np.zeros(2), np.zeros(2), np.zeros(2)
    roll, nearer, breath = 0.0, 0.0, 0.0
    while True:
        way = velocity + next(carry)
        smear = way * severity.shutter
        yield Moment(
            shift=(float(shift[0]), float(shift[1])),
            roll=roll,
            nearer=1 + nearer,
            tilt=(float(tilt[0]), float(tilt[1])),
            smear=float(np.hypot(*smear)),
            smear_angle=float(np.arctan2(smear[1], smear[0])),
            breath=1 + breath,
            finger=(float(finger[0]), float(finger[1])),
        )
        shift = shift + way
        velocity = follows * velocity + np.sqrt(1 - follows**2) * random.normal(0, step / np.sqrt(2), 2)
        tilt = 0.9 * tilt + random.normal(0, wobble, 2)
        finger = 0.9 * finger + random.normal(0, 0.7, 2)
        roll = 0.9 * roll + random.normal(0, 0.15)
        nearer = 0.9 * nearer + random.normal(0, 0.003)
        breath = 0.5 * breath + random.normal(0, 0.045)


def _carried(severity: Severity, at: tuple[float, float], random: Random) -> Iterator[Doubles]:
    """The way a card makes in each frame that is carried past, in pixels; nothing where it is held."""
    usual = severity.motion_modules * severity.module_pixels / severity.shutter
    direction = random.uniform(0, 2 * np.pi)
    wavering, place = 0.0, np.array(at)
    while True:
        way = usual * np.exp(wavering) * np.array([np.cos(direction), np.sin(direction)])
        yield way
        place = place + way
        wavering = 0.5 * wavering + random.normal(0, 0.22)
        to_the_middle = np.arctan2(HEIGHT / 2 - place[1], WIDTH / 2 - place[0])
        if random.random() < 0.15 or not _is_inside(place, MODULES * severity.module_pixels * 0.75):
            direction = to_the_middle
        direction += random.normal(0, 0.35)


def _is_inside(place: Doubles, margin: float) -> bool:
    return bool(margin <= place[0] <= WIDTH - margin and margin <= place[1] <= HEIGHT - margin)


# --- the camera


def _photograph(take: Take, moment: Moment, random: Random) -> Gray:
    severity = take.severity
    view = _view(take, moment)
    left, top, right, bottom = _reach(take.held, view)
    gray = take.place.copy()
    if right > left and bottom > top:
        box = (slice(top, bottom), slice(left, right))
        layers = _seen(take.held, view, (left, top, right, bottom), samples=2 if severity.module_pixels >= 4 else 3)
        if severity.moire:
            layers[:, :, 0] = _beating(layers[:, :, 0], severity.moire, random)
        if severity.cover_modules:
            _lay_finger(layers, take, moment, view, (left, top))
        layers[:, :, 0] = _lit(layers[:, :, 0], take.light[box] if not take.held.shines else take.light[box] // 2 + 80)
        if severity.glare:
            _mirror_lamp(layers, take, moment, (left, top))
        layers = _through_the_lens(layers, severity, moment)
        rest = cv2.multiply(gray[box], 255 - layers[:, :, 1], scale=1 / 255)
        gray[box] = cv2.add(rest, cv2.multiply(layers[:, :, 0], layers[:, :, 1], scale=1 / 255))
    return _jpeg_and_back(_with_noise(gray, severity, random))


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


def _reach(thing: Held, view: Doubles) -> tuple[int, int, int, int]:
    """The box of the frame that the thing and its blur can reach: left, top, right, bottom."""
    points = _corners(thing, view)
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
    corners = np.round((_corners(thing, view) - (left, top)) * 16).astype(np.int32)
    cv2.fillConvexPoly(alpha, corners, 255, cv2.LINE_AA, 4)
    return np.dstack([cv2.resize(gray, size, interpolation=cv2.INTER_AREA), alpha])


def _corners(thing: Held, view: Doubles) -> Doubles:
    height, width = thing.flat.shape
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    return np.asarray(cv2.perspectiveTransform(corners, view)[0], np.float64)


def _beating(gray: Gray, strength: float, random: Random) -> Gray:
    """A screen whose grid beats with the sensor's: two waves of 3 to 14 pixels, of another phase in every frame."""
    height, width = gray.shape
    pattern = np.ones((height, width), np.float32)
    for share in (0.65, 0.35):
        angle, turn = random.uniform(0, 2 * np.pi, 2)
        length = random.uniform(3, 14)
        x = np.exp(1j * (2 * np.pi * np.cos(angle) / length * np.arange(width) + turn)).astype(np.complex64)
        y = np.exp(1j * (2 * np.pi * np.sin(angle) / length * np.arange(height))).astype(np.complex64)
        pattern += np.float32(share * strength) * np.multiply.outer(y, x).real
    return np.asarray(cv2.multiply(gray, pattern, dtype=cv2.CV_8U), np.uint8)


def _lay_finger(layers: Gray, take: Take, moment: Moment, view: Doubles, corner: tuple[int, int]) -> None:
    """A finger over an edge of the code: light on its ridge, dark at its sides."""
    inward = np.array([np.cos(take.finger_from), np.sin(take.finger_from)])
    aside = np.array([-inward[1], inward[0]]) * take.finger_aside * MODULES
    edge = MODULES / 2 / np.max(np.abs(inward))
    width = take.finger_width
    reach = take.severity.cover_modules
    tip = (edge - reach + width / 2) * inward + aside
    root = (edge + 60) * inward + aside
    points = np.array([[tip, root]]) * FLAT_PIXELS + take.held.centre
    in_frame = cv2.perspectiveTransform(points, view)[0] + np.array(moment.finger) - corner
    start, end = (tuple(round(one * 16) for one in point) for point in in_frame)
    module_pixels = take.severity.module_pixels * moment.nearer
    for share, tone in ((1.0, 0.55), (0.85, 0.8), (0.6, 1.0)):
        thickness = max(1, round(width * module_pixels * share))
        colour = (int(take.skin * tone), 255)
        cv2.line(layers, start, end, colour, thickness, cv2.LINE_AA, 4)


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


def _through_the_lens(layers: Gray, severity: Severity, moment: Moment) -> Gray:
    defocus = severity.defocus * moment.breath
    spread = float(np.hypot(severity.sharpness, defocus / np.sqrt(2)))
    layers = np.asarray(cv2.GaussianBlur(layers, (0, 0), spread), np.uint8)
    if defocus > 0.8:
        layers = np.asarray(cv2.filter2D(layers, -1, _disc(defocus * np.sqrt(2))), np.uint8)
    if moment.smear > 0.5:
        layers = np.asarray(cv2.filter2D(layers, -1, _line(moment.smear, moment.smear_angle)), np.uint8)
    return layers


def _disc(radius: float) -> Floats:
    """A disc of that radius, whose variance along an axis is radius² / 4."""
    half = int(np.ceil(radius))
    down, across = np.mgrid[-half : half + 1, -half : half + 1]
    disc = np.clip(radius + 0.5 - np.hypot(down, across), 0, 1).astype(np.float32)
    return np.asarray(disc / disc.sum(), np.float32)


def _line(length: float, angle: float) -> Floats:
    """A stretch of that length through the middle, one pixel thick."""
    half = int(np.ceil(length / 2))
    down, across = np.mgrid[-half : half + 1, -half : half + 1]
    along = np.abs(across * np.cos(angle) + down * np.sin(angle))
    aside = np.abs(down * np.cos(angle) - across * np.sin(angle))
    line = np.clip(length / 2 + 0.5 - along, 0, 1) * np.clip(1 - aside, 0, 1)
    return np.asarray(line / line.sum(), np.float32)


def _light_field(light: float, random: Random) -> Gray:
    """How much light falls on each place (160 is all of it): a slope, a lamp, dark corners."""
    down, across = np.mgrid[-1:1:18j, -1:1:32j]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0, 0.25) * (np.cos(angle) * across + np.sin(angle) * down)
    lamp_x, lamp_y = random.uniform(-1, 1, 2)
    lamp = random.uniform(0, 0.25) * np.exp(-((across - lamp_x) ** 2 + (down - lamp_y) ** 2) / 0.4)
    field = light * (1 + slope + lamp - 0.1 * (across**2 + down**2))
    small = np.clip(field * 160, 8, 255).astype(np.uint8)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def _lit(gray: Gray, light: Gray) -> Gray:
    return np.asarray(cv2.multiply(gray, light, scale=1 / 160), np.uint8)


def _with_noise(gray: Gray, severity: Severity, random: Random) -> Gray:
    cv2.setRNGSeed(int(random.integers(2**31)))
    noise = np.empty(gray.shape, np.float32)
    cv2.randn(noise, ZERO, ONE)
    cv2.GaussianBlur(noise, (3, 3), 0.45, dst=noise)
    levels = np.sqrt(severity.read_noise**2 + severity.shot_noise * np.arange(256)) * NOISE_KEPT
    spread = cv2.LUT(gray, levels.astype(np.float32))
    return np.asarray(cv2.add(gray, cv2.multiply(noise, spread), dtype=cv2.CV_8U), np.uint8)


def _blur_keeps(sigma: float) -> float:
    return float(np.square(cv2.getGaussianKernel(3, sigma)).sum())


ZERO, ONE = np.zeros(1), np.ones(1)
NOISE_KEPT: Final = 1 / _blur_keeps(0.45)
"""What the little blur of the noise takes from its spread is given back."""


def _jpeg_and_back(gray: Gray) -> Gray:
    _, encoded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
