"""The likeliest window holds the code, in a large frame and a small one, before quiet and before busy walls."""

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from kiosk.reading.window import PATCH, Window, cut, likely_windows, reduced, scale_of

Gray = NDArray[np.uint8]


def busy_wall(seed: int = 0) -> Gray:
    """Letters and stripes all over, 720 × 1280."""
    random = np.random.default_rng(seed)
    wall = np.full((720, 1280), 170, np.uint8)
    for _ in range(60):
        left, top = int(random.integers(-100, 1200)), int(random.integers(20, 720))
        cv2.putText(wall, "KUMAPO 0123", (left, top), 0, float(random.uniform(0.5, 1.5)), 60, 2, cv2.LINE_AA)
    wall[:, 900:] = np.where(np.arange(380) // 9 % 2, 20, 240)
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 1), np.uint8)


def card(module_pixels: int) -> Gray:
    made = segno.make_qr("KP1:" + "7" * 100, error="m", boost_error=False)
    return np.array([[0 if dark else 255 for dark in row] for row in made.matrix_iter(scale=module_pixels)], np.uint8)


def with_card(wall: Gray, module_pixels: int, left: int, top: int) -> tuple[Gray, Window]:
    """The wall with a card on it, and where the code is."""
    code, frame = card(module_pixels), wall.copy()
    frame[top : top + code.shape[0], left : left + code.shape[1]] = code
    quiet = 4 * module_pixels
    return frame, Window(left + quiet, top + quiet, code.shape[0] - 2 * quiet)


def holds(window: Window, code: Window) -> bool:
    is_across = window.left <= code.left and code.left + code.side <= window.left + window.side
    return is_across and window.top <= code.top and code.top + code.side <= window.top + window.side


@pytest.mark.parametrize("module_pixels", [2, 3, 5, 8, 12])
@pytest.mark.parametrize(("left", "top"), [(210, 10), (500, 80), (640, 100)])
def test_the_likeliest_window_holds_the_code(module_pixels: int, left: int, top: int) -> None:
    frame, code = with_card(busy_wall(), module_pixels, left, top)

    windows = likely_windows(frame.shape, reduced(frame), None, 2)

    assert holds(windows[0], code)


def test_a_card_out_of_focus_that_moves_goes_before_a_sharp_poster_that_hangs_there() -> None:
    poster, behind = with_card(busy_wall(), 5, 250, 300)
    frames = [with_card(np.full((720, 1280), 150, np.uint8), 4, 800 + move, 300) for move in (0, 6)]
    before, after = (poster.copy(), poster.copy())
    for frame, (drawn, _) in zip((before, after), frames, strict=True):
        frame[:, 780:1100] = cv2.GaussianBlur(drawn, (0, 0), 4)[:, 780:1100]

    (still,) = likely_windows(after.shape, reduced(after), None, 1)
    (moving,) = likely_windows(after.shape, reduced(after), reduced(before), 1)

    assert holds(still, behind)
    assert holds(moving, frames[1][1])


def test_a_patch_is_of_one_size_whatever_the_window() -> None:
    frame = busy_wall()

    patches = [cut(frame, Window(*place)) for place in [(0, 0, 100), (1200, 700, 320), (-50, -50, 400), (10, 10, 700)]]

    assert {patch.shape for patch in patches} == {(PATCH, PATCH)}


def test_a_patch_tells_how_many_pixels_of_the_frame_its_own_are() -> None:
    assert [scale_of(Window(0, 0, side)) for side in (100, PATCH, 2 * PATCH)] == [1, 1, 2]


@pytest.mark.parametrize("shape", [(1, 1), (5, 4000), (90, 90), (20, 20)])
def test_a_frame_too_small_to_search_is_one_window(shape: tuple[int, int]) -> None:
    frame = np.zeros(shape, np.uint8)

    windows = likely_windows(shape, reduced(frame), None, 2)

    assert windows in ([Window(0, 0, max(shape))], [])
    assert cut(frame, Window(0, 0, max(shape))).shape == (PATCH, PATCH)


def test_a_plain_wall_has_no_window() -> None:
    wall = np.full((720, 1280), 99, np.uint8)

    assert likely_windows(wall.shape, reduced(wall), None, 2) == []
