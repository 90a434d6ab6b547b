"""How a clerk of a simulated city fills in each act there is: from what the desk shows, by numbers drawn beforehand.

`DEEDS` has one function for each act of `hub/acts/`; the simulator refuses to start where one is missing, so that a new
act cannot be forgotten. Forms are filled in well most of the time, and badly now and then: a refusal is fine, an
exception never.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeAlias

import hub.acts
from hub.acts.doing import ACTS
from hub.intake.reasons import Reason
from hub.ledger.accounts import allotment_account, amount_of
from simulator.office import Desk, names_of
from simulator.town import HOUR_MS, MINUTE_MS, Impossible, Picks
from sync.citytime import DAY_MS
from sync.manifest import Activity, OccasionBy, Share, Slot
from sync.rules import ByHours, Fixed

Filled: TypeAlias = "tuple[Any, ...]"
"""The arguments of an act, after `doing`."""
Deed: TypeAlias = Callable[[Desk, Picks], Filled]

FEW = 6


def unknown_acts() -> list[str]:
    """Return the kinds of acts that the simulator does not know how to do, and deeds for which there is no act."""
    for module in pkgutil.iter_modules(hub.acts.__path__):
        importlib.import_module(f"hub.acts.{module.name}")
    return sorted(ACTS.keys() ^ DEEDS.keys())


def _stale(version: int, picks: Picks) -> int:
    """Return the version that a form shows: once in a while one from before somebody else's change."""
    return version - 1 if picks.chance(12) else version


def add_organisation(desk: Desk, picks: Picks) -> Filled:
    return (desk.city.name("団体"), picks.one_of(("grants", "serves", "both")))


def change_organisation(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.organisations())
    kind = picks.one_of(("grants", "both"))
    return (found.organisation, _stale(found.version, picks), desk.city.name("団体"), kind)


def close_organisation(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.organisations())
    return (found.organisation, _stale(found.version, picks))


def reopen_organisation(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.organisations("closed"))
    return (found.organisation, _stale(found.version, picks))


def add_allotment(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.organisations()).organisation, desk.city.name("付与枠"), 500 + picks.below(5_000))


def raise_allotment(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.allotments()).allotment, 100 + picks.below(4_000))


def lower_allotment(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.allotments()).allotment, 1 + picks.below(2_000))


def add_event(desk: Desk, picks: Picks) -> Filled:
    starts_ms = desk.now_ms - desk.now_ms % HOUR_MS - picks.below(3) * HOUR_MS
    ends_ms = starts_ms + (1 + picks.below(60)) * HOUR_MS
    allotment = picks.one_of(desk.allotments()).allotment
    return (desk.city.name("イベント"), starts_ms, ends_ms, allotment, sample_activities(picks))


def sample_activities(picks: Picks) -> tuple[Activity, ...]:
    """Return new activities: once, once a day by the hours, in slots, and as often as one likes within a limit."""
    made = (
        Activity(0, "来場", Fixed(10 + 10 * picks.below(5)), OccasionBy.NONE, 0),
        Activity(0, "お手伝い", ByHours(((1, 100), (60, 200), (120, 300))), OccasionBy.DAY, picks.below(2)),
        Activity(0, "体験", Fixed(30), OccasionBy.SLOT, picks.below(3), (Slot(0, "午前"), Slot(0, "午後"))),
        Activity(0, "清掃", Fixed(20), OccasionBy.DAY, 1),
    )
    return made[: 1 + picks.below(len(made))]


