"""Renders frames without a QR code: half text and texture that look like one to a reader in a hurry, half scenes with
people, tables, cards and phones that show no code. 1280 × 720, gray, the chance of the generator handed in.

Text and texture are drawn once on a board larger than a frame and looked at from five sides: turned, tilted, near and
far, blurred, inverted, lit, noisy. Among them are codes of other kinds, real ones (Data Matrix, Aztec, PDF417, bars),
and QR codes that are none: with one or two finder patterns, or with three and nonsense between them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

from benchmarks.held import blank, modules, token
from benchmarks.lens import jpeg_and_back, lit, with_noise
from benchmarks.scenery import HEIGHT, WIDTH, Gray, Random, any_text, background, blurred, light_field, smooth

BOARD_WIDTH, BOARD_HEIGHT = 1600, 1000
VIEWS: Final = 5  # of one board
LINES: Final = 12  # of a page that are drawn before they come again: drawing them is slow
FONT_FILES: Final = sorted((Path(__file__).parent.parent / "fonts").glob("BIZUDPGothic-*.ttf"))
KANA: Final = [*map(chr, range(0x3042, 0x3094)), *map(chr, range(0x30A2, 0x30F4))]
KANJI: Final = list(
    "日本市町村人会場公園広駅道店今年月火水木金土曜時分円点数回名前受付案内中止開始終了午前後東西南北入出口"
)
OTHER_CODES: Final = {
    "DataMatrix": "KUMAPO 0123456789 ABCDEFG",
    "Aztec": "KUMAPO 0123456789 ABCDEFG",
    "PDF417": "KUMAPO 0123456789 ABCDEFG",
    "Code128": "KUMAPO 12345",
    "EAN13": "4901234567894",
    "ITF": "12345678",
}


def code_free(random: Random, count: int) -> Iterator[Gray]:
    """So many frames, text or texture and a scene by turns. Some 15 ms of CPU each."""
    boards = _texture_views(random)
    for number in range(count):
        yield scene(random) if number % 2 else next(boards)


def scene(random: Random) -> Gray:
    """A place, mostly with a card, a sheet or a phone in it without a code; by day, by night, too bright."""
    place = background(random)
    for _ in range(int(random.integers(0, 3))):
        _lay(place, blank(random), random)
    light = random.choice(
        [random.uniform(0.05, 0.4), random.uniform(0.5, 1.1), random.uniform(1.1, 2)], p=(0.2, 0.7, 0.1)
    )
    return _camera(place, float(light), random)


def texture(random: Random) -> Gray:
    """A frame full of text or texture; one view of a board of its own."""
    return next(_texture_views(random))


def _texture_views(random: Random) -> Iterator[Gray]:
    while True:
        board = BOARDS[int(random.integers(len(BOARDS)))](random)
        for _ in range(VIEWS):
            yield _view(board, random)


def _view(board: Gray, random: Random) -> Gray:
    """The board from some side, all of the frame filled with it."""
    half = np.array([WIDTH, HEIGHT]) / 2
    frame_corners = np.array([(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)])
    angle, scale = random.uniform(0, 2 * np.pi), np.exp(random.uniform(np.log(0.25), np.log(1.1)))
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    tilt = 1 + random.uniform(-0.25, 0.25, (4, 2))
    middle = random.uniform(0.35, 0.65, 2) * (BOARD_WIDTH, BOARD_HEIGHT)
    on_board = ((frame_corners - half) * tilt * scale) @ turn.T + middle
    view = cv2.getPerspectiveTransform(on_board.astype(np.float32), frame_corners.astype(np.float32))
    seen = cv2.warpPerspective(board, view, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    if random.random() < 0.15:
        seen = 255 - seen
    return _camera(np.asarray(seen, np.uint8), float(random.uniform(0.3, 1.1)), random)


def _camera(seen: Gray, light: float, random: Random) -> Gray:
    noise = random.uniform(1.5, 4) if light > 0.4 else random.uniform(4, 14)
    seen = lit(seen, light_field(light, random))
    if random.random() < 0.5:
        seen = blurred(seen, random.uniform(0.5, 2.5))
    return jpeg_and_back(with_noise(seen, noise, random.uniform(0.02, 0.2), random))


def _lay(place: Gray, flat: Gray, random: Random) -> None:
    height, width = flat.shape
    scale, angle = random.uniform(0.3, 0.9), random.uniform(-180, 180)
    move = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), np.float64)
    move[:, 2] += random.uniform((0, 0), (WIDTH, HEIGHT)) - (width / 2, height / 2)
    cv2.warpAffine(flat, move, (WIDTH, HEIGHT), dst=place, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT)


# --- boards


def _board(tone: int) -> Gray:
    return np.full((BOARD_HEIGHT, BOARD_WIDTH), tone, np.uint8)


def _japanese_page(random: Random) -> Gray:
    """A page or a newspaper in Japanese, set across or in columns."""
    page = Image.new("L", (BOARD_WIDTH, BOARD_HEIGHT), int(random.integers(190, 255)))
    draw = ImageDraw.Draw(page)
    size = int(random.integers(14, 60))
    columns = int(random.integers(1, 6))
    letters, weights = [*KANA, *KANJI], [1.0] * len(KANA) + [4.0] * len(KANJI)
    chances = np.array(weights) / sum(weights)
    per_line = BOARD_WIDTH // columns // size - 1
    lines = random.choice(letters, (LINES, max(1, per_line)), p=chances)
    font, ink = _font(random, size), int(random.integers(5, 90))
    line_height = int(size * 1.4)
    for column in range(columns):
        for number in range(LINES):
            place = (column * BOARD_WIDTH // columns, number * line_height)
            draw.text(place, "".join(lines[number]), font=font, fill=ink)
    return _repeated(np.asarray(page, np.uint8), LINES * line_height)


def _latin_page(random: Random) -> Gray:
    page, size = _board(int(random.integers(180, 255))), random.uniform(0.4, 2)
    ink = int(random.integers(5, 90))
    for y in range(20, BOARD_HEIGHT, int(size * 36)):
        text = any_text(random, int(BOARD_WIDTH / size / 20))
        cv2.putText(page, text, (10, y), cv2.FONT_HERSHEY_DUPLEX, size, ink, max(1, int(size * 1.4)), cv2.LINE_AA)
    return page


def _timetable(random: Random) -> Gray:
    page = _board(int(random.integers(190, 255)))
    wide, high = (int(one) for one in random.integers((40, 24), (180, 80)))
    for x in range(0, BOARD_WIDTH, wide):
        cv2.line(page, (x, 0), (x, BOARD_HEIGHT), 60, int(random.integers(1, 4)))
    for y in range(0, BOARD_HEIGHT, high):
        cv2.line(page, (0, y), (BOARD_WIDTH, y), 60, 2)
        for x in range(0, BOARD_WIDTH, wide):
            if random.random() < 0.4:
                cv2.rectangle(page, (x + 4, y + 4), (x + wide - 6, y + high - 6), int(random.integers(0, 255)), -1)
            else:
                place = (x + 4, y + high - 8)
                cv2.putText(
                    page, any_text(random, wide // 16), place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 40, 2, cv2.LINE_AA
                )
    return page


def _checkerboard(random: Random) -> Gray:
    """Tiles of one size, as of a chessboard, a floor or a flag."""
    across, down = (int(one) for one in random.integers(4, 60, 2))
    rows, columns = (
        (np.arange(length) // size % 2).astype(np.uint8)
        for length, size in ((BOARD_HEIGHT, down), (BOARD_WIDTH, across))
    )
    return _toned(np.bitwise_xor.outer(rows, columns), random)


def _module_noise(random: Random) -> Gray:
    """Squares light and dark by chance, as many as fit: what is between the finder patterns of a code, without them."""
    size = int(random.integers(3, 24))
    grid = random.integers(0, 2, (BOARD_HEIGHT // size + 1, BOARD_WIDTH // size + 1), dtype=np.uint8)
    return _toned(grid.repeat(size, axis=0).repeat(size, axis=1)[:BOARD_HEIGHT, :BOARD_WIDTH], random)


def _codes_that_are_none(random: Random) -> Gray:
    """Codes whose modules are shuffled, whose finder patterns are taken away, or that hold nonsense."""
    page = _board(int(random.integers(160, 255)))
    for _ in range(int(random.integers(4, 12))):
        size = int(random.integers(3, 11))
        _paste(page, _garbled(random).repeat(size, axis=0).repeat(size, axis=1) * np.uint8(230), random)
    return page


def _garbled(random: Random) -> Gray:
    """49 × 49 modules, 1 is light: a code without all, two or one of its finder patterns, or with all and nonsense."""
    code = modules(token(random))
    inner = code[4:-4, 4:-4]
    corners = [inner[:8, :8], inner[:8, -8:], inner[-8:, :8]]
    kept = [corner.copy() for corner in corners]
    whole = random.permutation(inner.ravel()).reshape(inner.shape)
    inner[:] = np.where(random.random(inner.shape) < random.uniform(0.35, 1), whole, inner)
    finders = int(random.integers(0, 4))
    if finders == 3:  # all are there: then nothing else may be
        inner[:] = whole
    for corner, pattern in list(zip(corners, kept, strict=True))[:finders]:
        corner[:] = pattern
    if random.random() < 0.4 and finders == 3:  # the lines that give the pitch of the grid, too
        inner[6, 8:-8] = inner[8:-8, 6] = np.arange(inner.shape[0] - 16) % 2
    return code


def _other_codes(random: Random) -> Gray:
    """Codes of other kinds, real ones."""
    page = _board(int(random.integers(180, 255)))
    for _ in range(int(random.integers(4, 10))):
        name = str(random.choice(list(OTHER_CODES)))
        made = zxingcpp.create_barcode(OTHER_CODES[name], getattr(zxingcpp.BarcodeFormat, name))
        _paste(page, np.array(made.to_image(scale=int(random.integers(2, 8)), add_quiet_zones=True)), random)
    return page


def _bricks(random: Random) -> Gray:
    wide, high, joint = (int(one) for one in random.integers((40, 16, 2), (160, 60, 8)))
    wall = _board(int(random.integers(140, 230)))
    for row, y in enumerate(range(0, BOARD_HEIGHT, high)):
        for x in range(-(row % 2) * wide // 2, BOARD_WIDTH, wide):
            tone = int(random.integers(40, 130))
            cv2.rectangle(wall, (x + joint, y + joint), (x + wide - joint, y + high - joint), tone, -1)
    return wall


def _woven(random: Random) -> Gray:
    """Cloth from so near that its threads show, plain or in a pattern of squares."""
    repeat = random.integers(0, 2, tuple(random.integers(2, 12, 2)), dtype=np.uint8)
    thread = int(random.integers(3, 16))
    cloth = np.kron(repeat, np.ones((thread, thread), np.uint8))
    times = BOARD_HEIGHT // cloth.shape[0] + 1, BOARD_WIDTH // cloth.shape[1] + 1
    return _toned(np.tile(cloth, times)[:BOARD_HEIGHT, :BOARD_WIDTH], random)


def _moire(random: Random) -> Gray:
    """Two gratings or systems of rings, one over the other."""
    y, x = (axis.astype(np.float32) for axis in np.ogrid[0:BOARD_HEIGHT, 0:BOARD_WIDTH])
    waves = np.zeros((BOARD_HEIGHT, BOARD_WIDTH), np.uint8)
    for _ in range(2):
        period = random.uniform(5, 30)
        if random.random() < 0.5:
            angle = random.uniform(0, np.pi)
            way = np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y
        else:
            at = random.uniform((0, 0), (BOARD_WIDTH, BOARD_HEIGHT))
            way = np.sqrt((x - np.float32(at[0])) ** 2 + (y - np.float32(at[1])) ** 2)
        waves ^= (way * np.float32(2 / period)).astype(np.int16).astype(np.uint8) & 1
    return _toned(waves, random)


def _halftone(random: Random) -> Gray:
    """A picture printed in dots."""
    pitch = int(random.integers(5, 20))
    y, x = np.ogrid[0:BOARD_HEIGHT, 0:BOARD_WIDTH]
    dots = 60 * (np.sin(x * (2 * np.pi / pitch)) + np.sin(y * (2 * np.pi / pitch)))
    hills = cv2.resize(smooth(random, 60, 12), (BOARD_WIDTH, BOARD_HEIGHT))
    return _toned((dots + hills > 0).astype(np.uint8), random)


def _targets(random: Random) -> Gray:
    """Squares within squares and rings within rings: finder patterns of every size, but no code."""
    page = _board(int(random.integers(160, 255)))
    for _ in range(int(random.integers(10, 60))):
        x, y = (int(one) for one in random.integers((0, 0), (BOARD_WIDTH, BOARD_HEIGHT)))
        unit = int(random.integers(2, 14))
        is_round = random.random() < 0.3
        for reach, tone in ((7, 30), (5, 240), (3, 30)):
            near, far = (x - reach * unit // 2, y - reach * unit // 2), (x + reach * unit // 2, y + reach * unit // 2)
            if is_round:
                cv2.circle(page, (x, y), reach * unit // 2, tone, -1, cv2.LINE_AA)
            else:
                cv2.rectangle(page, near, far, tone, -1)
    return page


BOARDS: Final[tuple[Callable[[Random], Gray], ...]] = (
    *(_japanese_page, _latin_page, _timetable, _checkerboard, _module_noise, _codes_that_are_none, _other_codes),
    *(_bricks, _woven, _moire, _halftone, _targets),
)


# --- helpers of the boards


def _toned(pattern: Gray, random: Random) -> Gray:
    """Zeros and ones as dark and light."""
    dark, light = int(random.integers(10, 90)), int(random.integers(140, 250))
    return pattern * np.uint8(light - dark) + np.uint8(dark)


def _paste(page: Gray, stamp: Gray, random: Random) -> None:
    """Lays the stamp somewhere on the page, cut off at its edge."""
    left, top = (int(one) for one in random.integers((0, 0), (BOARD_WIDTH, BOARD_HEIGHT)))
    place = page[top : top + stamp.shape[0], left : left + stamp.shape[1]]
    place[:] = stamp[: place.shape[0], : place.shape[1]]


def _repeated(page: Gray, height: int) -> Gray:
    """The upper part of a page, once more below itself until the page is full."""
    upper = page[: min(height, BOARD_HEIGHT)]
    return np.tile(upper, (BOARD_HEIGHT // upper.shape[0] + 1, 1))[:BOARD_HEIGHT]


def _font(random: Random, size: int) -> ImageFont.FreeTypeFont:
    return _loaded(FONT_FILES[int(random.integers(len(FONT_FILES)))], size)


@functools.cache
def _loaded(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)
