"""A bug that is planted is found by a small story, and shortened by itself to the steps that show it."""

from collections.abc import Callable
from pathlib import Path

import pytest

import hub.acts.doing
import hub.intake.occasions
import hub.intake.settle
import hub.ledger.posting
from simulator.play import play
from simulator.shelf import Shelves
from simulator.shorten import shorten
from simulator.story import Chapter, draw_chapter
from simulator.town import Violation

HOURS, KIOSKS = 3, 2
TRIES = 120


def forget_the_act(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.acts.doing, "_write", lambda *_, **__: None)


def let_the_first_win(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.intake.settle, "winner", lambda claims: next(iter(claims), None))


def believe_the_booths_day(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.intake.occasions, "day_of", lambda reading, *_: reading.day)


def forget_nothing_that_lay_aside(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.ledger.posting, "forget", lambda *_: None)


@pytest.mark.parametrize(
    "bug", [forget_the_act, let_the_first_win, believe_the_booths_day, forget_nothing_that_lay_aside]
)
def test_a_planted_bug_is_found_and_shortened(
    bug: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chapter, shelves = draw_chapter("1/0", HOURS, KIOSKS), Shelves(tmp_path)

    def find(shorter: Chapter) -> Violation | None:
        return play(shorter, tmp_path / "city", shelves).violation

    bug(monkeypatch)
    violation = find(chapter)
    assert violation is not None
    shorter, _ = shorten(chapter, violation, find, TRIES)

    again = find(shorter)
    assert again is not None
    assert again.rule == violation.rule
    assert len(shorter.steps) <= 25


def test_without_a_bug_the_same_story_holds(tmp_path: Path) -> None:
    ended = play(draw_chapter("1/0", HOURS, KIOSKS), tmp_path / "city", Shelves(tmp_path))

    assert ended.violation is None
