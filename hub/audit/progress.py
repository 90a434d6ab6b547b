"""Checks how far the hub says it has come with a kiosk: cursor, runs beyond a hole, folds, landmarks, and the lines
that were drawn, each against the entries that had arrived by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2
import sqlalchemy as sa

from hub.audit.decided import Decided
from hub.audit.findings import Findings
from hub.audit.folds import Fold
from hub.audit.journal import Arrived
from hub.audit.reading import stream
from hub.audit.tree import Line, Lines, Place, Tree, hang_together, lowest_fork
from sync.entry import Grant


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
    decided: Decided,
    fold: Fold,
    findings: Findings,
) -> None:
    """Check the table kiosk_progress for one kiosk; `fold` is what its main branch comes to."""
    if progress is None:
        if arrived:
            findings.defect("kiosk_progress", "missing, though entries have arrived", kiosk=kiosk)
        return
    seq, entry_hash = progress.cursor_seq, bytes(progress.cursor_hash)
    if (seq, entry_hash) != tree.cursor and not (seq == tree.cursor[0] == 0 and not entry_hash):
        findings.defect("kiosk_progress", f"its cursor is to be {_place(tree.cursor)}", kiosk=kiosk)
        if seq and (seq, entry_hash) not in {(one.seq, one.hash) for one in arrived}:
            findings.defect("entry", "missing, or the cursor was edited", kiosk=kiosk, seq=seq, hash=entry_hash)
    for one in arrived:
        if one.arrived_ms > progress.last_arrival_ms:
            findings.defect("entry", "arrived after the last arrival", kiosk=kiosk, seq=one.seq, hash=one.hash)
    for defect in _smaller_defects(progress, arrived, tree, decided):
        findings.defect("kiosk_progress", defect, kiosk=kiosk)
    if unpacked(bytes(progress.fold)) != fold and (tree.main or bytes(progress.fold)):
        findings.defect("kiosk_progress", "its fold is not what the main branch comes to", kiosk=kiosk)


def _smaller_defects(progress: Any, arrived: list[Arrived], tree: Tree, decided: Decided) -> list[str]:
    defects = []
    is_plain = int(not (tree.aside or decided.fork() or decided.drawn()))
    if unpacked(bytes(progress.beyond)) != tree.beyond:
        defects.append(f"what lies beyond a hole is {tree.beyond}")
    if progress.is_plain != is_plain:
        defects.append(f"is_plain is to be {is_plain}")
    if progress.head_seq < max((one.seq for one in arrived), default=0):
        defects.append("its head is behind what has arrived")
    if progress.receipt_number < len({one.arrived_ms for one in arrived}):
        defects.append("entries arrived more often than receipts were given")
    if progress.last_arrival_ms != max((one.arrived_ms for one in arrived), default=0):
        defects.append("its last arrival is another")
    if progress.last_contact_ms < progress.last_arrival_ms:
        defects.append("its last contact is before the last arrival")
    return defects


def read_kept_folds(connection: sa.Connection, kiosk: bytes) -> dict[int, bytes]:
    """Return the folds that the hub has kept before entries: {number: packed fold}."""
    rows = stream(connection, "SELECT seq, fold FROM kept_fold WHERE kiosk = :kiosk ORDER BY seq", kiosk=kiosk)
    return {one.seq: bytes(one.fold) for one in rows}


def check_kept_folds(kiosk: bytes, kept: Mapping[int, bytes], folds: Mapping[int, Fold], findings: Findings) -> None:
    """Check that each kept fold is the one that the main branch gives from entry 1."""
    for seq, packed in kept.items():
        if seq not in folds:
            findings.defect("kept_fold", "stands before no entry of the main branch", kiosk=kiosk, seq=seq)
        elif unpacked(packed) != folds[seq]:
            findings.defect("kept_fold", "is not what the main branch comes to there", kiosk=kiosk, seq=seq)


def check_landmarks(connection: sa.Connection, kiosk: bytes, arrived: list[Arrived], findings: Findings) -> None:
    """Check that every entry that is no grant is a landmark, and no other."""
    wanted = {
        (one.seq, one.hash): one.stamp.boot if one.stamp else b""
        for one in arrived
        if not isinstance(one.body, Grant) and not one.is_altered
    }
    altered = {(one.seq, one.hash) for one in arrived if one.is_altered}
    kept = {
        (one.seq, bytes(one.hash)): bytes(one.boot)
        for one in stream(connection, "SELECT * FROM landmark WHERE kiosk = :kiosk", kiosk=kiosk)
    }
    for seq, entry_hash in sorted(wanted.keys() & kept.keys()):
        if wanted[seq, entry_hash] != kept[seq, entry_hash]:
            findings.defect("landmark", "is of another boot", kiosk=kiosk, seq=seq, hash=entry_hash)
    for seq, entry_hash in sorted((wanted.keys() ^ kept.keys()) - altered):
        defect = "missing: no grant" if (seq, entry_hash) in wanted else "there is no such entry, or it is a grant"
        findings.defect("landmark", defect, kiosk=kiosk, seq=seq, hash=entry_hash)


def unpacked(packed: bytes) -> Any:
    """Return what is in a packed column, None where it cannot be read."""
    try:
        return cbor2.loads(packed, immutable=True) if packed else ()
    except (cbor2.CBORDecodeError, ValueError):
        return None


def check_lines(  # a line, and everything that had arrived when it was drawn
    kiosk: bytes, arrived: list[Arrived], first_prev: bytes, decided: Decided, findings: Findings
) -> None:
    """Check the lines drawn for a kiosk: where there is a fork there is one, and each tip is what it must be."""
    forked_at = lowest_fork(arrived, first_prev)
    if forked_at is not None and decided.fork() is None:
        findings.defect("line", f"missing: number {forked_at} has two hashes", kiosk=kiosk, kind="fork")
    places = {(one.seq, one.hash) for one in arrived}
    for line in decided.lines:
        name = {"kiosk": kiosk, "version": line.version}
        by_then = [one for one in arrived if one.arrived_ms <= line.since_ms]
        if line.kind == "fork":
            if lowest_fork(by_then, first_prev) != line.fork_seq:
                findings.defect("line", f"number {line.fork_seq} was not where it forked", **name)
            if line.since_ms not in {one.arrived_ms for one in by_then}:
                findings.defect("line", "nothing arrived when it was drawn", **name)
        is_tip = _is_tip_of_fork if line.kind == "fork" else _is_tip_of_line
        if not is_tip(line, arrived, first_prev, decided):
            findings.defect("line", f"{_place(line.tip)} was not the tip when it was drawn", **name)
            if line.tip[0] and line.tip not in places:
                seq, entry_hash = line.tip
                findings.defect("entry", "missing, or the tip was edited", kiosk=kiosk, seq=seq, hash=entry_hash)


def _is_tip_of_fork(line: Line, arrived: list[Arrived], first_prev: bytes, decided: Decided) -> bool:
    """Tell whether a fork's tip is the cursor of the moment, where that lies at or beyond the forked number, else the
    last entry before it. What arrived in the same moment may have come before or after.
    """
    beside = {(one.seq, one.hash) for one in arrived if one.arrived_ms == line.since_ms}
    lines = Lines(None, None, decided.accepted(line.since_ms))
    before = [one for one in arrived if one.arrived_ms < line.since_ms]
    cursor = hang_together(before, first_prev, lines, None).cursor
    if cursor[0] >= line.fork_seq:
        return line.tip == cursor or line.tip in beside
    under = [one for one in arrived if one.arrived_ms <= line.since_ms and one.seq < line.fork_seq]
    lowest = hang_together(under, first_prev, lines, None).cursor
    return line.tip == lowest or line.tip in beside or (line.tip[0] == lowest[0] == 0)


def _is_tip_of_line(line: Line, arrived: list[Arrived], first_prev: bytes, decided: Decided) -> bool:
    """Tell whether the tip of a line is what the hub had, or that of the line in force before it. A withdrawal may name
    any entry.
    """
    if line.kind == "withdrawn" and line.tip in {(0, first_prev), *((one.seq, one.hash) for one in arrived)}:
        return True
    drawn = [one for one in decided.lines if one.kind != "fork" and one.version < line.version]
    if drawn and drawn[-1].kind != "resumed" and line.kind != "resumed" and line.tip == drawn[-1].tip:
        return True
    cursors = _cursors(line, arrived, first_prev, decided)
    return line.tip in cursors or (line.tip[0] == 0 and any(seq == 0 for seq, _ in cursors))


def _cursors(line: Line, arrived: list[Arrived], first_prev: bytes, decided: Decided) -> list[Place]:
    """Return what the cursor can have been when a line was drawn: with and without what arrived, and what was decided
    about holes, in that moment.
    """
    found = []
    for by_then in (
        [one for one in arrived if one.arrived_ms < line.since_ms],
        [one for one in arrived if one.arrived_ms <= line.since_ms],
    ):
        for fork in {None, next((one for one in decided.lines if one.kind == "fork"), None)}:
            if fork is None or fork.since_ms <= line.since_ms:
                for holes in decided.accepted_at(line.since_ms):
                    lines = Lines(fork, None, holes)
                    found.append(hang_together(by_then, first_prev, lines, None).cursor)
    return found


def _place(place: Place) -> str:
    return f"{place[0]} {place[1].hex()}"
