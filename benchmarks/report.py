"""How a benchmark measures and what it says: work and its limit by turns, medians of CPU and wall time, a table, one
line of JSON.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypedDict

Works = Iterator[tuple[str, Callable[[], object]]]
"""What is done in one turn, by name. What a generator does between two of them is on nobody's account."""


class Took(NamedTuple):
    """Seconds: CPU of the whole process (all threads, and the kernel for them), and by the clock on the wall."""

    cpu: float
    wall: float


NO_TIME = Took(0.0, 0.0)


class Goal(NamedTuple):
    """What a figure has to reach."""

    sign: str
    number: float

    def __str__(self) -> str:
        return f"{self.sign} {self.number:g}"

    def is_reached_by(self, value: float) -> bool:
        """Tell whether `value` is good enough."""
        return value >= self.number if self.sign == ">=" else value <= self.number


class Line(NamedTuple):
    """A line of the table: what was measured, ours and its limit with their absolute rates, and the figure for both.

    Without a goal it is there for information only.
    """

    figure: str
    ours: str
    limit: str
    value: float
    goal: Goal | None = None


class Figure(TypedDict):
    """One measured figure beside what it has to reach."""

    figure: str
    value: float
    to_reach: str
    reached: bool


def at_least(number: float) -> Goal:
    """Return the goal of a figure that should be high."""
    return Goal(">=", number)


def at_most(number: float) -> Goal:
    """Return the goal of a figure that should be low."""
    return Goal("<=", number)


def by_turns(rounds: int, works_of: Callable[[int], Works], turns: int = 1) -> dict[str, Took]:
    """Do each work of a turn once, `turns` times a round; return the medians over rounds of what each took in a round.

    So all meet the same neighbours on the machine. `works_of` is given the number of the turn, counted over all rounds.
    Rubbish is swept away before it can be on the wrong account: before each work, or before each round of many turns.
    """
    took: dict[str, list[Took]] = {}
    for number in range(rounds):
        gc.collect()
        sums: dict[str, Took] = {}
        for turn in range(turns):
            for name, work in works_of(number * turns + turn):
                if turns == 1:
                    gc.collect()
                sums[name] = timed(work, sums.get(name, NO_TIME))
        for name, total in sums.items():
            took.setdefault(name, []).append(total)
    return {name: median(times) for name, times in took.items()}


def timed(work: Callable[[], object], so_far: Took = NO_TIME) -> Took:
    """Do `work` once; return what it took, on top of `so_far`. Throwing away what it made is not part of it."""
    wall, cpu = time.perf_counter(), time.process_time()
    _made = work()
    return Took(so_far.cpu + time.process_time() - cpu, so_far.wall + time.perf_counter() - wall)


def median(times: Iterable[Took]) -> Took:
    """Return the medians of CPU and of wall time, each for itself."""
    cpu, wall = zip(*times, strict=True)
    return Took(statistics.median(cpu), statistics.median(wall))


def rate(took: Took, count: int, unit: str = "") -> str:
    """Return so many things in that time as a rate a person can read, by CPU and (wall)."""
    return f"{count / took.cpu:,.0f} ({count / took.wall:,.0f}) {unit}/s"


def microseconds(took: Took, count: int) -> str:
    """Return what one of `count` things took, by CPU and (wall)."""
    return f"{took.cpu / count * 1e6:,.1f} ({took.wall / count * 1e6:,.1f}) µs"


def figures_of(lines: Iterable[Line]) -> list[Figure]:
    """Return the figures that have something to reach."""
    return [
        {
            "figure": line.figure,
            "value": float(f"{line.value:.4g}"),
            "to_reach": str(line.goal),
            "reached": line.goal.is_reached_by(line.value),
        }
        for line in lines
        if line.goal is not None
    ]


def as_json(name: str, figures: list[Figure]) -> str:
    """Return what stands on the last line with --json."""
    return json.dumps({"name": name, "figures": figures}, ensure_ascii=False)


def as_table(name: str, lines: Iterable[Line]) -> str:
    """Return a table: ours, its limit, the figure that relates both, and what it has to reach."""
    cells = [(name, "ours: by CPU (by the wall clock)", "limit", "figure", "to reach")]
    cells += [(line.figure, line.ours, line.limit, f"{line.value:.3g}", _goal(line)) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _goal(line: Line) -> str:
    if line.goal is None:
        return "-"
    return f"{line.goal}  {'reached' if line.goal.is_reached_by(line.value) else 'NOT REACHED'}"
