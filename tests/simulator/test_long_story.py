"""Five booths for sixty hours, in five cities one after the other: whatever goes wrong, the ledger holds."""

from collections import Counter
from pathlib import Path

import pytest

from simulator.play import play
from simulator.shelf import Shelves
from simulator.story import draw_story

SEED, HOURS, KIOSKS = 5, 60, 5
CITIES = draw_story(SEED, HOURS, KIOSKS)


@pytest.mark.parametrize("city", range(len(CITIES)))
def test_five_booths_are_busy_all_day_and_the_ledger_holds(city: int, tmp_path: Path) -> None:
    chapter = CITIES[city]

    ended = play(chapter, tmp_path / "city", Shelves(tmp_path))

    assert ended.violation is None
    booth_hours = chapter.hours * KIOSKS
    assert len(busy_hours(ended.counts)) == booth_hours
    assert ended.counts["acts"] >= 2 * booth_hours
    assert ended.counts["faults"] >= booth_hours


def busy_hours(counts: Counter[str]) -> list[str]:
    """Return the hours of booths, beside the copied ones, in which sixty people or more came."""
    return [one for one, times in counts.items() if one.startswith("scans: ") and "clone" not in one and times >= 60]