def change_event(desk: Desk, picks: Picks) -> Filled:
    """Change hours, allotment or activities, or go back to what an earlier version said."""
    found = picks.one_of(desk.events())
    base = picks.one_of(desk.versions_of(found.event)) if picks.chance(2) else found
    activities = desk.activities(found.event, base.version)
    starts_ms, ends_ms, allotment = base.starts_ms, base.ends_ms, base.allotment
    match picks.below(7):
        case 0:
            starts_ms -= picks.below(6) * HOUR_MS
            ends_ms = max(starts_ms, ends_ms - picks.below(30) * HOUR_MS)
        case 1:
            starts_ms, ends_ms = starts_ms + picks.below(20) * HOUR_MS, ends_ms + picks.below(40) * HOUR_MS
            ends_ms = max(starts_ms, ends_ms)
        case 2:
            allotment = picks.one_of(desk.allotments()).allotment
        case 3:
            activities = (*activities, Activity(0, "くじ", Fixed(5), OccasionBy.NONE, 0))[-FEW:]
        case 4:
            activities = activities[:-1] or activities
        case 5:
            activities = tuple(_other_points(one, picks) for one in activities)
        case _:
            ends_ms += picks.below(2) * DAY_MS
    return (found.event, _stale(found.version, picks), found.name, starts_ms, ends_ms, allotment, activities)


def _other_points(activity: Activity, picks: Picks) -> Activity:
    """Return an activity with other points, limit or slots."""
    if activity.slots and picks.chance(2):
        return activity._replace(slots=(*activity.slots[:1], Slot(0, "夕方")))
    if isinstance(activity.rule, Fixed):
        return activity._replace(rule=Fixed(10 + 10 * picks.below(6)))
    return activity._replace(daily_limit=picks.below(3))


def call_off_event(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.events())
    return (found.event, _stale(found.version, picks))


def take_up_event(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.events("called off"))
    return (found.event, _stale(found.version, picks))


def add_members(_desk: Desk, picks: Picks) -> Filled:
    return (1 + picks.below(4), picks.one_of(("paper", "phone")))


def make_known(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.unknown_members()),)


def make_unknown(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.members()),)


def end_account(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.members()),)


def reopen_account(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.members("ended")),)


def lose_card(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.cards())
    return (found.member, found.issue)


def find_card(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.lost_cards())
    return (found.member, found.issue)


def invite_kiosk(desk: Desk, picks: Picks) -> Filled:
    return (desk.city.name("端末"), picks.one_of(desk.organisations()).organisation)


def decline_invitation(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.enrolments("open", "answered")),)


def approve_kiosk(desk: Desk, picks: Picks) -> Filled:
    enrolment = picks.one_of(desk.enrolments("answered"))
    events = tuple(one.event for one in desk.events())
    return (enrolment, events, first_shares(desk, picks))


