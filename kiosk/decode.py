"""Turns one gray picture into the texts of the QR codes in it, the largest code first.

It is the only module that knows the QR libraries. It never judges a text and never remembers a picture.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

MOST_CHARACTERS = 4096  # no code of ours holds more than some hundreds
MOST_PIXELS_TO_ENLARGE = 4_000_000

Gray = NDArray[np.uint8]
QR_ONLY = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])  # all formats cost 13 times as much


class CodeReader:
    """Reads QR codes, with zxing-cpp first: it reads more than any other open decoder, at 1/12 of pyzbar's cost."""

    def read(self, gray: Gray) -> list[str]:
        """Texts in one frame of a stream (H × W, uint8), each once; a code with an error or without text gives none."""
        return _read_by_zxing(gray, zxingcpp.Binarizer.LocalAverage)

    def read_still(self, gray: Gray) -> list[str]:
        """Texts in one picture with every means: the first pass, then each rescue step until one reads something."""
        return next((texts for step in self._steps() if (texts := step(gray))), [])

    def _steps(self) -> Iterator[Callable[[Gray], list[str]]]:
        yield self.read
        yield _read_enlarged
        yield _read_by_histogram
        yield _read_sharpened
        yield _read_by_zbar


def _read_enlarged(gray: Gray) -> list[str]:
    """Twice the size: for codes of fewer than 2 pixels a module, which a large picture does not need."""
    if gray.size > MOST_PIXELS_TO_ENLARGE or gray.size == 0:
        return []
    enlarged = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return _read_by_zxing(np.asarray(enlarged, np.uint8), zxingcpp.Binarizer.LocalAverage)


def _read_by_histogram(gray: Gray) -> list[str]:
    """One threshold for the whole picture: for noise that looks like a pattern to the local one."""
    return _read_by_zxing(gray, zxingcpp.Binarizer.GlobalHistogram)


def _read_sharpened(gray: Gray) -> list[str]:
    """Unsharp mask: for blur."""
    if gray.size == 0:
        return []
    sharpened = cv2.addWeighted(gray, 2.5, cv2.GaussianBlur(gray, (0, 0), 2), -1.5, 0)
    return _read_by_zxing(np.asarray(sharpened, np.uint8), zxingcpp.Binarizer.LocalAverage)


def _read_by_zxing(gray: Gray, binarizer: zxingcpp.Binarizer) -> list[str]:
    if gray.size == 0:
        return []
    codes = zxingcpp.read_barcodes(
        gray,
        formats=QR_ONLY,
        try_rotate=False,  # a QR code is found at any angle; the switch is for bar codes
        text_mode=zxingcpp.TextMode.Plain,
        binarizer=binarizer,
    )
    sized = [(_area(code.position), code.text) for code in codes if _is_text(code)]
    return _largest_first(sized)


def _is_text(code: zxingcpp.Barcode) -> bool:
    return code.valid and code.content_type == zxingcpp.ContentType.Text


def _area(position: zxingcpp.Position) -> float:
    """Area of a quadrangle in square pixels, from its diagonals."""
    across, down = position.bottom_right, position.bottom_left
    first = (across.x - position.top_left.x, across.y - position.top_left.y)
    second = (down.x - position.top_right.x, down.y - position.top_right.y)
    return abs(first[0] * second[1] - first[1] * second[0]) / 2


def _read_by_zbar(gray: Gray) -> list[str]:
    """A second pair of eyes, where its library is installed: other code finds other pictures readable."""
    zbar = _zbar()
    if zbar is None or gray.size == 0:
        return []
    codes = zbar.decode(gray, symbols=[zbar.ZBarSymbol.QRCODE])
    # zbar guesses at the encoding of what is not ASCII, and guesses wrong: such a text would not be what the code says.
    sized = [(code.rect.width * code.rect.height, code.data.decode("ascii")) for code in codes if code.data.isascii()]
    return _largest_first(sized)


@functools.cache  # without the library each import asks the linker again
def _zbar() -> Any:
    """The module pyzbar.pyzbar, or None where the system's libzbar is missing."""
    try:
        from pyzbar import pyzbar
    except ImportError:
        return None
    return pyzbar


def _largest_first(sized: list[tuple[float, str]]) -> list[str]:
    texts = [text for _, text in sorted(sized, key=lambda code: -code[0]) if 0 < len(text) <= MOST_CHARACTERS]
    return list(dict.fromkeys(texts))
