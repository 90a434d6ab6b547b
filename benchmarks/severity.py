"""How hard each of the fourteen conditions is: what a single take of it is drawn from. The ranges lie near those that
decoders were first compared with, set so that zxing-cpp alone reads 80 to 86 % of all frames, and pyzbar at most 55 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.held import Kind
from benchmarks.scenery import Random

USUAL_SHUTTER, LOW_SHUTTER, MOTION_SHUTTER = 0.12, 0.35, 0.5
"""The part of a frame's 67 ms during which the shutter is open."""


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


def _some_kind(random: Random) -> Kind:
    kinds: tuple[Kind, ...] = ("card", "card", "sheet", "phone")
    return kinds[int(random.integers(len(kinds)))]


def _usual(random: Random, kind: Kind | None = None, **changed: float | bool) -> Severity:
    """Held as a careful person holds it: turned and tilted a little, in focus, well lit; changed as said."""
    usual: dict[str, float | bool] = {
        "roll": random.uniform(-15, 15),
        "tilt": random.uniform(0, 15),
        "sharpness": random.uniform(0.65, 0.95),
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
    return _usual(random, defocus=random.uniform(1.7, 3.4))


def _low_light(random: Random) -> Severity:
    """A dim hall: the camera turns up its gain, noise and all, and leaves the shutter open for longer."""
    light, noise = random.uniform(0.36, 0.58), random.uniform(10, 14)
    return _usual(random, light=light, read_noise=noise, shot_noise=random.uniform(0.2, 0.7), shutter=LOW_SHUTTER)


def _glare(random: Random) -> Severity:
    return _usual(random, "card", glare=random.uniform(0.05, 0.16), tilt=random.uniform(0, 25))


def _moire(random: Random) -> Severity:
    return _usual(random, "phone", moire=random.uniform(0.12, 0.3), light=random.uniform(0.5, 0.9))


def _three_pixels(random: Random) -> Severity:
    return _usual(random, module_pixels=3.0, sharpness=random.uniform(0.75, 1.05))


def _two_and_a_half_pixels(random: Random) -> Severity:
    return _usual(random, module_pixels=2.5, sharpness=random.uniform(0.65, 0.85))


def _two_pixels(random: Random) -> Severity:
    """As small as a lens that is sharp to the pixel still shows: 2 pixels a module are Nyquist's limit."""
    return _usual(
        random,
        module_pixels=2.0,
        tilt=random.uniform(0, 8),
        sharpness=random.uniform(0.52, 0.66),
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
        defocus=random.uniform(0.2, 0.9),
        motion_modules=random.uniform(0.1, 0.8),
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
