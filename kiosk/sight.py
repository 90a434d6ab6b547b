"""What a camera picture shows, as plain values: the codes read, the code that is there but cannot be read, and whether
the camera itself is well.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Code(NamedTuple):
    """A QR code that was read: its text, and its area in the picture in square pixels. Where it holds anything but text
    (bytes, control characters) or far too much of it, its text is empty: it is a code, and not one of ours.
    """

    text: str
    area: float


class Unread(NamedTuple):
    """A code that is seen and not read: the length of its side in pixels, and how bright its place is (0 … 255)."""

    side: float
    brightness: float


class Sight(NamedTuple):
    """One picture: the codes read, the largest first, and the largest one that is seen but not read, if any."""

    codes: tuple[Code, ...] = ()
    unread: Unread | None = None


NOTHING = Sight()


class CameraState(Enum):
    """Whether the camera shows the booth what is before it; everything but GOOD and NONE is said on the screen."""

    NONE = "none"
    """No camera is meant to be there: numbers are typed."""
    STARTING = "starting"
    GOOD = "good"
    GONE = "gone"
    """Unplugged, or it cannot be opened; it is tried again."""
    SILENT = "silent"
    """It is open, and no picture comes."""
    FROZEN = "frozen"
    """The same picture again and again, down to the noise."""
    BLACK = "black"
    """No light at all: a lens cap, or the hall is dark."""
    COVERED = "covered"
    """Light, but nothing to see: a hand or a cloth before the lens."""
    OVEREXPOSED = "overexposed"
    """Most of the picture is white: the sun or a lamp shines into the lens."""
    ENDED = "ended"
    """A file or folder has come to its end."""


class Hint(Enum):
    """What helps a person whose code is seen but not read."""

    CLOSER = "closer"
    FARTHER = "farther"
    BRIGHTER = "brighter"
    LESS_GLARE = "less glare"
    STEADY = "steady"
