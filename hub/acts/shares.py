"""Acts on what a kiosk carries of an allotment (`hub/ledger/shares.py`)."""

from __future__ import annotations

from hub.acts.checks import want_allotment, want_kiosk
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_entries, lock_kiosk
from hub.acts.money import hand_out, move_covered, take_back, want_points
from hub.acts.refusals import ActRefused, Refusal
from hub.acts.signing import sign
from hub.intake.facts import accepted_holes, lines_of, signed_shares
from hub.intake.progress import Progress
from hub.intake.reach import held_for
from hub.intake.reasons import Reason
from hub.ledger.accounts import Movement
from hub.ledger.shares import carried
from hub.register.manifests import shares_signed
from sync.manifest import Share


@act("top up", counter="lower share")
def top_up(doing: Doing, kiosk: bytes, allotment: int, points: int) -> Outcome[None]:
    """Raise a kiosk's share; everything that was held for want of it is judged anew."""
    want_kiosk(doing.connection, kiosk)
    want_allotment(doing.connection, allotment)
    lock_kiosk(doing, kiosk)
    held = held_for(doing.connection, kiosk, Reason.BEYOND_SHARE)
    if is_withdrawn(doing, kiosk) and not held:
        raise ActRefused(Refusal.WITHDRAWN_AND_EMPTY)
    share = _share(doing, kiosk, allotment)
    raised = share._replace(total=share.total + want_points(points))
    missing = raised.total + raised.reserve - carried(doing.connection, kiosk, allotment)
    sign(doing, kiosk, [raised])
    return Outcome(None, judge_entries(doing, kiosk, held, hand_out(doing, "share", kiosk, allotment, missing)))


@act("lower share", counter="top up")
def lower_share(doing: Doing, kiosk: bytes, allotment: int, points: int) -> Outcome[None]:
    """Lower a kiosk's share. Its points come back when the kiosk names the lower settings; at once, where the kiosk is
    withdrawn.
    """
    want_kiosk(doing.connection, kiosk)
    progress, _ = lock_kiosk(doing, kiosk)
    share = _share(doing, kiosk, allotment)
    lowered = share._replace(total=share.total - want_points(points))
    used = dict(progress.fold.used).get(allotment, 0)
    limit = lowered.total + lowered.reserve
    if lowered.total < 0 or limit < used:
        raise ActRefused(Refusal.BELOW_USED, what=f"{used:,}")
    sign(doing, kiosk, [lowered])
    if is_withdrawn(doing, kiosk):
        _refuse_missing(doing, kiosk, progress)
        free = carried(doing.connection, kiosk, allotment) - limit
        move_covered(doing, take_back(doing, "share back", kiosk, allotment, free))
    return Outcome(None)


def is_withdrawn(doing: Doing, kiosk: bytes) -> bool:
    """Tell whether a kiosk is withdrawn now."""
    drawn = lines_of(doing.connection, kiosk).drawn
    return drawn is not None and drawn.reason is Reason.WITHDRAWN


def cover_again(doing: Doing, kiosk: bytes, progress: Progress) -> list[Movement]:
    """Return what hands a kiosk what its settings still allow it, where that came back while it was withdrawn: more of
    it is about to count.
    """
    movements: list[Movement] = []
    newest = progress.fold.newest
    named = (newest[0].opened_ms, newest[1]) if newest else (0, 0)
    for allotment, signed in sorted(signed_shares(doing.connection, kiosk).items()):
        limit = max((one.limit for one in signed if one.manifest >= named), default=0)
        missing = limit - carried(doing.connection, kiosk, allotment)
        movements += hand_out(doing, "share", kiosk, allotment, missing)
    return movements


def _share(doing: Doing, kiosk: bytes, allotment: int) -> Share:
    return shares_signed(doing.connection, kiosk).get(allotment, Share(allotment, 0, 0))


def _refuse_missing(doing: Doing, kiosk: bytes, progress: Progress) -> None:
    """Refuse where records of a withdrawn kiosk that count may still turn up: they were signed against the higher
    share.
    """
    if progress.beyond or accepted_holes(doing.connection, kiosk):
        raise ActRefused(Refusal.RECORDS_MISSING)
