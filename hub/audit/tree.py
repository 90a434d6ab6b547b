"""How the arrived entries of one kiosk hang together: what is judged (the main branch), what is held and why, the
cursor, and numbers that are missing although the hub once had them. Pure. docs/verdicts.md, 1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.audit.journal import Arrived
from hub.intake.reasons import Reason

Place = tuple[int, bytes]
"""A number and a hash: where an entry stands."""

_NAMED_AT_MOST = 100
"""How many missing numbers in a row are named one by one."""

DRAWN = {"stopped": Reason.STOPPED, "withdrawn": Reason.WITHDRAWN}


class Line(NamedTuple):
    """A line drawn for a kiosk: by a fork that came to light (`fork_seq` is the forked number), or by a person."""

    version: int
    kind: str
    tip: Place
    fork_seq: int
    since_ms: int


class Tree(NamedTuple):
    """`main` is judged, in order; `aside` is held, each with its reasons. `beyond` are runs of numbers after a hole.
    `missing` are numbers that only removal from the database explains: the hub had gone past them.
    """

    main: list[Arrived]
    aside: list[tuple[Arrived, int]]
    cursor: Place
    beyond: tuple[tuple[int, int], ...]
    missing: list[int]


class Lines(NamedTuple):
    """The lines and holes in force: `holes` are accepted ones {first: last}, `once` those that were accepted ever."""

    fork: Line | None
    drawn: Line | None
    holes: Mapping[int, int]
    once: Mapping[int, int]


def lowest_fork(arrived: Iterable[Arrived], first_prev: bytes) -> int | None:
    """Return the lowest number for which two hashes are attested; an entry attests the one before it too."""
    hashes: dict[int, bytes] = {0: first_prev}
    lowest: int | None = None
    for one in arrived:
        for seq, known in ((one.seq, one.hash), (one.seq - 1, one.prev)):
            if known and hashes.setdefault(seq, known) != known and (lowest is None or seq < lowest):
                lowest = seq
    return lowest


def hang_together(arrived: list[Arrived], first_prev: bytes, lines: Lines, kept_cursor: Place | None) -> Tree:
    """Return how entries hang together. `kept_cursor` is what the hub has written down, and tells a number that was
    never here from one that was removed.
    """
    missing: list[int] = []
    off: Mapping[Place, Reason] = {}
    if lines.fork is None:
        base = _from_the_start(arrived, lines.holes, kept_cursor, missing)
    elif lines.fork.tip[0] < lines.fork.fork_seq:
        before = _undisputed([one for one in arrived if one.seq < lines.fork.fork_seq])
        base = _from_the_start(before, lines.holes, kept_cursor, missing)
        off = {(one.seq, one.hash): Reason.HOLE for one in before}
    else:
        base, off = _down_from(lines.fork, arrived, lines, missing)
    cursor = (base[-1].seq, base[-1].hash) if base else (0, first_prev)
    in_base = {(one.seq, one.hash) for one in base}
    drawn = lines.drawn
    main = base if drawn is None else [one for one in base if one.seq <= drawn.tip[0]]
    aside: list[tuple[Arrived, int]] = []
    usual = Reason.HOLE if lines.fork is None else Reason.FORK
    for one in arrived:
        place = (one.seq, one.hash)
        reasons = 0 if place in in_base else int(off.get(place, usual))
        if drawn is not None and one.seq > drawn.tip[0]:
            reasons |= DRAWN.get(drawn.kind, Reason.STOPPED)
        if reasons:
            aside.append((one, reasons))
    not_in_base = (one for one in arrived if (one.seq, one.hash) not in in_base)
    beyond = _runs(one for one in not_in_base if lines.fork is None or (one.seq, one.hash) in off)
    return Tree(main, aside, cursor, beyond, missing)


def _from_the_start(
    arrived: list[Arrived], holes: Mapping[int, int], kept_cursor: Place | None, missing: list[int]
) -> list[Arrived]:
    """Walk up from 1 until a number is missing that nobody has accepted as lost."""
    went_past = kept_cursor[0] if kept_cursor in {(one.seq, one.hash) for one in arrived} and kept_cursor else 0
    main: list[Arrived] = []
    last_seq = 0
    for one in sorted(arrived, key=lambda one: (one.seq, one.arrived_ms)):
        if one.seq == last_seq:  # a fork without a line, which is a finding by itself
            continue
        if one.seq != last_seq + 1:
            gaps = _unaccepted(last_seq + 1, one.seq - 1, holes)
            if gaps and gaps[0] > went_past:
                break
            missing += gaps
        main.append(one)
        last_seq = one.seq
    return main


def _undisputed(arrived: list[Arrived]) -> list[Arrived]:
    """Leave out entries that speak against one that was there before them: a second fork, below the one with a line."""
    hash_at: dict[int, bytes] = {}
    found = []
    for one in sorted(arrived, key=lambda one: (one.arrived_ms, one.seq, one.hash)):
        if hash_at.get(one.seq, one.hash) != one.hash:
            continue
        if one.prev and hash_at.get(one.seq - 1, one.prev) != one.prev:
            continue
        hash_at[one.seq] = one.hash
        if one.prev:
            hash_at[one.seq - 1] = one.prev
        found.append(one)
    return found


def _unaccepted(first: int, last: int, holes: Mapping[int, int]) -> list[int]:
    """Return the numbers in first … last that lie in no accepted hole, the first hundred of them."""
    found: list[int] = []
    number = first
    while number <= last and len(found) < _NAMED_AT_MOST:
        covered_to = max((end for start, end in holes.items() if start <= number <= end), default=None)
        if covered_to is None:
            found.append(number)
            covered_to = number
        number = covered_to + 1
    return found


def _down_from(
    line: Line, arrived: list[Arrived], lines: Lines, missing: list[int]
) -> tuple[list[Arrived], dict[Place, Reason]]:
    """Walk from the tip to the start, each step to the entry that the one above names as the one before it. Over a
    hole whose acceptance was taken back nothing leads: what lies behind it is held for the hole.
    """
    by_place = {(one.seq, one.hash): one for one in arrived}
    first_of: dict[int, Arrived] = {}
    for one in sorted(arrived, key=lambda one: one.arrived_ms):
        first_of.setdefault(one.seq, one)
    numbers = sorted(first_of)
    main: list[Arrived] = []
    above, step = line.tip[0] + 1, by_place.get(line.tip)
    if step is None and line.tip[0] > 0:
        step = _next_below(line.tip[0], numbers, first_of)
    behind: list[Arrived] = []
    while step is not None:
        behind += _cut_at_a_hole(main, step.seq + 1, above - 1, lines, missing)
        main.append(step)
        above = step.seq
        # an altered entry names nothing; over a hole, the number just below is known by its hash alone
        known = by_place.get((step.seq - 1, step.prev))
        step = known or _next_below(step.seq - 1 if step.prev else step.seq, numbers, first_of)
    behind += _cut_at_a_hole(main, 1, above - 1, lines, missing)
    return main[::-1], {(one.seq, one.hash): Reason.HOLE for one in behind}


def _cut_at_a_hole(main: list[Arrived], first: int, last: int, lines: Lines, missing: list[int]) -> list[Arrived]:
    """Take from `main`, which is walked downwards, what lies behind first … last if that is a hole no longer accepted;
    return it.
    """
    gaps = _unaccepted(first, last, lines.holes) if first <= last else []
    if not gaps:
        return []
    unexplained = _unaccepted(first, last, lines.once)
    missing += unexplained
    if unexplained == gaps:
        return []
    behind = main[:]
    main.clear()
    return behind


def _next_below(seq: int, numbers: list[int], first_of: Mapping[int, Arrived]) -> Arrived | None:
    """Return the nearest entry with a lower number; of two the one that arrived first."""
    place = bisect_left(numbers, seq)
    return first_of[numbers[place - 1]] if place else None


def _runs(entries: Iterable[Arrived]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for one in sorted(entries, key=lambda one: one.seq):
        if runs and one.seq <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], one.seq)
        else:
            runs.append((one.seq, one.seq))
    return tuple(runs)
