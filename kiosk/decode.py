"""Turns gray pictures into the texts of the QR codes in them, the largest code first, and says where a code is seen
that cannot be read.

It is the only module that knows the QR libraries. It never judges a text. Of a stream it remembers the last few patches
of one card, until that card is read or another one comes, and which codes hang in the background.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from kiosk.reading.background import Background, Corners, Found, without
from kiosk.reading.finder import by_finders
from kiosk.reading.motion import MotionGate
from kiosk.reading.rescue import (
    Prepared,
    enlarged,
    equalised,
    sharpened,
    smoothed,
    unblurred,
    unblurred_wide,
    unsmeared,
)
from kiosk.reading.stack import Stack
from kiosk.reading.window import ROOM, Window, cut, likely_windows, reduced, scale_of
from kiosk.sight import NOTHING, Code, Sight, Unread

MOST_CHARACTERS: Final = 4096  # no code of ours holds more than some hundreds
MOST_TRIES: Final = 16
"""Pictures tried in one step: where a wall is full of squares, the step ends all the same."""
MOST_PIXELS_TO_PREPARE: Final = 4_000_000
MOST_SIDE: Final = 32_767  # enlarged twice it is the longest side that zxing-cpp takes
STILL_WINDOWS: Final = 4
REMEMBERED_FRAMES: Final = 8
"""For how many frames a code that was seen counts as seen: an error shows in some frames, not in all."""

LINE_BYTES: Final = b"\t\r\n"

Gray = NDArray[np.uint8]
Step = Callable[[Gray], Iterator[Prepared]]
# Model 2 alone: the word for all of them lets Micro QR codes in, of which the smallest has no error correction, so that
# noise is read as one. All formats cost 13 times as much.
QR_ONLY: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
LOCAL, GLOBAL = zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram


class Turn(NamedTuple):
    """One rescue step of the rotation: which window of the frame it looks at, on what of it, and what it does."""

    window: int
    of: Callable[[Stack, Gray], Gray]
    step: Step


def _now(_: Stack, patch: Gray) -> Gray:
    return patch


def _darkest(stack: Stack, _: Gray) -> Gray:
    return stack.darkest()


def _mean(stack: Stack, _: Gray) -> Gray:
    return stack.mean()


TURNS: Final = (
    Turn(0, _now, unblurred),
    Turn(0, _now, by_finders),
    Turn(0, _now, unsmeared),
    Turn(0, _darkest, unblurred),
    Turn(0, _mean, by_finders),
    Turn(0, _now, unblurred_wide),
    Turn(1, _now, unblurred),
    Turn(0, _darkest, equalised),
)
"""The rotation, one step a frame: measured in docs/decisions/0015."""
PATCH_STEPS: Final = (unblurred, by_finders, unsmeared, unblurred_wide, equalised, smoothed)
FRAME_STEPS: Final = (sharpened, smoothed, equalised)


class CodeReader:
    """Reads QR codes, with zxing-cpp first: it reads more than any other open decoder, at 1/12 of pyzbar's cost.

    One reader is for one stream, whose frames it is given in order; a fresh one is for a fresh stream.
    """

    def __init__(self) -> None:
        self._gate = MotionGate()
        self._background = Background()
        self._stack = Stack()
        self._small: Gray | None = None
        self._turn = 0
        self._unread: Unread | None = None
        self._unread_frames = 0

    def read(self, gray: Gray) -> list[str]:
        """Texts in one frame of a stream (H × W, uint8), each once; a code with an error or without text gives none."""
        return _texts(self.sight(gray).codes)

    def sight(self, gray: Gray) -> Sight:
        """The same with areas, and with the largest code that is seen and not read. A code whose content is no text, or
        too long, is told with an empty one.

        Every frame gets the first pass. Where that reads nothing but what hangs in the background, and something moved
        within a second, one rescue step follows on the rest of the frame: another one in each frame, on the frame
        alone or on what the last frames of the card know together.
        """
        if not _is_picture(gray):
            return NOTHING
        gray = np.ascontiguousarray(gray)
        found = _found(_scan(gray, LOCAL))
        is_nobody_read = self._background.holds_all(found)
        if not (self._gate.is_open_for(gray) and is_nobody_read):
            self._forget()
            return Sight(_codes(found))
        rescued = self._rescued(without(gray, found) if found else gray)
        if rescued:
            self._forget()
        unread = self._unread if self._unread_frames > 0 else None
        return Sight(_ordered([*_codes(found), *rescued]), unread)

    def read_still(self, gray: Gray) -> list[str]:
        """Texts in one picture (H × W, uint8) with every means, cheapest first, until one reads something.

        Where nothing is read it takes some hundred milliseconds.
        """
        if not _is_picture(gray):
            return []
        gray = np.ascontiguousarray(gray)
        return next((texts for texts in _every_means(gray) if texts), [])

    def _rescued(self, gray: Gray) -> tuple[Code, ...]:
        """The codes that this frame's turn reads; where it reads none, what is seen unread is noted."""
        small = reduced(gray)
        windows = likely_windows(gray.shape, small, self._small, count=2)
        self._small = small
        likeliest = windows[0] if windows else Window(0, 0, max(gray.shape))
        patch = cut(gray, likeliest)
        self._stack.add(gray, likeliest)
        turn = TURNS[self._turn % len(TURNS)]
        self._turn += 1
        window = windows[turn.window] if turn.window < len(windows) else likeliest
        picture = turn.of(self._stack, patch if window == likeliest else cut(gray, window))
        codes = _read_prepared(turn.step(picture), scale_of(window) ** 2)
        if not codes:
            self._note(_unread(patch, likeliest))
        return codes

    def _note(self, unread: Unread | None) -> None:
        """What was seen in this frame stays seen for some more, and keeps the gate open."""
        if unread is not None:
            self._unread, self._unread_frames = unread, REMEMBERED_FRAMES
            self._gate.keep_open()
        else:
            self._unread_frames = max(0, self._unread_frames - 1)

    def _forget(self) -> None:
        """What was known of a card is over: it was read, or nothing moves."""
        self._stack.clear()
        self._small = None
        self._turn = 0
        self._unread_frames = 0


