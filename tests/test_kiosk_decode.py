"""Codes are read by the real decoders, and only what a code says as text comes out."""

import string
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from kiosk import decode
from kiosk.decode import CodeReader

Gray = NDArray[np.uint8]
TOKEN = "KP1:" + (string.digits + string.ascii_uppercase + " $%*+-./:") * 3 + "ABCDEF"


def code(content: str | bytes, module_pixels: int = 4, encoding: str | None = None) -> Gray:
    made = segno.make_qr(content, error="m", boost_error=False, encoding=encoding)
    return pixels(made, module_pixels)


def pixels(made: segno.QRCode, module_pixels: int) -> Gray:
    rows = made.matrix_iter(scale=module_pixels, border=4)
    return np.array([[0 if dark else 255 for dark in row] for row in rows], np.uint8)


def scene(*placed: tuple[Gray, int, int]) -> Gray:
    """A gray wall of 720 × 1280 with codes at (top, left)."""
    wall = np.full((720, 1280), 128, np.uint8)
    for picture, top, left in placed:
        wall[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return wall


def dim() -> Gray:
    noise = np.random.default_rng(0).normal(0, 15, (720, 1280))
    return np.clip(scene((code(TOKEN), 200, 400)) * 0.3 + noise, 0, 255).astype(np.uint8)


def out_of_focus() -> Gray:
    return np.asarray(cv2.GaussianBlur(scene((code(TOKEN), 200, 400)), (0, 0), 2.1), np.uint8)


def tiny() -> Gray:
    """1.3 pixels a module."""
    small = cv2.resize(code(TOKEN, 8), (62, 62), interpolation=cv2.INTER_AREA)
    return scene((np.asarray(small, np.uint8), 200, 400))


HARD = [dim, out_of_focus, tiny]


def test_a_member_code_is_read_letter_by_letter() -> None:
    assert CodeReader().read(scene((code(TOKEN), 100, 300))) == [TOKEN]


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_turned_code_is_read(quarter_turns: int) -> None:
    turned = np.rot90(scene((code(TOKEN), 100, 300)), quarter_turns)

    assert CodeReader().read(turned) == [TOKEN]


def test_a_code_in_dark_mode_is_read() -> None:
    assert CodeReader().read(scene((255 - code(TOKEN), 100, 300))) == [TOKEN]


@pytest.mark.parametrize("small_first", [True, False])
def test_the_largest_code_comes_first(small_first: bool) -> None:  # noqa: FBT001
    small, large = code("SMALL", 3), code("LARGE", 8)
    placed = [(small, 20, 20), (large, 300, 800)] if small_first else [(large, 20, 20), (small, 500, 800)]

    assert CodeReader().read(scene(*placed)) == ["LARGE", "SMALL"]


def test_a_text_shown_twice_comes_once() -> None:
    assert CodeReader().read(scene((code("SAME"), 20, 20), (code("SAME"), 300, 800))) == ["SAME"]


def test_a_code_of_bytes_that_are_no_text_gives_nothing() -> None:
    binary = bytes(range(0, 255, 3))
    picture = scene((code(binary), 100, 300))

    assert CodeReader().read(picture) == []
    assert CodeReader().read_still(picture) == []


def test_a_text_in_japanese_comes_as_it_is() -> None:
    assert CodeReader().read(scene((code("見本1"), 100, 300))) == ["見本1"]


def test_a_damaged_code_gives_nothing() -> None:
    damaged = code(TOKEN)
    damaged[70:130, 40:150] = 255

    assert CodeReader().read_still(scene((damaged, 100, 300))) == []


@pytest.mark.parametrize(("length", "is_read"), [(4096, True), (4097, False)])
def test_a_text_beyond_any_of_ours_is_dropped(length: int, is_read: bool) -> None:  # noqa: FBT001
    picture = pixels(segno.make_qr("7" * length, error="l", boost_error=False), 3)

    assert CodeReader().read(picture) == (["7" * length] if is_read else [])


def test_a_bar_code_and_an_empty_wall_give_nothing() -> None:
    bars = np.repeat(np.random.default_rng(1).integers(0, 2, 95).astype(np.uint8) * 255, 4)

    picture = scene((np.tile(bars, (100, 1)), 100, 300))

    assert CodeReader().read_still(picture) == []
    assert CodeReader().read_still(scene()) == []


def test_a_part_of_a_larger_picture_is_read_in_place() -> None:
    wide = np.dstack([scene((code(TOKEN), 100, 300))] * 3)[:, :, 1]

    assert CodeReader().read(wide) == [TOKEN]


def test_no_picture_gives_nothing() -> None:
    assert CodeReader().read_still(np.zeros((0, 0), np.uint8)) == []


@pytest.mark.parametrize("draw", HARD)
def test_a_still_that_the_first_pass_misses_is_rescued(draw: Callable[[], Gray]) -> None:
    picture = draw()

    assert CodeReader().read(picture) == []
    assert CodeReader().read_still(picture) == [TOKEN]


def test_each_step_before_zbar_reads_a_code() -> None:
    picture = scene((code(TOKEN), 100, 300))

    *own_steps, _ = CodeReader()._steps()
    texts = [step(picture) for step in own_steps]

    assert texts == [[TOKEN]] * 4


@pytest.mark.parametrize("draw", HARD)
def test_without_zbar_the_other_steps_rescue_too(draw: Callable[[], Gray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_zbar", lambda: None)

    assert CodeReader().read_still(draw()) == [TOKEN]
    assert CodeReader().read_still(scene()) == []


@pytest.mark.skipif(decode._zbar() is None, reason="libzbar0 is not installed")
def test_zbar_is_not_believed_beyond_ascii() -> None:
    accented = scene((code("Zürich", encoding="utf-8"), 100, 300))

    assert decode._read_by_zbar(accented) == []
    assert decode._read_by_zbar(scene((code(TOKEN), 100, 300))) == [TOKEN]


def test_a_huge_still_is_read_without_enlarging_it() -> None:
    huge = cv2.resize(scene((code(TOKEN), 100, 300)), (5120, 2880), interpolation=cv2.INTER_NEAREST)

    assert CodeReader().read_still(np.asarray(huge, np.uint8)) == [TOKEN]
    assert decode._read_enlarged(np.asarray(huge, np.uint8)) == []
