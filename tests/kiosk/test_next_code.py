"""A code held in view is scanned once and answered once more; the larger of two goes first; a sheet is no queue."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest

from kiosk.next_code import CLEARLY_LARGER, GONE_MS, POSTER_GONE_MS, REPEAT_MS, STAYING_MS, SWAP_MS, WAIT_MS, View, look
from kiosk.sight import Code

CARD, OTHER, POSTER = "KP1:A", "KP1:B", "https://poster.example/"
FRAME_MS = 66
SMALL, LARGE = 10_000.0, 20_000.0

Moment = tuple[int, Sequence[str | Code]]


def looks(frames: Iterable[Moment]) -> tuple[list[tuple[int, str]], list[int]]:
    """Return what is scanned when, and when others are told to wait, for frames at so many milliseconds."""
    view: View = {}
    scanned, waiting = [], []
    for now_ms, codes in frames:
        looked = look(view, [code if isinstance(code, Code) else Code(code, SMALL) for code in codes], now_ms)
        view = looked.view
        if looked.chosen is not None:
            scanned.append((now_ms, looked.chosen))
        if looked.others_wait:
            waiting.append(now_ms)
    return scanned, waiting


def scans(frames: Iterable[Moment]) -> list[tuple[int, str]]:
    return looks(frames)[0]


def held(codes: Sequence[str | Code], from_ms: int, to_ms: int) -> list[Moment]:
    return [(now_ms, codes) for now_ms in range(from_ms, to_ms, FRAME_MS)]


def test_a_code_held_for_a_minute_is_one_scan_and_one_calm_repeat() -> None:
    found = scans(held([CARD], 0, 60_000))

    assert [text for _, text in found] == [CARD, CARD]
    assert found[0][0] == 0
    assert REPEAT_MS <= found[1][0] < REPEAT_MS + FRAME_MS


def test_a_code_without_text_is_answered_and_repeated_as_any_other() -> None:
    found = scans(held([""], 0, 60_000))

    assert [text for _, text in found] == ["", ""]
    assert found[1][0] >= REPEAT_MS


def test_a_code_without_text_never_comes_before_a_member_code() -> None:
    found = scans(held([Code("", 9 * LARGE), CARD], 0, REPEAT_MS))

    assert found == [(0, CARD)]


def test_a_moment_of_trembling_is_not_a_second_scan() -> None:
    found = scans([(0, [CARD]), (100, []), (GONE_MS - 1, [CARD]), (2 * GONE_MS - 2, [CARD])])

    assert found == [(0, CARD)]


def test_a_card_shown_again_later_is_scanned_again() -> None:
    found = scans([(0, [CARD]), (100, []), (GONE_MS, [CARD])])

    assert found == [(0, CARD), (GONE_MS, CARD)]


def test_the_next_person_is_scanned_with_the_second_frame_and_the_first_may_come_back() -> None:
    found = scans([(0, [CARD]), (500, [OTHER]), (566, [OTHER]), (1_000, [CARD]), (1_066, [CARD])])

    assert found == [(0, CARD), (566, OTHER), (1_066, CARD)]


def test_in_pictures_of_one_second_each_one_is_enough() -> None:
    found = scans([(0, [CARD]), (1_000, [OTHER]), (2_000, [CARD])])

    assert found == [(0, CARD), (1_000, OTHER), (2_000, CARD)]


@pytest.mark.parametrize("share_read", [1.0, 0.5, 0.2])
def test_a_sheet_of_which_another_code_is_read_in_each_frame_is_no_queue(share_read: float) -> None:
    chance = random.Random(3)
    frames = [
        (now_ms, [f"KP1:{chance.randrange(200)}"] if chance.random() < share_read else [])
        for now_ms in range(0, 8 * WAIT_MS, FRAME_MS)
    ]

    assert len(scans(frames)) <= 2


def test_one_card_laid_over_another_is_scanned_within_three_frames() -> None:
    found = scans([*held([CARD], 0, 990), *held([OTHER], 990, 2_000)])

    assert [text for _, text in found] == [CARD, OTHER]
    assert found[1][0] < 990 + SWAP_MS


def test_a_person_every_second_without_a_gap_loses_nobody() -> None:
    people = [f"KP1:{number}" for number in range(60)]
    frames = [moment for at, text in enumerate(people) for moment in held([text], at * 1_000, at * 1_000 + 990)]

    found, waiting = looks(frames)

    assert [text for _, text in found] == people
    assert waiting == []


def test_of_two_codes_the_larger_is_scanned_and_the_other_is_told_to_wait_for_its_leaving() -> None:
    both = [Code(OTHER, SMALL), Code(CARD, LARGE)]

    found, waiting = looks([*held(both, 0, 660), *held([OTHER], 660, 3_000)])

    assert [text for _, text in found] == [CARD, OTHER]
    assert WAIT_MS <= found[1][0] - 594 < WAIT_MS + FRAME_MS
    assert waiting == [now_ms for now_ms in range(0, 3_000, FRAME_MS) if now_ms < found[1][0]]


def test_a_code_that_joins_an_answered_one_waits() -> None:
    found, waiting = looks([(0, [CARD]), (100, [CARD, OTHER]), (200, [CARD, OTHER])])

    assert found == [(0, CARD)]
    assert waiting == [100, 200]


def test_a_code_held_clearly_nearer_does_not_wait() -> None:
    nearer = Code(OTHER, SMALL * CLEARLY_LARGER + 1)

    found, waiting = looks([*held([CARD], 0, 660), *held([CARD, nearer], 660, 2_000)])

    assert found == [(0, CARD), (660, OTHER)]
    assert waiting == []


def test_two_codes_that_change_in_size_and_flicker_are_one_scan() -> None:
    chance = random.Random(1)
    frames = [
        (now_ms, [Code(text, SMALL * chance.uniform(0.9, 1.1)) for text in (CARD, OTHER) if chance.random() > 0.3])
        for now_ms in range(0, REPEAT_MS, FRAME_MS)
    ]

    assert len(scans(frames)) == 1


@pytest.mark.parametrize("prefix", ["KP1:", "https://poster.example/"])
@pytest.mark.parametrize(("codes_on_it", "share_missing"), [(200, 0.0), (200, 0.3), (200, 0.9), (4, 0.1), (4, 0.5)])
def test_a_poster_full_of_codes_is_one_scan_and_one_calm_repeat(
    prefix: str, share_missing: float, codes_on_it: int
) -> None:
    chance = random.Random(7)
    texts = [f"{prefix}{number}" for number in range(codes_on_it)]

    def seen() -> list[Code]:
        return [Code(text, SMALL * chance.uniform(0.9, 1.1)) for text in texts if chance.random() >= share_missing]

    first = [Code(text, SMALL) for text in texts]
    found = scans([(0, first), *((now_ms, seen()) for now_ms in range(FRAME_MS, 20_000, FRAME_MS))])

    assert 1 <= len(found) <= 2
    assert len({text for _, text in found}) == 1


def test_a_sheet_whose_answered_code_is_never_seen_again_is_still_no_queue() -> None:
    sheet = [f"KP1:{number}" for number in range(10)]

    found = scans([(0, sheet), *held(sheet[1:], FRAME_MS, 9 * WAIT_MS)])

    assert found == [(0, "KP1:0")]


def test_what_was_on_a_poster_is_forgotten_when_it_has_gone() -> None:
    texts = [Code(f"KP1:{number}", SMALL) for number in range(200)]
    view = look({}, texts, 0).view

    view = look(view, [], GONE_MS).view

    assert look(view, [], GONE_MS + FRAME_MS).view == {}


def test_a_poster_does_not_stand_before_a_card() -> None:
    poster = Code(POSTER, LARGE)

    found, waiting = looks([(0, [poster]), (100, [poster, CARD]), (200, [poster, CARD])])

    assert found == [(0, POSTER), (100, CARD)]
    assert waiting == []


def test_a_second_code_on_a_card_says_nothing_when_the_card_is_taken_away() -> None:
    found = scans([*held([CARD, POSTER], 0, 1_320), *held([POSTER], 1_320, 1_320 + WAIT_MS - FRAME_MS)])

    assert found == [(0, CARD)]


def test_a_wrong_code_shown_a_second_after_somebodys_card_is_answered_at_once() -> None:
    found = scans([*held([CARD], 0, 990), (990 + WAIT_MS, [POSTER])])

    assert found == [(0, CARD), (990 + WAIT_MS, POSTER)]


def test_a_poster_on_the_wall_is_not_said_again_each_time_somebody_has_stood_before_it() -> None:
    found = scans(
        [*held([POSTER], 0, STAYING_MS + 100), *held([CARD], 40_000, 70_000), *held([POSTER], 75_000, 80_000)]
    )

    assert [text for _, text in found] == [POSTER, POSTER, CARD, CARD]


def test_a_poster_that_was_taken_down_is_new_when_it_is_seen_again() -> None:
    again_ms = STAYING_MS + 100 + POSTER_GONE_MS

    found = scans([*held([POSTER], 0, STAYING_MS + 100), (again_ms, [POSTER])])

    assert [text for _, text in found] == [POSTER, POSTER, POSTER]


def test_a_foreign_code_shown_twice_is_answered_twice() -> None:
    found = scans([*held([POSTER], 0, 2_000), (2_000 + GONE_MS, [POSTER])])

    assert len(found) == 2


def test_a_card_left_lying_does_not_hold_up_the_next_person_for_ever() -> None:
    found = scans([*held([CARD], 0, STAYING_MS + 100), *held([CARD, OTHER], STAYING_MS + 100, STAYING_MS + 500)])

    assert [text for _, text in found] == [CARD, CARD, OTHER]


def test_the_same_text_twice_in_a_frame_is_one_code() -> None:
    found, waiting = looks([(0, [CARD, CARD]), (100, [CARD, CARD])])

    assert found == [(0, CARD)]
    assert waiting == []