def _every_means(gray: Gray) -> Iterator[list[str]]:
    yield _texts(_first_pass(gray))
    yield _texts(_codes(_found(_scan(gray, GLOBAL))))
    for window in likely_windows(gray.shape, reduced(gray), None, STILL_WINDOWS):
        patch = cut(gray, window)
        for step in PATCH_STEPS:
            yield _texts(_read_prepared(step(patch), scale_of(window) ** 2))
    whole = _bounded(gray)
    for step in FRAME_STEPS:
        yield _texts(_read_prepared(step(whole), gray.size / whole.size))
    yield _read_by_zbar(whole)
    for prepared in smoothed(whole):
        yield _read_by_zbar(prepared.gray)
    yield _read_by_zbar(enlarged(whole).gray)


# --- zxing-cpp


def _first_pass(gray: Gray) -> tuple[Code, ...]:
    """The codes in a picture as it is."""
    return _codes(_found(_scan(gray, LOCAL)))


def _read_prepared(prepared: Iterable[Prepared], area_factor: float) -> tuple[Code, ...]:
    """The codes of the first of some pictures that holds a text, or else of the first that holds any."""
    first: tuple[Code, ...] = ()
    for picture in islice(prepared, MOST_TRIES):
        codes = _codes(_found(_scan(picture.gray, LOCAL)), picture.area_factor * area_factor)
        if _texts(codes):
            return codes
        first = first or codes
    return first


def _scan(gray: Gray, binarizer: zxingcpp.Binarizer, *, return_errors: bool = False) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(
        gray,
        formats=QR_ONLY,
        try_rotate=False,  # a QR code is found at any angle; the switch is for bar codes
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=binarizer,
        return_errors=return_errors,
    )


def _found(barcodes: Iterable[zxingcpp.Barcode]) -> list[Found]:
    """What was read without an error, and where; the text is empty where the content is none, or is too long."""
    read = [code for code in barcodes if code.valid]
    return [Found(code.text if _is_text(code) else "", _area(code.position), _corners(code.position)) for code in read]


