"""A bug that is planted is found by a small story, and shortened by itself to the steps that show it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hub.acts.doing
import hub.intake.judge
import hub.ledger.posting
from simulator.play import play
from simulator.shelf import Shelves
from simulator.shorten import shorten
from simulator.story import Chapter, draw_chapter
from simulator.town import Violation

TRIES = 60


def found_and_shortened(seed: str, folder: Path) -> tuple[Violation, Chapter]:
    """Play chapters until one is violated, and shorten it."""
    shelves = Shelves(folder)
    chapter = draw_chapter(seed, 3, 2)
    violation = play(chapter, folder / "city", shelves).violation
    assert violation is not None

    def find(shorter: Chapter) -> Violation | None:
        return play(shorter, folder / "shorter", shelves).violation

    shorter, _ = shorten(chapter, violation, find, TRIES)
    return violation, shorter


def forget_the_act(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.acts.doing, "_write", lambda *_: None)


def let_the_first_win(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.ledger.posting, "winner", lambda claims: next(iter(claims), None))


def believe_the_booths_day(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.intake.judge, "day_of", lambda reading, *_: reading.day)


def forget_what_lies_aside(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(hub.ledger.posting, "forget", lambda *_: None)


@pytest.mark.parametrize(
    ("bug", "seed"),
    [
        (forget_the_act, "1/0"),
        (let_the_first_win, "1/0"),
        (believe_the_booths_day, "1/0"),
        (forget_what_lies_aside, "1/0"),
    ],
)
def test_a_planted_bug_is_found_and_shortened(
    bug: Callable[[pytest.MonkeyPatch], Any], seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)

    violation, shorter = found_and_shortened(seed, tmp_path)

    assert violation.rule
    assert len(shorter.steps) <= 60
    assert play(shorter, tmp_path / "again", Shelves(tmp_path)).violation is not None
