"""What a camera does to a picture on its way to a reader: blur by lens and movement, sensor noise, JPEG."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from benchmarks.hand import Moment
from benchmarks.scenery import Floats, Gray, Random
from benchmarks.severity import Severity

JPEG_QUALITY: Final = 85


def lit(gray: Gray, light: Gray) -> Gray:
    """The picture under so much light at each place; 160 is all of it."""
    return np.asarray(cv2.multiply(gray, light, scale=1 / 160), np.uint8)


def through_the_lens(layers: Gray, severity: Severity, moment: Moment) -> Gray:
    """What is held (height × width × 2: gray and alpha), out of focus and moved while the shutter was open."""
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


def with_noise(gray: Gray, read_noise: float, shot_noise: float, random: Random) -> Gray:
    """The picture as a sensor of that noise gives it; no two are alike."""
    cv2.setRNGSeed(int(random.integers(2**31)))
    noise = np.empty(gray.shape, np.float32)
    cv2.randn(noise, ZERO, ONE)
    cv2.GaussianBlur(noise, (3, 3), 0.45, dst=noise)
    levels = np.sqrt(read_noise**2 + shot_noise * np.arange(256)) * NOISE_KEPT
    spread = cv2.LUT(gray, levels.astype(np.float32))
    return np.asarray(cv2.add(gray, cv2.multiply(noise, spread), dtype=cv2.CV_8U), np.uint8)


def _blur_keeps(sigma: float) -> float:
    return float(np.square(cv2.getGaussianKernel(3, sigma)).sum())


ZERO, ONE = np.zeros(1), np.ones(1)
NOISE_KEPT: Final = 1 / _blur_keeps(0.45)
"""What the little blur of the noise takes from its spread is given back."""


def jpeg_and_back(gray: Gray) -> Gray:
    """The picture after its way through a camera's JPEG."""
    _, encoded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)
