"""A code held in view is scanned once and answered once more; the larger of two goes first."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.gate import GONE_MS, REPEAT_MS, View, look

CARD, OTHER, POSTER = "KP1:A", "KP1:B", "https://poster.example/"


def scans(frames: Sequence[tuple[int, list[str]]]) -> list[tuple[int, str]]:
    """Return what is scanned when, for frames at so many milliseconds with so many codes."""
    view: View = {}
    found = []
    for now_ms, texts in frames:
        view, text = look(view, texts, now_ms)
        if text is not None:
            found.append((now_ms, text))
    return found


def test_a_code_held_for_a_minute_is_one_scan_and_one_calm_repeat() -> None:
    frames = [(moment, [CARD]) for moment in range(0, 60_000, 66)]

    found = scans(frames)

    assert [text for _, text in found] == [CARD, CARD]
    assert found[0][0] == 0
    assert REPEAT_MS <= found[1][0] < REPEAT_MS + 66


def test_a_moment_of_trembling_is_not_a_second_scan() -> None:
    found = scans([(0, [CARD]), (100, []), (GONE_MS - 1, [CARD]), (2 * GONE_MS - 2, [CARD])])

    assert found == [(0, CARD)]


def test_a_card_shown_again_later_is_scanned_again() -> None:
    found = scans([(0, [CARD]), (100, []), (GONE_MS, [CARD])])

    assert found == [(0, CARD), (GONE_MS, CARD)]


def test_the_next_person_is_scanned_at_once_and_the_first_may_come_back() -> None:
    found = scans([(0, [CARD]), (500, [OTHER]), (1_000, [CARD])])

    assert found == [(0, CARD), (500, OTHER), (1_000, CARD)]


def test_of_two_codes_the_larger_is_scanned_and_the_other_waits_for_its_leaving() -> None:
    found = scans([(0, [CARD, OTHER]), (100, [CARD, OTHER]), (200, [OTHER])])

    assert found == [(0, CARD), (200, OTHER)]


def test_two_codes_that_change_in_size_are_scanned_once_each() -> None:
    frames = [(moment, [CARD, OTHER] if moment % 200 else [OTHER, CARD]) for moment in range(0, 5_000, 100)]

    found = scans(frames)

    assert sorted(text for _, text in found) == [CARD, OTHER]


def test_a_poster_does_not_stand_before_a_card() -> None:
    found = scans([(0, [POSTER]), (100, [POSTER, CARD]), (200, [POSTER, CARD])])

    assert found == [(0, POSTER), (100, CARD)]


def test_two_hundred_codes_on_one_poster_are_one_scan_and_are_forgotten() -> None:
    texts = [f"https://poster.example/{number}" for number in range(200)]
    view, first = look({}, texts, 0)
    view, second = look(view, texts, 100)

    empty, _ = look(view, [], 100 + GONE_MS)

    assert (first, second) == (texts[0], None)
    assert len(view) == 1
    assert empty == {}
