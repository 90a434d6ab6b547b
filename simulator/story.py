"""Draws a story from a seed: a list of steps, each a value. What a step picks is drawn with it, as numbers; what they
pick from is there only when it is taken.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from simulator.carriers import Weather
from simulator.clerks import Way
from simulator.deeds import WEIGHTS
from simulator.town import HOUR_MS, HOURS_A_DAY, MINUTE_MS, hour_begins

CHAPTER_HOURS = 12
"""A long story is a row of chapters, each in a city of its own: what goes wrong is then near its beginning, and the
whole audit after each hour stays small.
"""

SCANS_AN_HOUR = 66
"""Drawn for each booth and hour; some find nobody at the booth."""
CLONES = 2
CLONE_SCANS = 12
ACTS_AN_HOUR = 5
"""Drawn for each kiosk and hour; some are refused or have no subject."""


class Step(NamedTuple):
    """One thing that happens: when, what, to which machine or by which clerk, and the numbers it picks by."""

    number: int
    at_ms: int
    kind: str
    who: int
    picks: tuple[int, ...] = (0,)
    what: str = ""


class Chapter(NamedTuple):
    """A story in one city. `hours` and `kiosks` are what it was drawn for; shortened, it has fewer steps."""

    seed: str
    hours: int
    kiosks: int
    steps: tuple[Step, ...]


MACHINE_FAULTS = {
    "kill": 6,
    "boot": 6,
    "turn clock": 4,
    "go offline": 6,
    "copy card": 3,
    "put card back": 2,
    "clone card": 1,
    "damage card": 1,
    "lose card for good": 1,
    "sign nonsense": 3,
    "deliver late": 2,
    "export": 3,
    "import": 3,
    "take answers": 2,
}
"""What goes wrong at a booth, and how often in proportion."""

HUB_FAULTS = {"crash": 6, "restart": 3, "hub clock": 4, "keep copy": 3, "put copy back": 2}


def draw_story(seed: int, hours: int, kiosks: int) -> list[Chapter]:
    """Return the chapters of a story: each kiosk plays `hours` hours in all."""
    lengths = [min(CHAPTER_HOURS, hours - begun) for begun in range(0, hours, CHAPTER_HOURS)]
    return [draw_chapter(f"{seed}/{number}", length, kiosks) for number, length in enumerate(lengths)]


def draw_chapter(seed: str, hours: int, kiosks: int) -> Chapter:
    """Return a chapter drawn from its seed alone."""
    chance = random.Random(seed)
    drawn: list[Step] = []
    for hour in range(hours):
        begins_ms = hour_begins(hour)
        for machine in range(kiosks):
            drawn += _hour_of(chance, machine, hour, begins_ms)
        for clone in range(CLONES):
            drawn += _hour_of_clone(chance, kiosks + clone, begins_ms)
        drawn += _hour_of_hub(chance, begins_ms)
    drawn.sort(key=lambda step: step.at_ms)
    return Chapter(seed, hours, kiosks, tuple(one._replace(number=number) for number, one in enumerate(drawn, 1)))


def _hour_of(chance: random.Random, machine: int, hour: int, begins_ms: int) -> list[Step]:
    """Return what happens at one booth in an hour, and what clerks do meanwhile."""
    steps = [Step(0, begins_ms, "morning" if hour % HOURS_A_DAY == 0 else "look after", machine, _picks(chance))]
    steps += [_at(chance, begins_ms, "scan", machine) for _ in range(SCANS_AN_HOUR)]
    steps += [_at(chance, begins_ms, "void", machine) for _ in range(chance.randint(0, 2))]
    steps += [_at(chance, begins_ms, "change station", machine) for _ in range(3)]
    steps += [_at(chance, begins_ms, "send", machine) for _ in range(chance.randint(2, 4))]
    faults = chance.choices([*MACHINE_FAULTS], [*MACHINE_FAULTS.values()], k=chance.randint(2, 3))
    steps += [_at(chance, begins_ms, fault, machine) for fault in faults]
    for kind in chance.choices([*WEIGHTS], [*WEIGHTS.values()], k=ACTS_AN_HOUR):
        way = chance.choice((0, 0, 0, 0, *Way))
        steps.append(_at(chance, begins_ms, "act", chance.randint(1, 3), kind)._replace(picks=(way, *_picks(chance))))
    if chance.random() < 0.5:
        steps.append(_at(chance, begins_ms, chance.choice(("old form", "sent form")), 1))
    if hour % HOURS_A_DAY == HOURS_A_DAY - 1 and chance.random() < 0.7:
        steps.append(Step(0, begins_ms + HOUR_MS - 1, "evening", machine, _picks(chance)))
    return steps


def _hour_of_hub(chance: random.Random, begins_ms: int) -> list[Step]:
    """Return what happens to the hub in an hour, and the whole look at it at the end."""
    faults = chance.choices([*HUB_FAULTS], [*HUB_FAULTS.values()], k=2)
    steps = [_at(chance, begins_ms, fault, 0) for fault in faults]
    steps.append(_at(chance, begins_ms, "trust clock", 1))
    if chance.random() < 0.3:
        steps.append(_at(chance, begins_ms, "somebody applies", 0))
    return [*steps, Step(0, begins_ms + HOUR_MS, "whole look", 0)]


def _hour_of_clone(chance: random.Random, machine: int, begins_ms: int) -> list[Step]:
    """Return what happens at a copied card in an hour, if there is one by then."""
    steps = [_at(chance, begins_ms, "scan", machine) for _ in range(CLONE_SCANS)]
    fault = chance.choice(("kill", "boot", "go offline", "change station", "void", "put card back", "copy card"))
    return [*steps, _at(chance, begins_ms, "send", machine), _at(chance, begins_ms, fault, machine)]


def _at(chance: random.Random, begins_ms: int, kind: str, who: int, what: str = "") -> Step:
    moment_ms = begins_ms + MINUTE_MS + chance.randrange(HOUR_MS - 2 * MINUTE_MS)
    return Step(0, moment_ms, kind, who, _picks(chance), what)


def _picks(chance: random.Random) -> tuple[int, ...]:
    return tuple(chance.randrange(1_000_000) for _ in range(6))


def weather_of(picks: tuple[int, ...]) -> list[Weather]:
    """Return the weather for the batches of one sending: fair, six times in ten."""
    return [Weather(pick // 7 % len(Weather)) if pick % 10 < 4 else Weather.FAIR for pick in picks]
