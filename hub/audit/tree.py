"""How the arrived entries of one kiosk hang together: what is judged normally (the main branch), what is held and why,
the cursor, and numbers that are missing although the hub once had them. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.audit.journal import Arrived

Place = tuple[int, bytes]
"""A number and a hash: where an entry stands."""

_NAMED_AT_MOST = 100
"""How many missing numbers in a row are named one by one."""


class Fence(NamedTuple):
    """A line drawn for a kiosk: what descends from the tip, or stands beside it, is held for `kind`."""

    kind: str
    tip: Place
    fork_seq: int
    act: bytes | None
    since_ms: int


class Tree(NamedTuple):
    """`main` is judged normally, in order; `aside` is held with its reason. `beyond` are runs of numbers after a hole.
    `missing` are numbers that only removal from the database explains: the hub had gone past them.
    """

    main: list[Arrived]
    aside: list[tuple[Arrived, str]]
    cursor: Place
    beyond: tuple[tuple[int, int], ...]
    missing: list[int]


def lowest_fork(arrived: Iterable[Arrived], first_prev: bytes) -> int | None:
    """Return the lowest number for which two hashes are attested; an entry attests the one before it too."""
    hashes: dict[int, set[bytes]] = defaultdict(set)
    hashes[0].add(first_prev)
    for one in arrived:
        hashes[one.seq].add(one.hash)
        if one.prev:
            hashes[one.seq - 1].add(one.prev)
    return min((seq for seq, known in hashes.items() if len(known) > 1), default=None)


def line_of(fences: Iterable[Fence]) -> Fence | None:
    """Return the fence in force: the lowest tip, because nothing after it was judged any more; of equal ones the
    first.
    """
    return min(fences, key=lambda fence: (fence.tip[0], fence.since_ms, fence.kind), default=None)


def hang_together(
    arrived: list[Arrived], first_prev: bytes, line: Fence | None, holes: Mapping[int, int], kept_cursor: Place | None
) -> Tree:
    """Return how entries hang together. `holes` are accepted ones {first: last}; `kept_cursor` is what the hub has
    written down, and tells a number that was never here from one that was removed.
    """
    missing: list[int] = []
    if line is None:
        main = _from_the_start(arrived, holes, kept_cursor, missing)
    else:
        main = _down_from(line, arrived, holes, missing)
    kept = {(one.seq, one.hash) for one in main}
    rest = [one for one in arrived if (one.seq, one.hash) not in kept]
    if line is not None:
        cursor = line.tip if line.tip[0] else (0, first_prev)
        return Tree(main, [(one, line.kind) for one in rest], cursor, (), missing)
    cursor = (main[-1].seq, main[-1].hash) if main else (0, first_prev)
    return Tree(main, [(one, "hole") for one in rest], cursor, _runs(rest), missing)


def _from_the_start(
    arrived: list[Arrived], holes: Mapping[int, int], kept_cursor: Place | None, missing: list[int]
) -> list[Arrived]:
    """Walk up from 1 until a number is missing that nobody has accepted as lost."""
    went_past = kept_cursor[0] if kept_cursor in {(one.seq, one.hash) for one in arrived} and kept_cursor else 0
    main: list[Arrived] = []
    last_seq = 0
    for one in sorted(arrived, key=lambda one: (one.seq, one.arrived_ms)):
        if one.seq == last_seq:  # a fork without a fence, which is a finding by itself
            continue
        gaps = _unaccepted(last_seq + 1, one.seq - 1, holes)
        if gaps and gaps[0] > went_past:
            break
        missing += gaps
        main.append(one)
        last_seq = one.seq
    return main


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


def _down_from(line: Fence, arrived: list[Arrived], holes: Mapping[int, int], missing: list[int]) -> list[Arrived]:
    """Walk from the tip to the start, each step to the entry that the one above names as the one before it."""
    by_place = {(one.seq, one.hash): one for one in arrived}
    alone = _alone_by_seq(arrived, line.since_ms)
    main: list[Arrived] = []
    above, step = line.tip[0] + 1, by_place.get(line.tip)
    if step is None and line.tip[0] > 0:
        step = _next_below(line.tip[0], alone)
    while step is not None:
        missing += _unaccepted(step.seq + 1, above - 1, holes)
        main.append(step)
        above = step.seq
        # an altered entry names nothing; over a hole, only the number just below is known by its hash
        known = by_place.get((step.seq - 1, step.prev))
        step = known or _next_below(step.seq - 1 if step.prev else step.seq, alone)
    missing += _unaccepted(1, above - 1, holes)
    return main[::-1]


def _alone_by_seq(arrived: list[Arrived], since_ms: int) -> dict[int, Arrived]:
    """Return for each number the entry that is alone under it, or was when the fence was drawn."""
    alone: dict[int, Arrived] = {}
    ambiguous: set[int] = set()
    for one in sorted(arrived, key=lambda one: (one.seq, one.arrived_ms >= since_ms)):
        if one.seq not in alone:
            alone[one.seq] = one
        elif (one.arrived_ms >= since_ms) == (alone[one.seq].arrived_ms >= since_ms):
            ambiguous.add(one.seq)
    return {seq: one for seq, one in alone.items() if seq not in ambiguous}


def _next_below(seq: int, alone: Mapping[int, Arrived]) -> Arrived | None:
    lower = max((known for known in alone if known < seq), default=None)
    return None if lower is None else alone[lower]


def _runs(entries: list[Arrived]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for one in entries:
        if runs and one.seq <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], one.seq)
        else:
            runs.append((one.seq, one.seq))
    return tuple(runs)
