"""What is done to a picture whose code the first pass cannot read: each step turns it into prepared ones that may be
readable. A step only prepares; whether a picture holds a code is the decoder's matter, by the code's own error
correction. Which steps were kept, and what each reads: docs/decisions/0015.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]
Floats = NDArray[np.float32]

EDGE: Final = 16
"""Pixels mirrored around a picture, so that its left edge does not run into its right one."""
NOISY, CALM = 0.1, 0.003
"""How much noise an inverse filter expects, of the picture's own strength: where there is much, and where little."""
SMEAR_SPREAD: Final = 0.8
SMEAR_TURNS: Final = 16
"""Directions told apart, over half a turn; a direction is right to 6°."""


class Prepared(NamedTuple):
    """A picture to read, and how many square pixels of the patch one of its own covers."""

    gray: Gray
    area_factor: float


def unblurred(gray: Gray) -> Iterator[Prepared]:
    """Less blur and noise: the inverse of a small bell for noise and slight blur, then of a wide one for defocus."""
    spectrum = _spectrum(gray)
    yield enlarged(_filtered(spectrum, _inverse_bell(spectrum.shape, 1.8, NOISY)))
    yield enlarged(_filtered(spectrum, _inverse_bell(spectrum.shape, 3.0, CALM)))


def unblurred_wide(gray: Gray) -> Iterator[Prepared]:
    """For heavy defocus, and for heavy noise."""
    spectrum = _spectrum(gray)
    yield enlarged(_filtered(spectrum, _inverse_bell(spectrum.shape, 3.6, CALM)))
    yield enlarged(_filtered(spectrum, _inverse_bell(spectrum.shape, 2.4, NOISY)))


def unsmeared(gray: Gray) -> Iterator[Prepared]:
    """Less motion blur: the inverse of a stretch along the direction in which the picture has the weakest edges."""
    spectrum = _spectrum(gray)
    turn = smear_turn(gray)
    for length, noise in ((11.0, 0.03), (8.5, 0.02)):
        yield enlarged(_filtered(spectrum, _inverse_smear(spectrum.shape, length, turn, noise)))


def enlarged(gray: Gray, factor: float = 2.0) -> Prepared:
    """For codes of few pixels a module."""
    picture = cv2.resize(gray, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return Prepared(np.asarray(picture, np.uint8), 1 / factor**2)


def equalised(gray: Gray, factor: float = 2.0) -> Iterator[Prepared]:
    """Enlarged, with the contrast of each part brought up: for shade and mild glare."""
    large = enlarged(gray, factor)
    yield Prepared(np.asarray(_clahe().apply(large.gray), np.uint8), large.area_factor)


def sharpened(gray: Gray) -> Iterator[Prepared]:
    """Unsharp mask: for slight blur; far cheaper than an inverse filter on a whole frame."""
    yield Prepared(np.asarray(cv2.addWeighted(gray, 2.5, cv2.GaussianBlur(gray, (0, 0), 2), -1.5, 0), np.uint8), 1.0)


def smoothed(gray: Gray) -> Iterator[Prepared]:
    """For noise: a bell, and a threshold of each neighbourhood over it for glare."""
    calm = np.asarray(cv2.GaussianBlur(gray, (0, 0), 1.0), np.uint8)
    yield Prepared(calm, 1.0)
    yield Prepared(
        np.asarray(cv2.adaptiveThreshold(calm, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 41, 0), np.uint8),
        1.0,
    )


def smear_turn(gray: Gray) -> int:
    """Along which of SMEAR_TURNS directions the picture is smeared, from its structure tensor.

    A code has as many edges across as down at any angle; a smear takes away those that it crosses.
    """
    calm = cv2.GaussianBlur(gray, (0, 0), 1.2)
    inset = gray.shape[0] // 5
    middle = slice(inset, gray.shape[0] - inset), slice(inset, gray.shape[1] - inset)
    across = cv2.Sobel(calm, cv2.CV_32F, 1, 0)[middle]
    down = cv2.Sobel(calm, cv2.CV_32F, 0, 1)[middle]
    xx, xy, yy = (float(cv2.mean(one)[0]) for one in (across * across, across * down, down * down))
    strongest = 0.5 * math.atan2(2 * xy, xx - yy)
    return round((strongest / math.pi + 0.5) * SMEAR_TURNS) % SMEAR_TURNS


# --- inverse filters


class _Spectrum(NamedTuple):
    """A picture's transform (packed as OpenCV packs it), with EDGE around; and how large the picture is."""

    packed: Floats
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.packed.shape[0], self.packed.shape[1]


def _spectrum(gray: Gray) -> _Spectrum:
    height, width = gray.shape
    rows, columns = cv2.getOptimalDFTSize(height + 2 * EDGE), cv2.getOptimalDFTSize(width + 2 * EDGE)
    below, beside = rows - height - EDGE, columns - width - EDGE
    framed = cv2.copyMakeBorder(gray, EDGE, below, EDGE, beside, cv2.BORDER_REFLECT)
    return _Spectrum(np.asarray(cv2.dft(framed.astype(np.float32)), np.float32), height, width)


def _filtered(spectrum: _Spectrum, multiplier: Floats) -> Gray:
    product = cv2.mulSpectrums(spectrum.packed, multiplier, 0)
    picture = cv2.idft(product, flags=cv2.DFT_SCALE)[EDGE : EDGE + spectrum.height, EDGE : EDGE + spectrum.width]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@lru_cache(maxsize=8)
def _inverse_bell(shape: tuple[int, int], spread: float, noise: float) -> Floats:
    down, across = _frequencies(shape)
    return _inverse(_bell(down, across, spread), noise)


@lru_cache(maxsize=2 * SMEAR_TURNS)  # half a megabyte each; made anew they take 4 ms
def _inverse_smear(shape: tuple[int, int], length: float, turn: int, noise: float) -> Floats:
    down, across = _frequencies(shape)
    angle = np.pi * turn / SMEAR_TURNS
    smear = np.sinc(length * (across * np.cos(angle) + down * np.sin(angle)))
    return _inverse(np.asarray(smear * _bell(down, across, SMEAR_SPREAD), np.float32), noise)


def _inverse(response: Floats, noise: float) -> Floats:
    """Wiener's filter for white noise, packed for mulSpectrums; it keeps the mean."""
    wiener = response / (response**2 + np.float32(noise)) * np.float32(1 + noise)
    impulse = np.fft.ifft2(wiener).real.astype(np.float32)
    return np.asarray(cv2.dft(impulse), np.float32)


def _bell(down: Floats, across: Floats, spread: float) -> Floats:
    return np.asarray(np.exp(np.float32(-2 * np.pi**2 * spread**2) * (down**2 + across**2)), np.float32)


def _frequencies(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    return np.fft.fftfreq(shape[0]).astype(np.float32)[:, None], np.fft.fftfreq(shape[1]).astype(np.float32)[None, :]


@lru_cache(maxsize=1)
def _clahe() -> cv2.CLAHE:
    return cv2.createCLAHE(2.0, (8, 8))
