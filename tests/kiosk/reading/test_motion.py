"""The motion gate opens at a movement, not at noise or flicker, and closes a second later."""

import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.reading.motion import MOST_UNREAD_FRAMES, OPEN_FRAMES, MotionGate, coarse_copy, has_moved

Gray = NDArray[np.uint8]


def noisy(spread: float, seed: int, brightness: float = 1.0) -> Gray:
    """A table top whose brightness changes from left to right, 720 × 1280, with sensor noise."""
    table = np.tile(np.linspace(60, 180, 1280), (720, 1)) * brightness
    return np.clip(table + np.random.default_rng(seed).normal(0, spread, table.shape), 0, 255).astype(np.uint8)


def with_card(frame: Gray, left: int) -> Gray:
    """A code of 80 pixels, the smallest that is read, at 300 from the top."""
    modules = np.random.default_rng(9).integers(0, 2, (40, 40)).astype(np.uint8) * 220
    shown = frame.copy()
    shown[300:380, left : left + 80] = np.kron(modules, np.ones((2, 2), np.uint8))
    return shown


def gate_closed_by(frames: list[Gray]) -> MotionGate:
    gate = MotionGate()
    is_open = [gate.is_open_for(frames[number % len(frames)]) for number in range(OPEN_FRAMES + len(frames))]
    assert not is_open[-1]
    return gate


def test_a_fresh_gate_is_open_for_a_second_of_frames() -> None:
    gate, frame = MotionGate(), noisy(0, 0)

    is_open = [gate.is_open_for(frame) for _ in range(OPEN_FRAMES + 2)]

    assert is_open == [True] * OPEN_FRAMES + [False] * 2


@pytest.mark.parametrize("spread", [2, 6, 14])
def test_noise_opens_nothing(spread: float) -> None:
    gate = gate_closed_by([noisy(spread, seed) for seed in range(3)])

    assert not any(gate.is_open_for(noisy(spread, seed)) for seed in range(3, 12))


def test_a_lamp_that_flickers_opens_nothing() -> None:
    frames = [noisy(3, seed, brightness) for seed, brightness in enumerate([1.0, 0.8] * 4)]

    gate = gate_closed_by(frames)

    assert not any(gate.is_open_for(frame) for frame in frames)


@pytest.mark.parametrize("spread", [2, 6, 14])
def test_a_small_card_that_comes_opens_it_at_once_and_for_a_second(spread: float) -> None:
    gate = gate_closed_by([noisy(spread, seed) for seed in range(3)])

    is_open = [gate.is_open_for(with_card(noisy(spread, seed), 600)) for seed in range(OPEN_FRAMES + 1)]

    assert is_open == [True] * OPEN_FRAMES + [False]


def test_a_hand_that_trembles_by_three_pixels_keeps_it_open() -> None:
    gate = MotionGate()

    is_open = [gate.is_open_for(with_card(noisy(4, number), 600 + 3 * (number % 2))) for number in range(25)]

    assert all(is_open)


def test_an_unread_code_keeps_it_open_but_not_for_ever() -> None:
    gate, frame = MotionGate(), noisy(0, 0)
    gate.is_open_for(frame)

    is_open = []
    for _ in range(MOST_UNREAD_FRAMES + 2 * OPEN_FRAMES):
        is_open.append(gate.is_open_for(frame))
        gate.keep_open()

    assert is_open.count(True) == MOST_UNREAD_FRAMES + OPEN_FRAMES - 1


def test_another_size_counts_as_movement() -> None:
    assert has_moved(coarse_copy(noisy(0, 0)), coarse_copy(noisy(0, 0)[:480, :640]))


def test_the_coarse_copy_is_small_and_its_own() -> None:
    frame = noisy(0, 0)

    coarse = coarse_copy(frame)

    assert coarse.shape == (90, 160)
    assert not np.shares_memory(coarse, frame)
