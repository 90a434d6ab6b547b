"""The demo's pictures look like a camera's: never clean, read all the same, and the same again from the same seed."""

import string

import cv2
import numpy as np
import pytest

from demo.pictures import HEIGHT, WIDTH, Booth, Bytes, Kind, to_jpeg
from kiosk.decode import CodeReader

ALPHANUMERIC = string.digits + string.ascii_uppercase + " $%*+-./:"
TOKEN = "KP1:" + (ALPHANUMERIC * 4)[:141]
KINDS: list[Kind] = ["card", "phone"]


def as_the_kiosk_sees_it(picture: Bytes) -> Bytes:
    return np.asarray(cv2.imdecode(np.frombuffer(to_jpeg(picture), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_kiosk_reads_who_is_shown(kind: Kind, seed: int) -> None:
    booth = Booth(np.random.default_rng(seed))

    picture = booth.frame(booth.show(TOKEN, kind))

    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert CodeReader().read_still(as_the_kiosk_sees_it(picture)) == [TOKEN]


@pytest.mark.parametrize("kind", KINDS)
def test_each_frame_of_one_person_is_another_picture_of_the_same_code(kind: Kind) -> None:
    booth = Booth(np.random.default_rng(11))
    shown = booth.show(TOKEN, kind)

    frames = [booth.frame(shown) for _ in range(3)]

    assert len({frame.tobytes() for frame in frames}) == 3
    assert [CodeReader().read_still(as_the_kiosk_sees_it(frame)) for frame in frames] == [[TOKEN]] * 3


def test_nobody_before_the_camera_is_no_code() -> None:
    for seed in range(6):
        booth = Booth(np.random.default_rng(seed))

        assert CodeReader().read_still(as_the_kiosk_sees_it(booth.frame(None))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_code_is_clean(kind: Kind) -> None:
    for seed in range(4):
        booth = Booth(np.random.default_rng(seed))

        picture = as_the_kiosk_sees_it(booth.frame(booth.show(TOKEN, kind))).astype(np.int16)

        darkest, lightest = np.percentile(picture, [1, 99])
        steps = np.abs(np.diff(picture, axis=1))
        assert steps.max() < 0.6 * (lightest - darkest)  # no edge falls between two pixels, as a drawn one does
        assert np.median(steps) >= 2  # and no plane is without noise


def test_a_seed_gives_the_same_pictures_again() -> None:
    first, second = (Booth(np.random.default_rng(5)) for _ in range(2))

    again = [first.frame(first.show(TOKEN, "card")), second.frame(second.show(TOKEN, "card"))]

    assert to_jpeg(again[0]) == to_jpeg(again[1])


def test_a_longer_text_gets_smaller_modules_and_fits() -> None:
    booth = Booth(np.random.default_rng(3))
    text = "HTTPS://EXAMPLE.INVALID/" + "A" * 300

    picture = booth.frame(booth.show(text, "card"))

    assert CodeReader().read_still(as_the_kiosk_sees_it(picture)) == [text]
