"""Patches of one card lie on each other to a part of a pixel, so that their mean is the card with less noise."""

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.reading.stack import MOST_PATCHES, Stack
from kiosk.reading.window import Window

Gray = NDArray[np.uint8]
PLACE = Window(160, 100, 320)


def card() -> NDArray[np.float32]:
    """Modules of five pixels in the middle of a frame of 520 × 640."""
    modules = np.random.default_rng(4).integers(0, 2, (41, 41)) * 160.0 + 40
    frame = np.full((520, 640), 200, np.float32)
    frame[160:365, 220:425] = np.kron(modules, np.ones((5, 5)))
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 1.2), np.float32)


def moved(right: float, down: float, degrees: float = 0.0) -> NDArray[np.float32]:
    matrix = np.asarray(cv2.getRotationMatrix2D((320, 260), degrees, 1), np.float64)
    matrix[:, 2] += right, down
    return np.asarray(
        cv2.warpAffine(card(), matrix, (640, 520), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def seen(picture: NDArray[np.float32], noise: float, seed: int) -> Gray:
    drawn = picture + np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(drawn, 0, 255).astype(np.uint8)


def of_place(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture[PLACE.top : PLACE.top + PLACE.side, PLACE.left : PLACE.left + PLACE.side]


def middle(picture: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(picture[70:250, 70:250], np.float64)


def test_the_mean_of_a_trembling_card_is_the_card_with_less_noise() -> None:
    stack = Stack()
    ways = [(0.0, 0.0, 0.0), (2.3, -1.4, 0.3), (4.1, -3.6, -0.2), (1.2, 2.8, 0.4), (-3.5, 5.2, 0.1), (-6.4, 1.7, -0.3)]

    for seed, way in enumerate(ways):
        stack.add(seen(moved(*way), 12, seed), PLACE)

    alone = np.std(middle(of_place(seen(card(), 12, 0).astype(np.float32))) - middle(of_place(card())))
    assert len(stack) == len(ways)
    assert np.std(middle(stack.mean().astype(np.float32)) - middle(of_place(card()))) < 0.6 * alone


def test_a_card_carried_through_the_frame_is_followed() -> None:
    stack = Stack()

    for number in range(8):
        stack.add(seen(moved(18.0 * number, 6.0 * number), 4, number), PLACE)

    assert len(stack) == 8
    assert np.std(middle(stack.mean().astype(np.float32)) - middle(of_place(card()))) < 6


def test_a_lamp_that_wanders_is_not_in_the_darkest_values() -> None:
    stack = Stack()
    for number in range(8):
        picture = moved(number * 0.7, 0)
        cv2.circle(picture, (260 + 20 * number, 260), 30, 255, -1)
        stack.add(seen(picture, 2, number), PLACE)

    darkest = stack.darkest()

    assert len(stack) == 8
    assert np.abs(middle(darkest.astype(np.float32)) - middle(of_place(card()))).mean() < 12


def test_another_card_begins_a_new_stack() -> None:
    stack = Stack()
    for number in range(4):
        stack.add(seen(moved(number, 0), 4, number), PLACE)

    stack.add(np.asarray(np.rot90(seen(card(), 4, 9), 2)), PLACE)

    assert len(stack) == 1


def test_no_more_patches_are_kept_than_memory_is_meant_for() -> None:
    stack = Stack()

    for number in range(MOST_PATCHES + 5):
        stack.add(seen(moved(number % 3, 0), 4, number), PLACE)

    assert len(stack) == MOST_PATCHES


def test_a_plain_wall_is_no_error() -> None:
    stack, wall = Stack(), np.full((520, 640), 90, np.uint8)

    for _ in range(3):
        stack.add(wall, PLACE)

    assert np.array_equal(stack.mean(), stack.darkest())
