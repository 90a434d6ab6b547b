"""Draws what people hold before the camera, flat and clean: a printed card, a sheet, a phone's screen, each with a code
of version 6-M that holds a member token of today's shape.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import zxingcpp

from benchmarks.scenery import FONTS, Gray, Random, any_text
from sync.envelope import SigningKey
from sync.member import with_check_digits
from sync.token import write_token

MODULES: Final = 41
"""A token of 145 characters is a code of version 6 at level M."""
QUIET: Final = 4
FLAT_PIXELS: Final = 8  # a module of a flat drawing
MEMBERS: Final = 10**12

Kind = Literal["card", "sheet", "phone"]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A flat thing: gray (8 pixels a module), where the middle of its code lies (x, y), its text, whether it shines."""

    flat: Gray
    centre: tuple[int, int]
    text: str
    shines: bool


def token(random: Random) -> str:
    """A member token signed by a key that nobody has."""
    key = SigningKey(random.bytes(32))
    return write_token(key, with_check_digits(int(random.integers(MEMBERS))), int(random.integers(1, 4)))


def held(random: Random, kind: Kind, *, is_inverted: bool = False) -> Held:
    """A thing of that kind with a fresh token on it; inverted: light modules on a dark ground, as in dark mode."""
    text = token(random)
    code = modules(text).repeat(FLAT_PIXELS, axis=0).repeat(FLAT_PIXELS, axis=1)
    if kind == "phone":
        flat, centre = _phone(random, is_dark=is_inverted)
        dark, light = sorted((int(random.integers(2, 40)), int(random.integers(200, 252))))
    else:
        flat, centre = _card(random) if kind == "card" else _sheet(random)
        dark, light = int(random.integers(22, 62)), int(random.integers(212, 245))
    if is_inverted:
        dark, light = light, dark
    half = code.shape[0] // 2
    place = flat[centre[1] - half : centre[1] + half, centre[0] - half : centre[0] + half]
    place[:] = np.where(code, np.uint8(light), np.uint8(dark))
    return Held(flat, centre, text, shines=kind == "phone")


def blank(random: Random) -> Gray:
    """A card, a sheet or a phone that shows no code."""
    draw = (_card, _sheet, functools.partial(_phone, is_dark=random.random() < 0.3))[int(random.integers(3))]
    return draw(random)[0]


def modules(text: str) -> Gray:
    """The code for a text with its quiet zone, one pixel a module: 1 light, 0 dark."""
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    return (np.array(made.to_image(scale=1, add_quiet_zones=True)) > 127).astype(np.uint8)


def _card(random: Random) -> tuple[Gray, tuple[int, int]]:
    """A card of 85.6 × 54 mm, 0.8 mm a module: a coloured head, a face, lines, and the code on the right."""
    card = np.full((540, 856), random.integers(205, 248), np.uint8)
    ink = int(random.integers(30, 150))
    cv2.rectangle(card, (0, 0), (856, 70), ink, -1)
    cv2.putText(card, any_text(random, 9), (36, 52), FONTS[0], 1.4, 240, 3, cv2.LINE_AA)
    cv2.circle(card, (170, 215), int(random.integers(50, 85)), ink, -1, cv2.LINE_AA)
    for x in (145, 195):
        cv2.circle(card, (x, 205), 9, 235, -1, cv2.LINE_AA)
    for y in (350, 386, 440, 480):
        cv2.putText(card, any_text(random, 15), (40, y), FONTS[2], 0.8, 110, 2, cv2.LINE_AA)
    return card, (624, 304)


def _sheet(random: Random) -> tuple[Gray, tuple[int, int]]:
    """A letter with the code near its head and text around it."""
    sheet = np.full((800, 640), random.integers(215, 250), np.uint8)
    for y in range(40, 800, 44):
        cv2.putText(sheet, any_text(random, 34), (30, y), FONTS[2], 0.8, 70, 2, cv2.LINE_AA)
    centre = int(random.integers(210, 430)), int(random.integers(230, 570))
    return sheet, centre


def _phone(random: Random, *, is_dark: bool) -> tuple[Gray, tuple[int, int]]:
    """A phone with a member screen: a bar, a heading, the code, a button; its frame is dark."""
    phone = np.full((960, 480), random.integers(12, 50), np.uint8)
    ground, ink = (int(random.integers(5, 35)), 215) if is_dark else (int(random.integers(235, 255)), 60)
    cv2.rectangle(phone, (16, 16), (464, 944), ground, -1)
    cv2.rectangle(phone, (16, 16), (464, 130), int(random.integers(60, 180)), -1)
    cv2.putText(phone, any_text(random, 8), (40, 95), FONTS[0], 1.3, 245, 3, cv2.LINE_AA)
    for y in (740, 776):
        cv2.putText(phone, any_text(random, 20), (50, y), FONTS[2], 0.9, ink, 2, cv2.LINE_AA)
    cv2.rectangle(phone, (80, 830), (400, 900), int(random.integers(70, 170)), -1)
    return phone, (240, 480)
