"""Shows frames to our reader and to the decoders beside it, by turns, and keeps what each read and what CPU it took.

Everything here may run in a process of its own: seeds and sizes go in, plain values come out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

import cv2
import numpy as np
import zxingcpp

from benchmarks.code_free import code_free
from benchmarks.hard_frames import burst, frame
from benchmarks.lens import jpeg_and_back, lit, with_noise
from benchmarks.scenery import HEIGHT, WIDTH, Gray, background, light_field
from benchmarks.severity import CONDITIONS
from kiosk.decode import CodeReader

QR_ONLY: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
SETTLING_FRAMES: Final = 45
"""Three seconds at 15 frames a second: a motion gate that has seen nothing move for that long is closed."""
IDLE_FRAMES: Final = 30

Seed = np.random.SeedSequence
Decode = Callable[[Gray], list[str]]


class Reader(Protocol):
    """What is measured: kiosk.decode.CodeReader, or a reader with a planted fault."""

    def read(self, gray: Gray) -> list[str]:
        """Texts in one frame of a stream."""

    def read_still(self, gray: Gray) -> list[str]:
        """Texts in one picture, with every means."""


class Still(NamedTuple):
    """One hard frame: who read it (zbar: None where it is not installed), our wrong texts, CPU seconds."""

    condition: str
    zxing: bool
    zbar: bool | None
    ours: bool
    wrong: int
    first_seconds: float
    """Of our reader of streams: its first pass, where that reads the frame."""
    zbar_seconds: float


class Missed(NamedTuple):
    """CPU seconds for a frame that the first pass does not read, in a burst that is not read yet."""

    ours: float
    zxing: float
    zbar: float


class Burst(NamedTuple):
    """Consecutive frames of one card: which of them zxing-cpp and our stream reader read."""

    condition: str
    zxing: tuple[bool, ...]
    ours: tuple[bool, ...]
    wrong: int
    missed: tuple[Missed, ...]


class Free(NamedTuple):
    """Frames without a code: how many, and in how many of them ours claims to read one."""

    frames: int
    stills: int
    streams: int


class Idle(NamedTuple):
    """CPU seconds for one frame of a scene in which nothing moves, in the light and noise of a condition."""

    condition: str
    ours: float
    zbar: float


def stills(condition: str, seed: Seed, count: int, new_reader: Callable[[], Reader] = CodeReader) -> list[Still]:
    """So many single frames of a condition."""
    _warm_up(new_reader)
    random = np.random.default_rng(seed)
    return [_still(condition, number, random, new_reader) for number in range(count)]


def bursts(condition: str, seed: Seed, count: int, new_reader: Callable[[], Reader] = CodeReader) -> list[Burst]:
    """So many bursts of 8 of a condition, each to a fresh reader."""
    _warm_up(new_reader)
    random = np.random.default_rng(seed)
    return [_burst(condition, random, new_reader()) for _ in range(count)]


def frees(seed: Seed, count: int, new_reader: Callable[[], Reader] = CodeReader) -> Free:
    """So many frames without a code: to a reader of stills, and as a stream that never rests."""
    _warm_up(new_reader)
    stream, still = new_reader(), new_reader()
    in_stills = in_streams = 0
    for gray in code_free(np.random.default_rng(seed), count):
        in_stills += bool(still.read_still(gray))
        in_streams += bool(stream.read(gray))
    return Free(count, in_stills, in_streams)


def idles(condition: str, seed: Seed, new_reader: Callable[[], Reader] = CodeReader) -> list[Idle]:
    """A place in which nothing moves, seen until the gate must be closed, and then for two seconds more."""
    _warm_up(new_reader)
    reader, scene = new_reader(), _still_scene(condition, np.random.default_rng(seed))
    for _ in range(SETTLING_FRAMES):
        reader.read(next(scene))
    taken = []
    for _, gray in zip(range(IDLE_FRAMES), scene, strict=False):
        _, ours = timed(reader.read, gray)
        _, zbar = timed(read_by_zbar, gray)
        taken.append(Idle(condition, ours, zbar))
    return taken


def read_by_zxing(gray: Gray) -> list[str]:
    """Read by zxing-cpp alone, set as the first pass is: QR only, inverted and reduced tries on."""
    codes = zxingcpp.read_barcodes(gray, formats=QR_ONLY, try_rotate=False, text_mode=zxingcpp.TextMode.Plain)
    return [code.text for code in codes]


def read_by_zbar(gray: Gray) -> list[str]:
    """Read by pyzbar alone, QR only, which is less than half of its usual cost; nothing where it is not installed."""
    zbar = _zbar()
    if zbar is None:
        return []
    codes = zbar.decode(gray, symbols=[zbar.ZBarSymbol.QRCODE])
    return [code.data.decode("ascii", "replace") for code in codes]


def has_zbar() -> bool:
    """Tell whether pyzbar finds its library."""
    return _zbar() is not None


def timed(decode: Decode, gray: Gray) -> tuple[list[str], float]:
    """Return the texts, and the CPU seconds of the whole process that they took."""
    begun = time.process_time()
    texts = decode(gray)
    return texts, time.process_time() - begun


def _warm_up(new_reader: Callable[[], Reader]) -> None:
    """One thread, and nothing that is loaded at the first call is on anybody's account."""
    cv2.setNumThreads(1)
    for decode in (new_reader().read, new_reader().read_still, read_by_zxing, read_by_zbar):
        decode(np.zeros((HEIGHT, WIDTH), np.uint8))


def _still(condition: str, number: int, random: np.random.Generator, new_reader: Callable[[], Reader]) -> Still:
    gray, text = frame(condition, random)
    by_zxing = read_by_zxing(gray)
    decoders: list[Decode] = [new_reader().read, read_by_zbar]
    turn = 1 if number % 2 else -1  # whoever comes second finds the frame in the processor's caches
    (_, first_seconds), (by_zbar, zbar_seconds) = [timed(decode, gray) for decode in decoders[::turn]][::turn]
    ours = new_reader().read_still(gray)
    return Still(
        condition=condition,
        zxing=text in by_zxing,
        zbar=text in by_zbar if has_zbar() else None,
        ours=text in ours,
        wrong=sum(one != text for one in ours),
        first_seconds=first_seconds,
        zbar_seconds=zbar_seconds,
    )


def _burst(condition: str, random: np.random.Generator, reader: Reader) -> Burst:
    by_zxing: list[bool] = []
    by_ours: list[bool] = []
    missed: list[Missed] = []
    wrong = 0
    for gray, text in burst(condition, random):
        texts, zxing_seconds = timed(read_by_zxing, gray)
        ours, seconds = timed(reader.read, gray)
        if text not in texts and not any(by_ours):
            _, zbar_seconds = timed(read_by_zbar, gray)
            missed.append(Missed(seconds, zxing_seconds, zbar_seconds))
        by_zxing.append(text in texts)
        by_ours.append(text in ours)
        wrong += sum(one != text for one in ours)
    return Burst(condition, tuple(by_zxing), tuple(by_ours), wrong, tuple(missed))


def _still_scene(condition: str, random: np.random.Generator) -> Iterator[Gray]:
    """The same place for ever, with fresh noise in every frame."""
    severity = CONDITIONS[condition](random)
    scene = lit(background(random), light_field(severity.light, random))
    while True:
        yield jpeg_and_back(with_noise(scene, severity.read_noise, severity.shot_noise, random))


@cache
def _zbar() -> Any:
    try:
        from pyzbar import pyzbar
    except ImportError:
        return None
    return pyzbar
