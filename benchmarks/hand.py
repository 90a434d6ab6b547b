"""How a hand moves that holds a card before the camera, from frame to frame at 15 frames a second. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.held import MODULES
from benchmarks.scenery import HEIGHT, WIDTH, Random
from benchmarks.severity import Severity

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Moment:
    """Where the hand is in one frame of a take: differences from how the take began."""

    shift: tuple[float, float]
    """Pixels."""
    roll: float
    nearer: float
    """A factor on size."""
    tilt: tuple[float, float]
    """Degrees about the card's two axes."""
    smear: float
    """Pixels moved while the shutter was open, in the direction of `smear_angle` (radians)."""
    smear_angle: float
    breath: float
    """A factor on defocus."""
    finger: tuple[float, float]
    """Pixels on the card."""


def moments(severity: Severity, at: tuple[float, float], random: Random) -> Iterator[Moment]:
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
        wavering = 0.7 * wavering + random.normal(0, 0.18)
        to_the_middle = np.arctan2(HEIGHT / 2 - place[1], WIDTH / 2 - place[0])
        if random.random() < 0.15 or not _is_inside(place, MODULES * severity.module_pixels * 0.75):
            direction = to_the_middle
        direction += random.normal(0, 0.25)


def _is_inside(place: Doubles, margin: float) -> bool:
    return bool(margin <= place[0] <= WIDTH - margin and margin <= place[1] <= HEIGHT - margin)
