"""What an act does about entries: it judges those it touches, kiosk by kiosk in one order, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from hub.acts.doing import Doing
from hub.acts.money import covered
from hub.intake.judging import Cause, judge_kiosk, judge_some
from hub.intake.moment import moment_for
from hub.intake.progress import Progress, lock_progress
from hub.intake.stored import Name
from hub.ledger.accounts import Movement
from hub.ledger.inbox import fill_touched
from hub.ledger.posting import Moved
from hub.store.database import rows
from hub.store.locks import write_alone


def lock_kiosk(doing: Doing, kiosk: bytes) -> tuple[Progress, int]:
    """Wait for a kiosk's turn, so that nothing of it arrives meanwhile; return progress and moment: after all that
    has arrived of it, and never before the act's.
    """
    progress = lock_progress(doing.connection, kiosk, 0)
    return progress, max(doing.now_ms, moment_for(doing.hub, doing.connection, kiosk))


def lock_all_kiosks(doing: Doing) -> None:
    """Wait for the turn of every kiosk, also of one that has sent nothing yet: what arrives now must not be judged by
    what this act is about to change. An act asks for it before it locks anything else: it waits for batches that have
    their turn, and none of these may wait for it.
    """
    write_alone(doing.connection, "kiosk_progress")


def judge_entries(
    doing: Doing, kiosk: bytes, names: set[Name], movements: Iterable[Movement] = (), *, may_wait: bool = True
) -> Moved:
    """Judge some entries of a kiosk, and post the movements that the act asks for with them. `may_wait`: what is too
    much for one transaction is worked off after it. Raises ActRefused(NO_COVER).
    """
    _, now_ms = lock_kiosk(doing, kiosk)
    cause = _cause(doing, now_ms, movements, may_wait=may_wait)
    with covered(doing):
        return judge_some(doing.hub, doing.connection, kiosk, names, cause)


def judge_by_kiosk(doing: Doing, entries: Mapping[bytes, set[Name]]) -> Moved:
    """Judge entries of several kiosks."""
    moved = Moved()
    for kiosk in sorted(entries):
        moved = moved.and_also(judge_entries(doing, kiosk, entries[kiosk]))
    return _counted_once(doing, moved) if moved.taken and len(entries) > 1 else moved


def judge_all_of(doing: Doing, kiosk: bytes, now_ms: int, movements: Iterable[Movement] = ()) -> Moved:
    """Judge everything of a kiosk, after its branches have changed, and post movements with it. Raises
    ActRefused(NO_COVER).
    """
    with covered(doing):
        return judge_kiosk(doing.hub, doing.connection, kiosk, _cause(doing, now_ms, movements, may_wait=True))


def by_kiosk(entries: Iterable[tuple[bytes, int, bytes]]) -> dict[bytes, set[Name]]:
    """Return entries, each named by kiosk, number and hash, kiosk by kiosk."""
    found: dict[bytes, set[Name]] = {}
    for kiosk, seq, entry_hash in entries:
        found.setdefault(kiosk, set()).add((seq, entry_hash))
    return found


def entries_at(connection: sa.Connection, event: int) -> dict[bytes, set[Name]]:
    """Return all entries that lie at an event, posted or put aside, kiosk by kiosk."""
    found = rows(
        connection,
        """
        SELECT kiosk, seq, hash FROM transfer WHERE event = :event
        UNION SELECT kiosk, seq, hash FROM aside WHERE event = :event
        """,
        event=event,
    )
    return by_kiosk((bytes(one.kiosk), one.seq, bytes(one.hash)) for one in found)


def _counted_once(doing: Doing, moved: Moved) -> Moved:
    """Count each grant once. Kiosk by kiosk, a duplicate may have been posted in the place of a grant that was taken
    back, and then been taken back itself: it was given to nobody.
    """
    fill_touched(doing.connection, moved.touched)
    found = rows(
        doing.connection,
        """
        SELECT t.kiosk, t.seq, t.hash, sum(t.points) AS net FROM touched k CROSS JOIN transfer t
        WHERE t.event = k.event AND t.bucket = k.bucket AND t.member = k.member AND t.activity = k.activity
          AND t.occasion = k.occasion AND t.act = :act
        GROUP BY t.kiosk, t.seq, t.hash
        """,
        act=doing.number,
    )
    taken, given = sum(one.net < 0 for one in found), sum(one.net > 0 for one in found)
    return moved._replace(taken=taken, given=given)


def _cause(doing: Doing, now_ms: int, movements: Iterable[Movement], *, may_wait: bool) -> Cause:
    return Cause(now_ms, doing.number, may_wait and not doing.is_preview, tuple(movements))
