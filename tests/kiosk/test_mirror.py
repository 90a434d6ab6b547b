"""The camera picture people see of themselves: small, mirrored, and made only while somebody looks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from kiosk.camera import Gray
from kiosk.mirror import KEPT_MS, STILL_LIVELY_MS, WIDTH, Mirror


def frame(level: int = 100, size: tuple[int, int] = (720, 1280)) -> Gray:
    """A picture that is dark on its left and bright on its right."""
    picture = np.full(size, level, np.uint8)
    picture[:, : size[1] // 2] = 10
    return picture


def decoded(jpeg: bytes) -> Gray:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def times_made(mirror: Mirror, until_ms: int, *, seen_at_ms: int = -1) -> list[int]:
    """Offer a frame every 66 ms while somebody looks all the time; return when a new picture was made."""
    made, last = [], mirror.take()
    for now_ms in range(0, until_ms, 66):
        mirror.offer(frame(100 + now_ms // 66 % 2), now_ms, is_something_seen=now_ms == seen_at_ms)
        jpeg = mirror.take()
        if jpeg is not last:
            made.append(now_ms)
        last = jpeg
    return made


@pytest.mark.parametrize("size", [(720, 1280), (480, 640), (1944, 2592), (100, 60)])
def test_a_picture_is_small_and_mirrored(size: tuple[int, int]) -> None:
    mirror = Mirror()
    mirror.take()

    mirror.offer(frame(200, size), 0, is_something_seen=False)
    picture = decoded(mirror.take())

    assert picture.shape == (round(size[0] * WIDTH / size[1]), WIDTH)
    assert picture[:, : WIDTH // 4].mean() > 190
    assert picture[:, -WIDTH // 4 :].mean() < 20


def test_nothing_is_made_while_nobody_looks() -> None:
    mirror = Mirror()

    mirror.offer(frame(), 0, is_something_seen=True)

    assert mirror.take() == b""


def test_two_pictures_a_second_are_made_while_nothing_happens() -> None:
    assert len(times_made(Mirror(), 10_000)) == 20 - 1


def test_eight_a_second_at_most_are_made_for_three_seconds_after_something_was_seen() -> None:
    made = times_made(Mirror(), 12_000, seen_at_ms=66 * 30)

    lively = [at for at in made if 1_980 <= at < 1_980 + STILL_LIVELY_MS]
    assert 22 <= len(lively) <= 24
    assert len([at for at in made if at >= 1_980 + STILL_LIVELY_MS]) <= 14


def test_somebody_who_moves_makes_it_lively_and_noise_does_not() -> None:
    mirror = Mirror()
    times_made(mirror, 1_200)
    noise_alone = mirror.is_lively(1_200)

    mirror.offer(frame(180), 2_000, is_something_seen=False)

    assert not noise_alone
    assert mirror.is_lively(2_000)


def test_nobody_sees_the_picture_of_the_person_before() -> None:
    mirror = Mirror()
    mirror.take()
    mirror.offer(frame(), 0, is_something_seen=True)

    mirror.offer(frame(), KEPT_MS - 1, is_something_seen=False)
    kept = mirror._jpeg
    mirror.offer(frame(), KEPT_MS, is_something_seen=False)

    assert kept
    assert mirror.take() == b""


def test_the_picture_of_a_camera_that_has_gone_is_forgotten() -> None:
    mirror = Mirror()
    mirror.take()
    mirror.offer(frame(), 0, is_something_seen=False)

    mirror.forget()

    assert mirror.take() == b""
