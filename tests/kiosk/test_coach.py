"""A code that is seen and not read is said to be seen, and after three seconds there is a hint that stays a while."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from kiosk.coach import DARK, GONE_MS, HINT_AFTER_MS, HINT_STAYS_MS, SMALL_SIDE, Coaching, after, hint_for
from kiosk.sight import NOTHING, Code, Hint, Sight, Unread

SIZE = (720, 1280)
FRAME_MS = 66
BLURRED = Sight(unread=Unread(300.0, 130.0))
SMALL = Sight(unread=Unread(80.0, 130.0))
CARD = Sight((Code("KP1:A", 90_000.0),))


def coached(frames: Iterable[tuple[int, Sight]], coaching: Coaching | None = None) -> Coaching:
    coaching = coaching or Coaching()
    for now_ms, sight in frames:
        coaching = after(coaching, sight, SIZE, now_ms)
    return coaching


def held(sight: Sight, from_ms: int, to_ms: int) -> list[tuple[int, Sight]]:
    return [(now_ms, sight) for now_ms in range(from_ms, to_ms, FRAME_MS)]


def test_one_frame_is_nothing_and_two_running_are_something_seen() -> None:
    once = coached([(0, BLURRED)])
    with_a_gap = coached([(66, NOTHING), (132, BLURRED)], once)
    twice = coached([(66, BLURRED)], once)

    assert [once.is_seen, with_a_gap.is_seen, twice.is_seen] == [False, False, True]
    assert twice.hint is None


def test_a_hint_comes_after_three_seconds_and_not_before() -> None:
    before = coached([(0, BLURRED), (HINT_AFTER_MS - 1, BLURRED)])
    then = coached([(HINT_AFTER_MS, BLURRED)], before)

    assert before.hint is None
    assert then.hint is Hint.STEADY


def test_a_code_that_is_read_ends_the_coaching() -> None:
    hinted = coached(held(BLURRED, 0, 4_000))

    read = coached([(4_000, CARD)], hinted)

    assert hinted.hint is Hint.STEADY
    assert read == Coaching()


def test_a_poster_in_the_background_does_not_keep_the_hint_from_the_person_before_it() -> None:
    before_a_poster = BLURRED._replace(codes=(Code("https://poster.example/", 9_000.0),))

    hinted = coached(held(before_a_poster, 0, 4_000))

    assert hinted.hint is Hint.STEADY


def test_a_poster_alone_is_nothing_to_coach() -> None:
    assert coached(held(Sight((Code("https://poster.example/", 9_000.0),)), 0, 4_000)) == Coaching()


def test_a_moment_unseen_changes_nothing_and_a_second_ends_it() -> None:
    hinted = coached(held(BLURRED, 0, 4_000))

    trembling = coached([(3_960 + GONE_MS - 1, NOTHING)], hinted)
    gone = coached([(3_960 + GONE_MS, NOTHING)], hinted)

    assert trembling.is_seen
    assert trembling.hint is Hint.STEADY
    assert gone == Coaching()


def test_a_hint_stays_for_a_while_and_then_follows_what_is_seen() -> None:
    hinted = coached([(0, SMALL), (66, SMALL), (HINT_AFTER_MS, SMALL)])
    nearer = held(BLURRED, HINT_AFTER_MS + FRAME_MS, HINT_AFTER_MS + HINT_STAYS_MS)

    meanwhile = coached(nearer, hinted)
    later = coached([(HINT_AFTER_MS + HINT_STAYS_MS, BLURRED)], meanwhile)

    assert [hinted.hint, meanwhile.hint, later.hint] == [Hint.CLOSER, Hint.CLOSER, Hint.STEADY]


@pytest.mark.parametrize(
    ("side", "brightness", "hint"),
    [
        (SMALL_SIDE - 1, 130.0, Hint.CLOSER),
        (SMALL_SIDE, 130.0, Hint.STEADY),
        (611.0, 130.0, Hint.STEADY),
        (612.0, 130.0, Hint.FARTHER),
        (300.0, DARK - 1, Hint.BRIGHTER),
        (300.0, 206.0, Hint.LESS_GLARE),
        (80.0, 20.0, Hint.CLOSER),
    ],
)
def test_the_hint_is_what_most_likely_helps(side: float, brightness: float, hint: Hint) -> None:
    assert hint_for(Unread(side, brightness), SIZE) is hint


def test_the_hint_is_drawn_from_more_than_the_last_frame() -> None:
    flash = Sight(unread=Unread(300.0, 255.0))

    hinted = coached([*held(BLURRED, 0, HINT_AFTER_MS), (HINT_AFTER_MS, flash)])

    assert hinted.hint is Hint.STEADY
