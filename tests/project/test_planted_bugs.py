"""The list of bugs to plant still fits the code: each place is there, once, and each test file too.

Planting them all takes long and is done on demand (`python -m tools.plant_bugs`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tools.planted_bugs import BUGS, Bug

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bugs_place_is_in_the_code_exactly_once(bug: Bug) -> None:
    text = (ROOT / bug.file).read_text(encoding="utf-8")

    assert text.count(bug.right) == 1
    assert bug.wrong != bug.right


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_tests_that_should_find_a_bug_are_there(bug: Bug) -> None:
    paths = [argument for argument in bug.tests if argument.startswith("tests/")]

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_there_are_thirty_bugs_and_no_two_are_the_same() -> None:
    assert len({(bug.file, bug.right, bug.wrong) for bug in BUGS}) == len(BUGS) >= 30
