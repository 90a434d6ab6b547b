"""The booth's benchmark counts whoever was lost or saw nothing, and says what it could not measure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import booth, lane
from benchmarks.booth import Sizes, pace_lines, percentile, wait_lines
from benchmarks.command import USUAL
from benchmarks.lane import Service
from benchmarks.memory import Sample, Season, ends_of_line
from benchmarks.report import figures_of

EXPECTED = ["<= 5", "<= 2", ">= 60", "<= 0", "<= 5", "<= 0"]
SERVED = Service(grants=1, said=1, waits_ms=(150.0,))


def test_without_a_browser_it_says_what_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def no_window(_address: str) -> Iterator[None]:
        yield None

    monkeypatch.setattr(lane, "window", no_window)
    monkeypatch.setattr(booth, "season", lambda _folder, _ground, scans: Season(scans, scans, 1.0, 0, 1.0, 1.0))

    lines = booth.measure(tmp_path, Sizes(people=2, idle_rounds=1, idle_frames=2, scans=1))

    assert "NOT measured" in capsys.readouterr().err
    assert [figure["to_reach"] for figure in figures_of(lines)] == EXPECTED[2:]


def test_whoever_saw_nothing_has_waited_for_ever() -> None:
    services = [SERVED] * 9 + [Service(grants=1, said=1, waits_ms=())]

    figures = figures_of(wait_lines(services, doubt_ms=0.1))

    assert [(figure["value"], figure["reached"]) for figure in figures] == [(math.inf, False)]


@pytest.mark.parametrize(
    "service",
    [
        Service(grants=0, said=0, waits_ms=()),
        Service(grants=2, said=1, waits_ms=(150.0,)),
        Service(grants=1, said=2, waits_ms=(150.0, 900.0)),
        Service(grants=1, said=1, waits_ms=()),
        Service(grants=1, said=1, waits_ms=(150.0, 900.0)),
    ],
)
def test_whoever_was_not_served_exactly_once_is_counted(service: Service) -> None:
    services = [SERVED, service, SERVED]

    figures = figures_of(pace_lines(services, seconds=2.0, has_page=True))

    assert [(figure["value"], figure["reached"]) for figure in figures] == [(90.0, True), (1.0, False)]


def test_memory_that_grows_after_the_first_fifth_is_told_and_what_came_before_is_not() -> None:
    flat = [Sample(scans, scans, 200 if scans >= 20 else 10, 0.0) for scans in range(0, 101, 5)]
    grown = [Sample(scans, scans, 100 + scans, 0.0) for scans in range(0, 101, 5)]

    ends = [ends_of_line(samples) for samples in (flat, grown)]

    assert ends[0] == pytest.approx((200, 200))
    assert ends[1] == pytest.approx((120, 200))
    assert Season(100, 100, 1.0, 1, *ends[1]).growth_percent == pytest.approx(100 * 80 / 120)


def test_of_a_hundred_people_the_95th_counts() -> None:
    waits = [float(number) for number in range(1, 101)]

    assert [percentile(waits, share) for share in (0.5, 0.95, 1)] == [50, 95, 100]


def test_the_booth_runs_with_the_usual_benchmarks() -> None:
    assert USUAL["booth"] is booth
