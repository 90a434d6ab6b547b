"""Acts on a kiosk's journal: holes and lost tails, ranges that were granted for the wrong thing, and when a booth was
switched on.
"""

from __future__ import annotations

from hub.acts.boots import say_boot_start, take_back_boot_start
from hub.acts.checks import want_kiosk
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_all_of, lock_kiosk
from hub.acts.named import highest_arrived
from hub.acts.refusals import ActRefused, Refusal
from hub.acts.replacements import replace_range, take_back_replacement
from hub.store.database import insert, row

__all__ = (
    "accept_hole",
    "give_up_tail",
    "replace_range",
    "say_boot_start",
    "take_back_boot_start",
    "take_back_hole",
    "take_back_replacement",
    "take_back_tail",
)

ACCEPTED, GIVEN_UP, TAKEN_BACK = "accepted", "given up", "taken back"


def _range_text(**told: object) -> str:
    return f"{told['first_seq']}-{told['last_seq']}"


@act("accept hole", counter="take back hole", takes_points=True, text=_range_text)
def accept_hole(doing: Doing, kiosk: bytes, first_seq: int, last_seq: int) -> Outcome[None]:
    """Accept that entries may be lost, and let what came after them count. They may still turn up."""
    want_kiosk(doing.connection, kiosk)
    progress, now_ms = lock_kiosk(doing, kiosk)
    version, last_before, state = _newest_range(doing, "hole", kiosk, first_seq)
    if (state, last_before) == (ACCEPTED, last_seq):
        raise ActRefused(Refusal.HOLE_ACCEPTED)
    starts = {first for first, _ in progress.beyond}
    if first_seq != progress.cursor.seq + 1 or last_seq < first_seq or last_seq + 1 not in starts:
        raise ActRefused(Refusal.NO_HOLE)
    _write_range(doing, "hole", kiosk, (first_seq, last_seq), version + 1, ACCEPTED, since_ms=now_ms)
    return Outcome(None, judge_all_of(doing, kiosk, now_ms))


@act("take back hole", counter="accept hole", takes_points=True)
def take_back_hole(doing: Doing, kiosk: bytes, first_seq: int) -> Outcome[None]:
    """Accept a hole no longer: what came after it is held again until it is filled."""
    want_kiosk(doing.connection, kiosk)
    _, now_ms = lock_kiosk(doing, kiosk)
    version, last_seq, state = _newest_range(doing, "hole", kiosk, first_seq)
    if state != ACCEPTED:
        raise ActRefused(Refusal.NO_HOLE)
    _write_range(doing, "hole", kiosk, (first_seq, last_seq), version + 1, TAKEN_BACK, since_ms=now_ms)
    return Outcome(None, judge_all_of(doing, kiosk, now_ms))


@act("give up tail", counter="take back tail", text=_range_text)
def give_up_tail(doing: Doing, kiosk: bytes, first_seq: int, last_seq: int) -> Outcome[None]:
    """Say of entries that were signed after the last that has arrived that they are lost with the booth. Should they
    turn up, they count.
    """
    want_kiosk(doing.connection, kiosk)
    progress, _ = lock_kiosk(doing, kiosk)
    if not highest_arrived(doing.connection, kiosk) < first_seq <= last_seq <= progress.head_seq:
        raise ActRefused(Refusal.NO_TAIL)
    version, last_before, state = _newest_range(doing, "lost_tail", kiosk, first_seq)
    if (state, last_before) == (GIVEN_UP, last_seq):
        raise ActRefused(Refusal.STANDS_SO, what=f"{first_seq}-{last_seq}")
    _write_range(doing, "lost_tail", kiosk, (first_seq, last_seq), version + 1, GIVEN_UP)
    return Outcome(None)


@act("take back tail", counter="give up tail")
def take_back_tail(doing: Doing, kiosk: bytes, first_seq: int) -> Outcome[None]:
    """Wait again for entries that were given up."""
    want_kiosk(doing.connection, kiosk)
    lock_kiosk(doing, kiosk)
    version, last_seq, state = _newest_range(doing, "lost_tail", kiosk, first_seq)
    if state != GIVEN_UP:
        raise ActRefused(Refusal.NO_TAIL)
    _write_range(doing, "lost_tail", kiosk, (first_seq, last_seq), version + 1, TAKEN_BACK)
    return Outcome(None)


_NEWEST = {
    "hole": "SELECT * FROM hole WHERE kiosk = :kiosk AND first_seq = :first_seq ORDER BY version DESC LIMIT 1",
    "lost_tail": (
        "SELECT * FROM lost_tail WHERE kiosk = :kiosk AND first_seq = :first_seq ORDER BY version DESC LIMIT 1"
    ),
}


def _newest_range(doing: Doing, table: str, kiosk: bytes, first_seq: int) -> tuple[int, int, str]:
    """Return the newest version about a range that begins there: (version, last number, state)."""
    found = row(doing.connection, _NEWEST[table], kiosk=kiosk, first_seq=first_seq)
    return (0, 0, "") if found is None else (found.version, found.last_seq, found.state)


def _write_range(  # a range's own columns
    doing: Doing, table: str, kiosk: bytes, numbers: tuple[int, int], version: int, state: str, **more: int
) -> None:
    insert(
        doing.connection,
        table,
        kiosk=kiosk,
        first_seq=numbers[0],
        version=version,
        last_seq=numbers[1],
        state=state,
        **more,
        act=doing.number,
    )