def _is_text(code: zxingcpp.Barcode) -> bool:
    return code.content_type == zxingcpp.ContentType.Text and len(code.text) <= MOST_CHARACTERS


def _codes(found: Iterable[Found], area_factor: float = 1.0) -> tuple[Code, ...]:
    return _ordered(Code(code.text, code.area * area_factor) for code in found)


def _ordered(codes: Iterable[Code]) -> tuple[Code, ...]:
    """Each text once, the largest first; of two as large, always the same one first."""
    ordered = sorted(codes, key=lambda code: (-code.area, code.text))
    return tuple({code.text: code for code in reversed(ordered)}.values())[::-1]


def _corners(position: zxingcpp.Position) -> Corners:
    top_left, top_right, bottom_right, bottom_left = (
        (corner.x, corner.y)
        for corner in (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    )
    return top_left, top_right, bottom_right, bottom_left


def _area(position: zxingcpp.Position) -> float:
    """Area of a quadrangle in square pixels, from its diagonals."""
    across, down = position.bottom_right, position.bottom_left
    first = (across.x - position.top_left.x, across.y - position.top_left.y)
    second = (down.x - position.top_right.x, down.y - position.top_right.y)
    return abs(first[0] * second[1] - first[1] * second[0]) / 2


def _unread(patch: Gray, window: Window) -> Unread | None:
    """The largest code found broken in a patch; where the decoder cannot tell its place, that is the whole window.

    Only a patch is asked for broken codes: in a frame full of codes they would take the place of good ones.
    """
    broken = [code for code in _scan(patch, LOCAL, return_errors=True) if not code.valid]
    if not broken:
        return None
    largest = max(broken, key=lambda code: _area(code.position))
    side = _area(largest.position) ** 0.5
    if side == 0:
        return Unread(window.side / ROOM, float(patch.mean()))
    corners = (largest.position.top_left, largest.position.top_right, largest.position.bottom_left)
    left, top = (max(0, min(axis)) for axis in zip(*((corner.x, corner.y) for corner in corners), strict=True))
    place = patch[top : top + round(side), left : left + round(side)]
    return Unread(side * scale_of(window), float((place if place.size else patch).mean()))


# --- zbar


def _read_by_zbar(gray: Gray) -> list[str]:
    """A second pair of eyes, where its library is installed: other code finds other pictures readable."""
    zbar = _zbar()
    if zbar is None:
        return []
    codes = zbar.decode(gray, symbols=[zbar.ZBarSymbol.QRCODE])
    sized = [
        (-code.rect.width * code.rect.height, code.data.decode("ascii"))
        for code in codes
        if _is_plain(code.data) and 0 < len(code.data) <= MOST_CHARACTERS
    ]
    return list(dict.fromkeys(text for _, text in sorted(sized)))


def _is_plain(content: bytes) -> bool:
    """Whether it is text in ASCII: zbar guesses at other encodings, and guesses wrong, so that such a text would not be
    what the code says; control characters are no text to zxing-cpp either.
    """
    return content.isascii() and all(byte >= ord(" ") or byte in LINE_BYTES for byte in content)


@functools.cache  # without the library each import asks the linker again
def _zbar() -> Any:
    """The module pyzbar.pyzbar, or None where the system's libzbar is missing."""
    try:
        from pyzbar import pyzbar
    except ImportError:
        return None
    return pyzbar


# --- pictures


def _is_picture(gray: Gray) -> bool:
    return gray.ndim == 2 and gray.size > 0 and max(gray.shape) <= MOST_SIDE  # noqa: PLR2004


def _bounded(gray: Gray) -> Gray:
    """The picture, reduced to MOST_PIXELS_TO_PREPARE if it is larger: memory and time stay bounded."""
    if gray.size <= MOST_PIXELS_TO_PREPARE:
        return gray
    scale = (MOST_PIXELS_TO_PREPARE / gray.size) ** 0.5
    size = max(1, int(gray.shape[1] * scale)), max(1, int(gray.shape[0] * scale))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _texts(codes: Iterable[Code]) -> list[str]:
    return [code.text for code in codes if code.text]
