"""A camera that shows nothing useful is recognised; a hand, a near card, a dark hall with a phone in it are not so."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
import pytest
from kiosk_booth import picture_of
from numpy.typing import NDArray

from demo.pictures import Booth
from kiosk.camera import Gray
from kiosk.health import (
    BETTER_AFTER_MS,
    FROZEN_AFTER_MS,
    JUDGE_EVERY_MS,
    WORSE_AFTER_MS,
    Health,
    after,
    look_of,
    points_of,
)
from kiosk.sight import CameraState

FRAME_MS = 100
ACROSS, DOWN = np.meshgrid(np.linspace(-1, 1, 1280), np.linspace(-1, 1, 720))


Light = NDArray[np.uint8] | NDArray[np.float64]


def filmed(light: Light, noise: float, seed: int = 1) -> Gray:
    """Return what a camera makes of the light: noise, a range that ends at black and white, JPEG."""
    noisy = light + np.random.default_rng(seed).normal(0, noise, light.shape)
    jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8))[1]
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)


def room() -> Gray:
    light = picture_of("KP1:ROOM")
    light[:, 900:] = 60
    return light


def cloth() -> Gray:
    """Return what shines through a cloth or a hand: brighter in the middle, nothing in focus."""
    return (90 + 25 * np.cos(2 * ACROSS) * np.cos(DOWN)).astype(np.uint8)


def dark_hall_with_a_phone() -> Gray:
    light = np.full((720, 1280), 5, np.uint8)
    light[300:560, 600:740] = 150
    return light


def near_card() -> Gray:
    """Return a card that fills the picture: a part of its code, and paper."""
    enlarged = cv2.resize(picture_of("KP1:NEAR"), None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    return np.asarray(enlarged, np.uint8)[800:1520, 500:1780]


def near_blurred_card() -> Gray:
    return np.asarray(cv2.GaussianBlur(near_card(), (0, 0), 15), np.uint8)


def wall_with_one_card() -> Gray:
    """Return a bare wall, and one card a step away."""
    light = np.full((720, 1280), 190, np.uint8)
    light[300:424, 600:724] = np.kron(np.random.default_rng(2).integers(0, 2, (31, 31)), np.ones((4, 4))) * 190
    return light


def patterned_table_cloth() -> Gray:
    """Return a check that fills the picture, finer than the points that are looked at."""
    across, down = np.indices((720, 1280)) // 11
    return np.where((across + down) % 2, np.uint8(190), np.uint8(100))


def sun(share: float) -> Light:
    """Return a room into whose picture the sun shines: brighter than the sensor can tell."""
    light = room().astype(np.float64)
    light[:, : round(1280 * share)] = 400
    return light


@pytest.mark.parametrize("noise", [1, 4, 12])
@pytest.mark.parametrize(
    ("light", "looks"),
    [
        (room, CameraState.GOOD),
        (lambda: room() // 4, CameraState.GOOD),
        (dark_hall_with_a_phone, CameraState.GOOD),
        (near_card, CameraState.GOOD),
        (near_blurred_card, CameraState.GOOD),
        (wall_with_one_card, CameraState.GOOD),
        (patterned_table_cloth, CameraState.GOOD),
        (lambda: np.zeros((720, 1280), np.uint8), CameraState.BLACK),
        (lambda: np.full((720, 1280), 12, np.uint8), CameraState.BLACK),
        (cloth, CameraState.COVERED),
        (lambda: np.full((720, 1280), 110, np.uint8), CameraState.COVERED),
        (lambda: sun(1.0), CameraState.OVEREXPOSED),
        (lambda: sun(0.8), CameraState.OVEREXPOSED),
        (lambda: sun(0.5), CameraState.GOOD),
    ],
)
def test_what_one_picture_looks_like(light: Callable[[], Light], looks: CameraState, noise: float) -> None:
    assert look_of(points_of(filmed(light(), noise))) is looks


@pytest.mark.parametrize("seed", [1002, 1006, 1014, 1019])  # halls and tables out of focus, of little contrast
def test_a_hall_out_of_focus_is_no_covered_lens(seed: int) -> None:
    empty = Booth(np.random.default_rng(seed)).frame(None)

    looks = look_of(points_of(np.asarray(cv2.cvtColor(empty, cv2.COLOR_BGR2GRAY), np.uint8)))

    assert looks is CameraState.GOOD


@pytest.mark.parametrize("shape", [(1, 1), (4, 400), (48, 64), (360, 640), (1080, 1920), (2464, 3280)])
def test_pictures_of_every_size_can_be_looked_at(shape: tuple[int, int]) -> None:
    points = points_of(np.zeros(shape, np.uint8))

    assert points.size <= 100 * 160
    assert look_of(points) in {CameraState.BLACK, CameraState.GOOD}


ROOMS = [filmed(room(), 3, seed) for seed in range(4)]
CLOTHS = [filmed(cloth(), 3, seed) for seed in range(4)]
DARKS = [filmed(np.zeros((720, 1280)), 3, seed) for seed in range(4)]


def states(pictures: Iterable[list[Gray]], health: Health | None = None) -> tuple[list[CameraState], Health]:
    """Return the state after each picture; every list is pictures that come again in turn, 100 ms each."""
    health = health or Health()
    found = []
    for number, chosen in enumerate(pictures):
        health = after(health, chosen[number % len(chosen)], number * FRAME_MS)
        found.append(health.state)
    return found, health


def test_the_first_good_picture_says_that_all_is_well() -> None:
    found, _ = states([ROOMS])

    assert found == [CameraState.GOOD]


def test_a_lens_cap_left_on_is_said_after_a_while_and_until_then_the_camera_is_starting() -> None:
    found, _ = states([DARKS] * 35)

    assert found[: WORSE_AFTER_MS // FRAME_MS] == [CameraState.STARTING] * 30
    assert found[-5:] == [CameraState.BLACK] * 5


def test_a_hand_that_passes_by_is_not_said() -> None:
    passing = (WORSE_AFTER_MS - JUDGE_EVERY_MS) // FRAME_MS

    found, _ = states([*[ROOMS] * 20, *[CLOTHS] * passing, *[ROOMS] * 20, *[CLOTHS] * passing, *[ROOMS] * 20])

    assert set(found) == {CameraState.GOOD}


def test_a_cloth_that_stays_is_said_and_its_going_too() -> None:
    found, _ = states([*[ROOMS] * 20, *[CLOTHS] * 50, *[ROOMS] * 30])

    covered = [number for number, state in enumerate(found) if state is CameraState.COVERED]
    assert set(found) == {CameraState.GOOD, CameraState.COVERED}
    assert 0 <= covered[0] * FRAME_MS - 2_000 - WORSE_AFTER_MS <= JUDGE_EVERY_MS
    assert 0 <= (covered[-1] + 1) * FRAME_MS - 7_000 - BETTER_AFTER_MS <= JUDGE_EVERY_MS
    assert covered == list(range(covered[0], covered[-1] + 1))


def test_a_picture_between_dark_and_covered_is_said_once() -> None:
    wavering = [DARKS if number // 7 % 2 else CLOTHS for number in range(120)]

    found, _ = states([*[ROOMS] * 10, *wavering])

    assert len(set(found)) == 2
    assert found[-1] is not CameraState.GOOD


def test_the_same_picture_to_the_bit_for_five_seconds_is_frozen_and_any_other_ends_it() -> None:
    found, _ = states([*[ROOMS] * 10, *[[ROOMS[1]]] * 60, [ROOMS[2]]])

    frozen_from = 9 + FROZEN_AFTER_MS // FRAME_MS
    assert found[:frozen_from] == [CameraState.GOOD] * frozen_from
    assert found[frozen_from:-1] == [CameraState.FROZEN] * (len(found) - 1 - frozen_from)
    assert found[-1] is CameraState.GOOD


def test_a_still_room_is_not_frozen_for_its_noise_lives() -> None:
    found, _ = states([ROOMS] * 200)

    assert set(found) == {CameraState.GOOD}


def test_a_black_or_white_picture_is_not_called_frozen_though_it_has_no_noise() -> None:
    dark, _ = states([[np.zeros((720, 1280), np.uint8)]] * 100)
    white, _ = states([[np.full((720, 1280), 255, np.uint8)]] * 100)

    assert dark[-1] is CameraState.BLACK
    assert white[-1] is CameraState.OVEREXPOSED
    assert CameraState.FROZEN not in {*dark, *white}
