"""How the arrived entries of one kiosk hang together: what is judged (the main branch), what is held and why, the
cursor, and numbers that are missing although the hub once had them. Pure. docs/verdicts.md, 1.
"""

from __future__ import annotations

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
    """The lines and holes in force: `holes` are accepted ones {first: last}."""

    fork: Line | None
    drawn: Line | None
    holes: Mapping[int, int]


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
    counting = arrived if lines.fork is None else _until_the_fork(arrived, lines.fork)
    base = _from_the_start(counting, lines.holes, kept_cursor, missing)
    cursor = (base[-1].seq, base[-1].hash) if base else (0, first_prev)
    drawn = lines.drawn
    stopped = _stopped_by(drawn, base) if drawn is not None else set()
    main = [one for one in base if (one.seq, one.hash) not in stopped]
    in_base, before_fork = {(one.seq, one.hash) for one in base}, {(one.seq, one.hash) for one in counting}
    aside: list[tuple[Arrived, int]] = []
    for one in arrived:
        place = (one.seq, one.hash)
        reasons = 0 if place in in_base else int(Reason.HOLE if place in before_fork else Reason.FORK)
        if drawn is not None and (place in stopped or one.seq > drawn.tip[0]):
            reasons |= DRAWN.get(drawn.kind, Reason.STOPPED)
        if reasons:
            aside.append((one, reasons))
    beyond = _runs(one for one in counting if (one.seq, one.hash) not in in_base)
    return Tree(main, aside, cursor, beyond, missing)


def _until_the_fork(arrived: list[Arrived], fork: Line) -> list[Arrived]:
    """Return what counts of a forked kiosk, if nothing is missing: up to the tip, or to the number before the fork."""
    last = max(fork.tip[0], fork.fork_seq - 1)
    return [one for one in _undisputed(arrived) if one.seq <= last]


def _stopped_by(drawn: Line, base: list[Arrived]) -> set[Place]:
    """Return what a drawn line stops: what comes after its tip, and what has come since, in an accepted hole, without
    an entry from before that names it.
    """
    stopped: set[Place] = set()
    above: Arrived | None = None
    for one in sorted(base, key=lambda one: -one.seq):
        is_vouched_for = above is not None and (above.seq - 1, above.prev) == (one.seq, one.hash)
        if one.seq > drawn.tip[0] or (one.arrived_ms > drawn.since_ms and not is_vouched_for):
            stopped.add((one.seq, one.hash))
        else:
            above = one
    return stopped


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


def _runs(entries: Iterable[Arrived]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for one in sorted(entries, key=lambda one: one.seq):
        if runs and one.seq <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], one.seq)
        else:
            runs.append((one.seq, one.seq))
    return tuple(runs)
