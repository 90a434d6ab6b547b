"""Codes that stand still are background; those that wander, or have just come, are held up by somebody."""

from __future__ import annotations

import numpy as np
import pytest

from kiosk.reading.background import MISSED_FRAMES, MOST_PLACES, STANDING_FRAMES, Background, Found, without

POSTER, CARD = "https://poster.example/", "KP1:A"


def found(text: str, left: int = 100, top: int = 100, side: int = 100) -> Found:
    right, bottom = left + side, top + side
    return Found(text, float(side**2), ((left, top), (right, top), (right, bottom), (left, bottom)))


def after(*frames: list[Found]) -> list[bool]:
    background = Background()
    return [background.holds_all(frame) for frame in frames]


def test_a_code_is_background_from_the_fifth_frame_on_in_which_it_stands() -> None:
    held = after(*[[found(POSTER)]] * (STANDING_FRAMES + 1))

    assert held == [False] * (STANDING_FRAMES - 1) + [True, True]


def test_corners_that_waver_by_a_pixel_stand_still() -> None:
    held = after(*[[found(POSTER, left=100 + wavering)] for wavering in (0, 1, -1, 0, 1, -1)])

    assert held[-2:] == [True, True]


def test_a_code_in_a_hand_that_wanders_is_never_background() -> None:
    held = after(*[[found(CARD, left=100 + 2 * frame)] for frame in range(60)])

    assert not any(held)


def test_a_code_in_a_hand_that_hovers_about_one_place_is_never_background() -> None:
    held = after(*[[found(CARD, left=100 + round(way))] for way in 8 * np.sin(1.3 * np.arange(120))])

    assert not any(held)


def test_of_two_posters_with_one_text_the_one_that_is_hidden_for_a_moment_is_remembered() -> None:
    both = [found(POSTER), found(POSTER, left=500)]

    held = after(*[both] * 9, both[1:], both)

    assert held[-2:] == [True, True]


def test_a_code_held_up_beside_the_background_is_none() -> None:
    held = after(*[[found(POSTER)]] * 9, [found(POSTER), found(CARD, left=500)], [found(POSTER)])

    assert held[-3:] == [True, False, True]


def test_the_same_text_at_another_place_is_another_code() -> None:
    held = after(*[[found(POSTER)]] * 9, [found(POSTER, left=500)], [found(POSTER), found(POSTER, left=500)])

    assert held[-3:] == [True, False, False]


@pytest.mark.parametrize(("missed", "is_kept"), [(MISSED_FRAMES - 1, True), (MISSED_FRAMES, False)])
def test_the_background_is_remembered_while_somebody_passes(*, missed: int, is_kept: bool) -> None:
    held = after(*[[found(POSTER)]] * 9, *[[]] * missed, [found(POSTER)])

    assert held[-1] == is_kept


def test_where_nothing_is_read_nothing_is_in_the_way() -> None:
    assert after([]) == [True]


def test_a_screen_full_of_ever_other_codes_fills_no_memory() -> None:
    background = Background()

    for frame in range(20):
        background.holds_all([found(f"{frame} {number}", left=number) for number in range(60)])

    assert len(background._places) == MOST_PLACES


def test_a_code_is_painted_over_and_nothing_else_is_touched() -> None:
    frame = np.random.default_rng(1).integers(0, 256, (300, 400), np.uint8)
    before = frame.copy()

    painted = without(frame, [found(POSTER, left=250, top=150)])

    assert (frame == before).all()
    assert np.ptp(painted[150:251, 250:351]) == 0
    painted[150:251, 250:351] = before[150:251, 250:351]
    assert (painted == before).all()


def test_a_code_that_reaches_over_the_edge_is_painted_as_far_as_it_goes() -> None:
    painted = without(np.zeros((90, 90), np.uint8), [found(POSTER, left=-50, top=-120), found(CARD, left=200)])

    assert painted.shape == (90, 90)
