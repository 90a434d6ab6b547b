"""Draws people before a booth's camera, as the JPEG pictures it sends: each with a card or phone of their own, and
nobody. All is drawn before anything is measured, and nothing of it twice: another run has others at another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.ground import Ground
from demo.pictures import Booth, Bytes, to_jpeg
from kiosk.health import look_of, points_of
from kiosk.sight import CameraState
from sync.envelope import MEMBER
from sync.token import write_token


class Person(NamedTuple):
    """A member, and some pictures of the same code in a hand that trembles."""

    member: int
    pictures: tuple[bytes, ...]


class Crowd(NamedTuple):
    """Everybody who comes to one camera, and pictures of it when nobody is there."""

    people: list[Person]
    nobody: list[bytes]


def crowd(ground: Ground, pictures_each: int, pictures_of_nobody: int) -> Crowd:
    """Draw every member of `ground` before one camera, half of them with a phone: some 60 ms, and 20 a picture."""
    place, nobody = _place(pictures_of_nobody)
    people = []
    for number, (member, text) in enumerate(zip(ground.members, tokens(ground, ground.members), strict=True)):
        shown = place.show(text, "phone" if number % 2 else "card")
        people.append(Person(member, tuple(to_jpeg(place.frame(shown)) for _ in range(pictures_each))))
    return Crowd(people, nobody)


def tokens(ground: Ground, members: Iterable[int]) -> Iterator[str]:
    """Sign a first card for each of these members, and yield its text."""
    key = ground.hub.keyring.signer(MEMBER)
    for member in members:
        yield write_token(key, member, 1)


def _place(pictures: int) -> tuple[Booth, list[bytes]]:
    """Draw a place and nobody at it, anew while a booth would take it for a covered lens and say so all the time."""
    while True:
        place = Booth(np.random.default_rng())
        nobody = [place.frame(None) for _ in range(pictures)]
        if all(look_of(points_of(_gray(picture))) is CameraState.GOOD for picture in nobody):
            return place, [to_jpeg(picture) for picture in nobody]


def _gray(picture: Bytes) -> Bytes:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