def first_shares(desk: Desk, picks: Picks) -> tuple[Share, ...]:
    """Return shares for a new kiosk: plenty of each allotment, or little, or none."""
    shares = []
    for one in desk.allotments():
        left = amount_of(desk.connection, allotment_account(one.allotment))
        total = min(left // 3, picks.one_of((3_000, 100_000, 100_000, 200_000)))
        if total > 0 and picks.below(8):
            shares.append(Share(one.allotment, total, min(left // 8, picks.below(3) * 100)))
    return tuple(shares)


def rename_kiosk(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.kiosk_names())
    organisation = picks.one_of(desk.organisations()).organisation
    return (bytes(found.kiosk), _stale(found.version, picks), desk.city.name("端末"), organisation)


def assign_event(desk: Desk, picks: Picks) -> Filled:
    kiosk = picks.one_of(desk.kiosks())
    others = [one.event for one in desk.events() if one.event not in desk.assigned(kiosk)]
    return (kiosk, picks.one_of(others or [one.event for one in desk.events()]))


def remove_event(desk: Desk, picks: Picks) -> Filled:
    kiosk = picks.one_of(desk.kiosks())
    return (kiosk, picks.one_of(desk.assigned(kiosk)))


def renew_settings(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.kiosks()),)


def top_up(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.kiosks()), picks.one_of(desk.allotments()).allotment, 50 + picks.below(1_500))


def lower_share(desk: Desk, picks: Picks) -> Filled:
    kiosk = picks.one_of(desk.kiosks())
    allotment, (total, _) = picks.one_of(desk.shares(kiosk))
    return (kiosk, allotment, 1 + picks.below(max(1, total)))


def stop_kiosk(desk: Desk, picks: Picks) -> Filled:
    return (picks.one_of(desk.kiosks()),)


def withdraw_kiosk(desk: Desk, picks: Picks) -> Filled:
    """Withdraw from what the hub has, or from an earlier entry on: "stolen since"."""
    kiosk = picks.one_of(desk.kiosks())
    if picks.chance(2):
        return (kiosk, None, None)
    found = desk.rows("SELECT seq, hash FROM entry WHERE kiosk = :kiosk ORDER BY seq, hash", kiosk=kiosk)
    last = picks.one_of(found[-60:])
    return (kiosk, last.seq, bytes(last.hash))


def resume_kiosk(desk: Desk, picks: Picks) -> Filled:
    found = desk.rows(
        """
        SELECT l.kiosk, l.kind FROM line l WHERE l.kind <> 'fork' AND NOT EXISTS
          (SELECT 1 FROM line later WHERE later.kiosk = l.kiosk AND later.kind <> 'fork' AND later.version > l.version)
        ORDER BY l.kiosk
        """
    )
    stopped = [bytes(one.kiosk) for one in found if one.kind != "resumed"]
    return (picks.one_of(stopped),)


def accept_hole(desk: Desk, picks: Picks) -> Filled:
    holes = []
    for kiosk in desk.kiosks():
        progress = desk.progress(kiosk)
        after = [first for first, _ in progress.beyond if first > progress.cursor.seq + 1]
        if after:
            holes.append((kiosk, progress.cursor.seq + 1, min(after) - 1))
    return picks.one_of(holes)


def take_back_hole(desk: Desk, picks: Picks) -> Filled:
    return picks.one_of([(kiosk, first) for kiosk in desk.kiosks() for first in desk.holes(kiosk)])


def give_up_tail(desk: Desk, picks: Picks) -> Filled:
    tails = []
    for kiosk in desk.kiosks():
        progress = desk.progress(kiosk)
        arrived = max(progress.cursor.seq, *(last for _, last in progress.beyond), 0)
        if progress.head_seq > arrived:
            tails.append((kiosk, arrived + 1, progress.head_seq))
    return picks.one_of(tails)


def take_back_tail(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.lost_tails())
    return (bytes(found.kiosk), found.first_seq)


def replace_range(desk: Desk, picks: Picks) -> Filled:
    """Say of a run of one kiosk's grants that another event or activity was meant."""
    kiosk = picks.one_of(desk.kiosks())
    grants = (*desk.posted(), *desk.aside("held", "duplicate"))
    found = [one for one in grants if bytes(one.kiosk) == kiosk and one.member]
    wrong = picks.one_of(sorted(found, key=lambda one: (one.seq, bytes(one.hash)))[-80:])
    meant = picks.one_of(desk.events())
    activity = picks.one_of(desk.activities(meant.event, meant.version))
    slot = picks.one_of(activity.slots).slot if activity.slots else 0
    first_seq, last_seq = max(1, wrong.seq - picks.below(5)), wrong.seq + picks.below(8)
    return (kiosk, first_seq, last_seq, wrong.event, wrong.activity, meant.event, activity.activity, slot)


def take_back_replacement(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of([one for one in desk.replacements() if one.state == "in force"][-FEW:])
    return (bytes(found.kiosk), found.version)


def say_boot_start(desk: Desk, picks: Picks) -> Filled:
    """Answer when a booth was switched on: right most of the time, within what people remember, sometimes a day off."""
    held = [one for one in desk.aside("held") if one.reasons & int(Reason.DAY | Reason.VOID_DAY)]
    found = picks.one_of(held or desk.aside("held"))
    boot = bytes(found.boot)
    truth = [started for one in desk.city.machines for known, started in one.boots.items() if known == boot]
    started_ms = picks.one_of(truth) + (picks.below(30) - 15) * MINUTE_MS
    if picks.chance(6):
        started_ms -= DAY_MS
    return (bytes(found.kiosk), boot, max(0, started_ms))


def take_back_boot_start(desk: Desk, picks: Picks) -> Filled:
    found = picks.one_of(desk.boot_starts())
    return (bytes(found.kiosk), bytes(found.boot))


def release(desk: Desk, picks: Picks) -> Filled:
    """Release what one kiosk has held for some reason; the form shows all reasons of what is chosen."""
    first = picks.one_of(desk.aside("held"))
    like = [one for one in desk.aside("held") if one.kiosk == first.kiosk and one.reasons & first.reasons]
    chosen = picks.some_of(like, 30)
    shown = 0
    for one in chosen:
        shown |= one.reasons
    if picks.chance(10):
        shown &= shown - 1
    return (bytes(first.kiosk), names_of(chosen), shown)


def dismiss(desk: Desk, picks: Picks) -> Filled:
    """Dismiss what is held, and now and then what is posted or a duplicate."""
    if picks.chance(3):
        of_one = picks.one_of(desk.kiosks())
        found = [one for one in (*desk.posted(), *desk.aside("duplicate")) if bytes(one.kiosk) == of_one]
        return (of_one, names_of(picks.some_of(found, FEW)))
    first = picks.one_of(desk.aside("held"))
    like = [one for one in desk.aside("held") if one.kiosk == first.kiosk]
    return (bytes(first.kiosk), names_of(picks.some_of(like, FEW)))


def reopen_decision(desk: Desk, picks: Picks) -> Filled:
    first = picks.one_of(desk.decisions())
    like = [one for one in desk.decisions() if one.kiosk == first.kiosk and one.version == first.version]
    return (bytes(first.kiosk), names_of(picks.some_of(like, FEW)))


def trust_clock(_desk: Desk, _picks: Picks) -> Filled:
    return ()


DEEDS: dict[str, Deed] = {
    deed.__name__.replace("_", " "): deed
    for deed in (
        *(add_organisation, change_organisation, close_organisation, reopen_organisation),
        *(add_allotment, raise_allotment, lower_allotment),
        *(add_event, change_event, call_off_event, take_up_event),
        *(add_members, make_known, make_unknown, end_account, reopen_account, lose_card, find_card),
        *(invite_kiosk, decline_invitation, approve_kiosk, rename_kiosk, assign_event, remove_event, renew_settings),
        *(top_up, lower_share, stop_kiosk, withdraw_kiosk, resume_kiosk),
        *(accept_hole, take_back_hole, give_up_tail, take_back_tail, replace_range, take_back_replacement),
        *(say_boot_start, take_back_boot_start, release, dismiss, reopen_decision, trust_clock),
    )
}
"""The deed for each kind of act."""

_RARE, _USUAL, _OFTEN = 1, 3, 7

WEIGHTS: dict[str, int] = {
    **dict.fromkeys(DEEDS, _USUAL),
    **dict.fromkeys(("change event", "release", "dismiss", "reopen decision", "top up", "make known"), _OFTEN),
    **dict.fromkeys(("resume kiosk", "replace range", "say boot start", "accept hole"), _OFTEN),
    **dict.fromkeys(("close organisation", "change organisation", "add organisation"), _RARE),
    **dict.fromkeys(("add allotment", "add event"), _RARE),
    **dict.fromkeys(("call off event", "make unknown", "end account", "invite kiosk", "decline invitation"), _RARE),
    **dict.fromkeys(("stop kiosk", "withdraw kiosk", "remove event", "rename kiosk"), 2),
}
"""How often each is done."""


def fill(kind: str, desk: Desk, picks: Picks) -> Filled:
    """Return the arguments of an act as a clerk would fill them in now. Raises Impossible where there is no subject."""
    found = DEEDS.get(kind)
    if found is None:
        raise Impossible
    return found(desk, picks)
