"""How quickly a booth serves and what it costs: from a code in view to the result on a real screen, a lane of people
without a pause, the processor while nobody is there, and memory over as many scans as a season has.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Final, NamedTuple

import click

from benchmarks.crowd import crowd
from benchmarks.ground import Ground, laid
from benchmarks.lane import FRAME_MS, FRAMES_A_SECOND, Idle, Service, lane
from benchmarks.memory import Season, season
from benchmarks.report import Line, at_least, at_most

SETTLING_FRAMES: Final = 15
DIFFERENT_PICTURES: Final = 2  # of one person, in turn
WITHOUT_A_SCREEN: Final = (
    "Chromium (apt install chromium) or playwright (run ./kumapo test once) is missing:"
    " from a code in view to its result drawn, and the idle booth with a page open, are NOT measured"
)


class Sizes(NamedTuple):
    """People in the lane, rounds of so many frames with nobody there, scans of a season."""

    people: int
    idle_rounds: int
    idle_frames: int
    scans: int


FULL: Final = Sizes(people=200, idle_rounds=6, idle_frames=75, scans=100_000)
QUICK: Final = Sizes(people=4, idle_rounds=1, idle_frames=15, scans=500)


def measure(folder: Path, sizes: Sizes) -> list[Line]:
    """Serve a lane of people and a season of scans, each with people who never came before."""
    with laid(folder, sizes.people, events=1, chance=random.SystemRandom()) as ground:
        lines = _lane_lines(ground, folder / "lane", sizes)
        return lines + _memory_lines(season(folder / "season", ground, sizes.scans))


def _lane_lines(ground: Ground, folder: Path, sizes: Sizes) -> list[Line]:
    people = crowd(ground, DIFFERENT_PICTURES, sizes.idle_frames)
    with lane(folder, ground, people) as opened:
        opened.settle(SETTLING_FRAMES)
        idle = opened.idle(sizes.idle_rounds, sizes.idle_frames) if opened.page is not None else None
        seconds = opened.serve()
        opened.settle(SETTLING_FRAMES)
        drawn = opened.drawn()
    services = opened.services(drawn)
    lines = pace_lines(services, seconds, has_page=opened.page is not None)
    if opened.page is None or idle is None:
        click.echo(WITHOUT_A_SCREEN, err=True)
        return lines
    return [*wait_lines(services, opened.page.doubt_ms), *_idle_lines(idle, sizes), *lines]


def wait_lines(services: list[Service], doubt_ms: float) -> list[Line]:
    """Return how long people waited for their result; whoever saw none has waited for ever."""
    waits_ms = sorted(min(service.waits_ms, default=math.inf) for service in services)
    half, most, longest = (percentile(waits_ms, share) for share in (0.5, 0.95, 1))
    ours = f"{most:,.0f} ms (half {half:,.0f}, longest {longest:,.0f}), clocks agree to {doubt_ms:.1f} ms"
    frame = f"{FRAME_MS:.1f} ms a frame"
    name = "code in view -> result drawn in Chromium"
    return [
        Line(f"{name}: 95 of 100 people, in frame times", ours, frame, most / FRAME_MS, at_most(5)),
        Line(f"{name}: half of them", "", frame, half / FRAME_MS),
        Line(f"{name}: the longest", "", frame, longest / FRAME_MS),
    ]


def _idle_lines(idle: Idle, sizes: Sizes) -> list[Line]:
    frames = sizes.idle_rounds * sizes.idle_frames
    ours = f"{idle.kiosk / frames * 1e3:.2f} ms of CPU a frame"
    paced, looped = (f"{took.cpu / frames * 1e3:.2f} ms: decode + one read" for took in (idle.paced, idle.looped))
    return [
        Line(
            f"kiosk idle at {FRAMES_A_SECOND} frames a second, of bare decode + read in a loop",
            ours,
            f"{looped}, nothing between",
            idle.kiosk / idle.looped.cpu,
            at_most(2),
        ),
        Line(
            "the same against decode + read at the same pace, with caches as cold",
            ours,
            f"{paced}, each beside its frame",
            idle.kiosk / idle.paced.cpu,
        ),
        Line("Chromium beside it, in cores", "", "", idle.chromium / idle.wall),
    ]


def pace_lines(services: list[Service], seconds: float, *, has_page: bool) -> list[Line]:
    """Return how many people were served in that time, and how many of them not exactly once."""
    wrong = [one for one in services if (one.grants, one.said, len(one.waits_ms)) != (1, 1, int(has_page))]
    lost, twice = sum(one.grants == 0 for one in services), sum(one.grants > 1 for one in services)
    return [
        Line(
            "one lane: different people a minute",
            f"{len(services)} people in {seconds:.0f} s",
            "",
            len(services) / seconds * 60,
            at_least(60),
        ),
        Line(
            "people lost, granted twice, or not shown exactly once",
            f"of {len(services)}: {lost} without a grant, {twice} with several",
            "",
            len(wrong),
            at_most(0),
        ),
    ]


def _memory_lines(taken: Season) -> list[Line]:
    first, last = (f"{resident / 2**20:.1f} MiB" for resident in (taken.first_bytes, taken.last_bytes))
    return [
        Line(
            f"memory from a fifth to all of {taken.scans:,} scans, growth in %",
            f"{first} -> {last}, {taken.scans / taken.seconds:,.0f} scans/s with {taken.events:,} pictures of the page",
            "",
            taken.growth_percent,
            at_most(5),
        ),
        Line("scans of these that did not end as a grant", "", "", taken.scans - taken.grants, at_most(0)),
    ]


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that so large a share of all is not above (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
