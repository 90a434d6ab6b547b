"""Acts that stop, withdraw and resume a kiosk. Each draws a line; the newest one counts."""

from __future__ import annotations

from hub.acts.checks import want_kiosk
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_all_of, lock_kiosk
from hub.acts.refusals import ActRefused, Refusal
from hub.acts.shares import cover_again
from hub.intake.chain import branches
from hub.intake.facts import LINE_REASONS, accepted_holes, lines_of
from hub.intake.reasons import Reason
from hub.intake.stored import all_entries
from hub.ledger.accounts import Movement
from hub.store.database import insert, row
from sync.entry import first_prev
from sync.head import Head

STOPPED, WITHDRAWN, RESUMED = "stopped", "withdrawn", "resumed"


@act("stop kiosk", counter="resume kiosk", takes_points=True)
def stop_kiosk(doing: Doing, kiosk: bytes) -> Outcome[None]:
    """Count nothing more that this kiosk signs; what the hub has stays."""
    return _draw(doing, kiosk, STOPPED, None)


@act("withdraw kiosk", counter="resume kiosk", takes_points=True)
def withdraw_kiosk(doing: Doing, kiosk: bytes, seq: int | None = None, hash: bytes | None = None) -> Outcome[None]:  # noqa: A002  # the column's name
    """Take a kiosk out of use, for instance when it was stolen. `seq` is the last entry that is believed (0 for none);
    without it, what the hub has stays.
    """
    return _draw(doing, kiosk, WITHDRAWN, None if seq is None else _believed(doing, kiosk, seq, hash))


@act("resume kiosk", counter="stop kiosk", takes_points=True)
def resume_kiosk(doing: Doing, kiosk: bytes) -> Outcome[None]:
    """Let a kiosk count again that was stopped or withdrawn. A fork stays where it is."""
    found = want_kiosk(doing.connection, kiosk)
    progress, now_ms = lock_kiosk(doing, kiosk)
    if lines_of(doing.connection, kiosk).drawn is None:
        raise ActRefused(Refusal.STANDS_SO, what=found.name)
    movements = cover_again(doing, kiosk, progress)
    _write_line(doing, kiosk, RESUMED, progress.cursor, now_ms)
    return Outcome(None, judge_all_of(doing, kiosk, now_ms, movements))


def _draw(doing: Doing, kiosk: bytes, kind: str, believed: Head | None) -> Outcome[None]:
    """Draw a line. Where one stands already and no entry is named, its tip stays: what was held behind it stays held. A
    withdrawal is not turned into a stop: it is resumed first.
    """
    found = want_kiosk(doing.connection, kiosk)
    progress, now_ms = lock_kiosk(doing, kiosk)
    drawn = lines_of(doing.connection, kiosk).drawn
    movements: list[Movement] = []
    tip = believed or (drawn.tip if drawn is not None else progress.cursor)
    if drawn is not None:
        is_weaker = drawn.reason is Reason.WITHDRAWN and kind == STOPPED
        if is_weaker or (drawn.reason, drawn.tip) == (LINE_REASONS[kind], tip):
            raise ActRefused(Refusal.STANDS_SO, what=found.name)
        if tip.seq > drawn.tip.seq:
            movements = cover_again(doing, kiosk, progress)
    _write_line(doing, kiosk, kind, tip, now_ms)
    return Outcome(None, judge_all_of(doing, kiosk, now_ms, movements))


def _believed(doing: Doing, kiosk: bytes, seq: int, entry_hash: bytes | None) -> Head:
    """Return the entry of that number on the main branch, as it is without a line. Raises ActRefused."""
    start = first_prev(want_kiosk(doing.connection, kiosk).public_key)
    if seq == 0:
        return Head(0, start)
    links = [one.link for one in all_entries(doing.connection, kiosk)]
    lines = lines_of(doing.connection, kiosk)._replace(drawn=None)
    tree = branches(links, start, lines, accepted_holes(doing.connection, kiosk))
    for link in tree.main:
        if link.seq == seq and entry_hash in {None, link.hash}:
            return Head(seq, link.hash)
    raise ActRefused(Refusal.NOT_ON_MAIN)


def _write_line(doing: Doing, kiosk: bytes, kind: str, tip: Head, now_ms: int) -> None:
    newest = row(doing.connection, "SELECT max(version) AS version FROM line WHERE kiosk = :kiosk", kiosk=kiosk)
    insert(
        doing.connection,
        "line",
        kiosk=kiosk,
        version=(newest.version or 0) + 1,
        kind=kind,
        tip_seq=tip.seq,
        tip_hash=tip.hash,
        fork_seq=0,
        since_ms=now_ms,
        act=doing.number,
    )
