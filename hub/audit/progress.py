"""Checks how far the hub says it has come with a kiosk: cursor, runs beyond a hole, the kept fold, and the lines that
were drawn, each against the entries that had arrived by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2
import sqlalchemy as sa

from hub.audit.acts import Decided
from hub.audit.findings import Findings
from hub.audit.journal import Arrived
from hub.audit.reading import stream
from hub.audit.standings import Judge
from hub.audit.tree import Fence, Place, Tree, hang_together, line_of, lowest_fork


def read_progress(connection: sa.Connection, kiosk: bytes) -> Any | None:
    """Return the hub's row of progress with a kiosk."""
    found = list(stream(connection, "SELECT * FROM kiosk_progress WHERE kiosk = :kiosk", kiosk=kiosk))
    return found[0] if found else None


def kept_cursor(progress: Any | None) -> Place | None:
    """Return the cursor in a row of progress."""
    return None if progress is None else (progress.cursor_seq, bytes(progress.cursor_hash))


def check_progress(  # everything a row of progress speaks of
    kiosk: bytes,
    progress: Any | None,
    arrived: list[Arrived],
    tree: Tree,
    judge: Judge,
    line: Fence | None,
    findings: Findings,
) -> None:
    """Check the table kiosk_progress for one kiosk. `judge` has judged it already."""
    if progress is None:
        if arrived:
            findings.defect("kiosk_progress", "missing, though entries have arrived", kiosk=kiosk)
        return
    seq, entry_hash = progress.cursor_seq, bytes(progress.cursor_hash)
    if (seq, entry_hash) != tree.cursor and not (seq == tree.cursor[0] == 0 and not entry_hash):
        findings.defect("kiosk_progress", f"its cursor is to be {_place(tree.cursor)}", kiosk=kiosk)
        if seq and (seq, entry_hash) not in {(one.seq, one.hash) for one in arrived}:
            findings.defect("entry", "missing, or the cursor was edited", kiosk=kiosk, seq=seq, hash=entry_hash)
    is_plain = int(not tree.aside and line is None)
    for one in arrived:
        if one.arrived_ms > progress.last_contact_ms:
            findings.defect("entry", "arrived after the last contact", kiosk=kiosk, seq=one.seq, hash=one.hash)
    for defect in _smaller_defects(progress, arrived, tree, is_plain):
        findings.defect("kiosk_progress", defect, kiosk=kiosk)
    if not _is_fold(bytes(progress.fold), tree, judge):
        findings.defect("kiosk_progress", "its fold is not what the main branch comes to", kiosk=kiosk)


def _smaller_defects(progress: Any, arrived: list[Arrived], tree: Tree, is_plain: int) -> list[str]:
    defects = []
    if _unpacked(bytes(progress.beyond)) != tree.beyond:
        defects.append(f"what lies beyond a hole is {tree.beyond}")
    if progress.is_plain != is_plain:
        defects.append(f"is_plain is to be {is_plain}")
    if progress.head_seq < max((one.seq for one in arrived), default=0):
        defects.append("its head is behind what has arrived")
    if progress.receipt_number < len({one.arrived_ms for one in arrived}):
        defects.append("entries arrived more often than receipts were given")
    if progress.last_contact_ms < max((one.arrived_ms for one in arrived), default=0):
        defects.append("its last contact is before the last arrival")
    return defects


def _is_fold(kept: bytes, tree: Tree, judge: Judge) -> bool:
    if not kept:
        return not tree.main
    times, state = judge.times, judge.state
    sample = times.sample_at_end()
    wanted = (
        None if state.manifest is None else ((*state.manifest[0],), state.manifest[1]),
        tuple(sorted(state.used.items())),
        times.floor_at_end_ms,
        times.boot_at_end,
        None if sample is None else (*sample,),
        times.confirmed_at_end,
    )
    return bool(_unpacked(kept) == wanted)


def _unpacked(packed: bytes) -> Any:
    try:
        return cbor2.loads(packed, immutable=True) if packed else ()
    except (cbor2.CBORDecodeError, ValueError):
        return None


def check_fences(  # a line, and everything that had arrived when it was drawn
    kiosk: bytes, arrived: list[Arrived], first_prev: bytes, decided: Decided, findings: Findings
) -> None:
    """Check the lines drawn for a kiosk: where there is a fork there is one, and each tip is what had been posted."""
    fences = decided.fences.get(kiosk, [])
    forked_at = lowest_fork(arrived, first_prev)
    fork_lines = [fence for fence in fences if fence.kind == "fork"]
    if forked_at is not None and not fork_lines:
        findings.defect("fence", f"missing: number {forked_at} has two hashes", kiosk=kiosk, kind="fork")
    for fence in fences:
        name = {"kiosk": kiosk, "kind": fence.kind}
        if fence.kind == "fork":
            by_then = [one for one in arrived if one.arrived_ms <= fence.since_ms]
            if lowest_fork(by_then, first_prev) != fence.fork_seq:
                findings.defect("fence", f"number {fence.fork_seq} was not where it forked", **name)
            if fence.since_ms not in {one.arrived_ms for one in by_then}:
                findings.defect("fence", "nothing arrived when it was drawn", **name)
        elif fence.fork_seq:
            findings.defect("fence", "only a fork has a number", **name)
        if not _is_tip(fence, fences, arrived, first_prev, decided.holes_of(kiosk, fence.since_ms)):
            findings.defect("fence", f"{_place(fence.tip)} was not the tip when it was drawn", **name)
            if fence.tip[0] and fence.tip not in {(one.seq, one.hash) for one in arrived}:
                seq, entry_hash = fence.tip
                findings.defect("entry", "missing, or the tip was edited", kiosk=kiosk, seq=seq, hash=entry_hash)


def _is_tip(
    fence: Fence, fences: list[Fence], arrived: list[Arrived], first_prev: bytes, holes: Mapping[int, int]
) -> bool:
    """Tell whether a tip is the cursor of what had arrived before. What arrived in the same moment may have come before
    or after; then any unbroken branch will do.
    """
    earlier = line_of(other for other in fences if other is not fence and other.since_ms <= fence.since_ms)
    if earlier is not None and fence.tip == earlier.tip:
        return True
    before = [one for one in arrived if one.arrived_ms < fence.since_ms]
    beside = [one for one in arrived if one.arrived_ms == fence.since_ms]
    cursors = [hang_together(before, first_prev, None, holes, None).cursor]
    if fence.kind != "fork":
        cursors.append(hang_together(before + beside, first_prev, None, holes, None).cursor)
    if fence.tip in cursors or (fence.tip == (0, b"") and cursors[0][0] == 0):
        return True
    branch = hang_together(before + beside, first_prev, fence, holes, None)
    return any((one.seq, one.hash) == fence.tip for one in beside) and not branch.missing


def check_holes(kiosk: bytes, arrived: list[Arrived], decided: Decided, findings: Findings) -> None:
    """Check that each accepted hole lies between entries that had arrived when it was accepted."""
    for first, (last, done_ms, act) in sorted(decided.holes.get(kiosk, {}).items()):
        by_then = {one.seq for one in arrived if one.arrived_ms <= done_ms}
        if (first > 1 and first - 1 not in by_then) or last + 1 not in by_then:
            findings.defect("accepted_hole", "is not between entries that had arrived", kiosk=kiosk, first_seq=first)
            findings.defect("act", "accepts a hole that was not there at the time", act=act)


def _place(place: Place) -> str:
    return f"{place[0]} {place[1].hex()}"
