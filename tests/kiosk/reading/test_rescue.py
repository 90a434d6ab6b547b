"""Each rescue step makes readable what it is for: blur, smear, noise; finder patterns, what is tilted or hidden. The
real decoder says what is readable.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from numpy.typing import NDArray

from kiosk.reading.finder import MOST_FINDERS, by_finders, find_finders
from kiosk.reading.rescue import (
    SMEAR_TURNS,
    Prepared,
    equalised,
    sharpened,
    smear_turn,
    smoothed,
    unblurred,
    unblurred_wide,
    unsmeared,
)

Gray = NDArray[np.uint8]
Step = Callable[[Gray], Iterator[Prepared]]
TEXT = "KP1:" + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 3 + "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGH"
QR_ONLY = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])
STEPS: list[Step] = [equalised, sharpened, smoothed, unblurred, unblurred_wide, unsmeared]


def patch(module_pixels: int = 5, dark: int = 30, light: int = 215) -> Gray:
    """A code of version 6 in the middle of 320 × 320."""
    made = segno.make_qr(TEXT, error="m", boost_error=False)
    rows = [[dark if module else light for module in row] for row in made.matrix_iter(scale=module_pixels)]
    code = np.array(rows, np.uint8)
    beside = 320 - code.shape[0]
    return np.asarray(
        cv2.copyMakeBorder(
            code, beside // 2, beside - beside // 2, beside // 2, beside - beside // 2, cv2.BORDER_CONSTANT, value=light
        ),
        np.uint8,
    )


def noisy(picture: cv2.typing.MatLike, spread: float = 2.0) -> Gray:
    noise = np.random.default_rng(8).normal(0, spread, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def defocused(spread: float) -> Gray:
    return noisy(cv2.GaussianBlur(patch(), (0, 0), spread))


def smeared(length: int, degrees: float) -> Gray:
    kernel = np.zeros((31, 31), np.float32)
    kernel[15, 15 - length // 2 : 15 + length // 2 + 1] = 1
    turned = cv2.warpAffine(kernel, cv2.getRotationMatrix2D((15, 15), -degrees, 1), (31, 31))
    return noisy(cv2.filter2D(patch(), -1, turned / turned.sum()))


def texts_in(gray: Gray) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(gray, QR_ONLY)]


def first_text(prepared: list[Prepared]) -> list[str]:
    return next((texts for picture in prepared if (texts := texts_in(picture.gray))), [])


@pytest.mark.parametrize("spread", [2.5, 2.8, 3.1])
def test_defocus_is_taken_back(spread: float) -> None:
    gray = defocused(spread)

    assert texts_in(gray) == []
    assert first_text([*unblurred(gray)]) == [TEXT]


def test_heavy_defocus_is_taken_back_by_the_wide_filter() -> None:
    gray = defocused(3.4)

    assert texts_in(gray) == []
    assert first_text([*unblurred_wide(gray)]) == [TEXT]


@pytest.mark.parametrize("degrees", [0, 30, 75, 90, 120])
def test_a_smear_is_taken_back_in_whatever_direction(degrees: float) -> None:
    gray = smeared(11, degrees)

    assert texts_in(gray) == []
    assert first_text([*unsmeared(gray)]) == [TEXT]


@pytest.mark.parametrize("degrees", [0, 30, 75, 90, 140])
def test_the_direction_of_a_smear_is_found(degrees: float) -> None:
    apart = abs(smear_turn(smeared(11, degrees)) - degrees / 180 * SMEAR_TURNS) % SMEAR_TURNS

    assert min(apart, SMEAR_TURNS - apart) <= 1


def test_noise_is_smoothed_away() -> None:
    gray = noisy(patch(dark=70, light=110), 22)

    assert texts_in(gray) == []
    assert first_text([*smoothed(gray)]) == [TEXT]


@pytest.mark.parametrize("step", [step for step in STEPS if step is not unsmeared])
def test_a_good_picture_stays_readable_by_every_step_but_the_one_for_smears(step: Step) -> None:
    assert first_text([*step(patch())]) == [TEXT]


@pytest.mark.parametrize("step", [*STEPS, by_finders])
def test_a_step_leaves_the_picture_it_is_given_alone(step: Step) -> None:
    gray = patch()
    gray[:75, :75] = 130
    before = gray.copy()

    list(step(gray))

    assert np.array_equal(gray, before)


def test_three_finder_patterns_are_found_in_a_code_and_none_in_text() -> None:
    text = np.full((320, 320), 220, np.uint8)
    for line in range(8):
        cv2.putText(text, "KUMAPO 0O8B", (8, 35 + 38 * line), 0, 1.1, 30, 2, cv2.LINE_AA)

    assert len(find_finders(patch())) == 3
    assert find_finders(text) == []


def test_a_wall_of_squares_gives_no_more_than_can_be_tried() -> None:
    one = np.full((36, 36), 255, np.uint8)
    for inset, level in ((4, 0), (8, 255), (12, 0)):
        one[inset:-inset, inset:-inset] = level

    assert len(find_finders(np.tile(one, (8, 8)))) == MOST_FINDERS


@pytest.mark.parametrize("corner", [(75, 75), (245, 75), (75, 245)])
def test_a_hidden_finder_pattern_is_drawn_and_nothing_else_is(corner: tuple[int, int]) -> None:
    gray = patch()
    cv2.circle(gray, corner, 26, 140, -1)

    pictures = [prepared.gray for prepared in by_finders(gray)]

    assert texts_in(gray) == []
    readable = next(picture for picture in pictures if texts_in(picture) == [TEXT])
    down, across = np.nonzero(readable != gray)
    assert abs(across - corner[0]).max() < 30
    assert abs(down - corner[1]).max() < 30


def test_too_much_hidden_stays_unread() -> None:
    gray = patch()
    cv2.circle(gray, (75, 75), 26, 140, -1)
    cv2.rectangle(gray, (150, 110), (240, 200), 140, -1)

    assert first_text([*by_finders(gray)]) == []


def tilted(degrees: float, axis_degrees: float) -> Gray:
    """Seen by a pinhole of 1,400 pixels, tilted around a line through its middle."""
    axis = np.radians(axis_degrees)
    rotation = np.asarray(cv2.Rodrigues(np.radians(degrees) * np.array([np.cos(axis), np.sin(axis), 0]))[0], np.float64)
    to_middle = np.array([[1, 0, -160], [0, 1, -160], [0, 0, 1]])
    plane = np.column_stack([rotation[:, 0], rotation[:, 1], [0, 0, 1400]]) @ to_middle
    lens = np.array([[1400, 0, 160], [0, 1400, 160], [0, 0, 1]])
    seen = cv2.warpPerspective(patch(6), lens @ plane, (320, 320), borderMode=cv2.BORDER_REPLICATE)
    return noisy(cv2.GaussianBlur(seen, (0, 0), 0.7))


@pytest.mark.parametrize("axis_degrees", [15, 30, 45, 60])
def test_a_code_tilted_too_far_for_the_decoder_is_made_upright(axis_degrees: float) -> None:
    gray = tilted(60, axis_degrees)

    assert texts_in(gray) == []
    assert first_text([*by_finders(gray)]) == [TEXT]
