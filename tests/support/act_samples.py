"""For each act a small world in which it may be done: what stands, and with which arguments it is done then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub_world import VISIT, Booth, World, activities, as_new
from wire_samples import MORNING_MS, sample_key

from hub.acts import decisions, events, hub_clock, journal, kiosks, members, organisations
from hub.intake.reasons import Reason
from hub.own_clock import Doubt, mark_doubted
from hub.register.enrolments import apply
from sync.citytime import DAY_MS
from sync.entry import Stamp
from sync.manifest import Activity, OccasionBy, Share
from sync.member import with_check_digits
from sync.rules import Fixed

STRANGER = with_check_digits(123_456_789_012)
WINDOW = (MORNING_MS, MORNING_MS + DAY_MS // 3)
OTHER_BOOT = bytes(range(16, 32))


@dataclass
class Scene:
    """A world, a booth in it, and an act with its arguments. `differently` are other arguments that a form could say
    too.
    """

    world: World
    booth: Booth
    act: Callable[..., Any]
    arguments: tuple[Any, ...]
    differently: tuple[Any, ...] = field(default=())


def scene(world: World, kind: str) -> Scene:
    """Return the scene of an act."""
    return SCENES[kind](world)


def named(booth: Booth, *numbers: int) -> tuple[tuple[int, bytes], ...]:
    """Return a booth's entries as a decision names them."""
    return tuple((seq, booth.entries[seq - 1].hash) for seq in numbers)


def with_grants(world: World, grants: int = 3, *, sent: bool = True) -> Booth:
    """Return a booth that has granted a visit to the first members."""
    booth = world.booth()
    for person in range(grants):
        booth.grant(person)
    if sent:
        booth.send()
    return booth


def with_hole(world: World) -> Booth:
    """Return a booth whose entries 3 and 4 have not arrived."""
    booth = with_grants(world, 6, sent=False)
    booth.send(last_seq=2)
    booth.send(first_seq=5)
    return booth


def with_tail(world: World) -> Booth:
    """Return a booth that has signed entries 3 and 4 and shown only its head."""
    booth = with_grants(world, 3, sent=False)
    booth.send(last_seq=2)
    return booth


def add_other_event(world: World, points: int = 70) -> int:
    """Add an event with one activity, a visit; return its number."""
    activity = Activity(0, "別の来場", Fixed(points), OccasionBy.NONE, 0)
    event: int = world.do(events.add_event, "別のまつり", *WINDOW, world.allotment, (activity,)).made
    return event


def add_long_event(world: World, days: int = 2) -> int:
    """Add an event of several days with an activity once a day; return its number."""
    daily = Activity(0, "お手伝い", Fixed(50), OccasionBy.DAY, 0)
    window = (MORNING_MS, MORNING_MS + days * DAY_MS)
    event: int = world.do(events.add_event, "二日のまつり", *window, world.allotment, (daily,)).made
    return event


def without_clock(world: World) -> Booth:
    """Return a booth whose only grant, entry 2, is held for its day: signed without a clock at an event of two days,
    arrived after it.
    """
    event = add_long_event(world)
    booth = world.booth(events=(event,))
    booth.add(booth.opened(), Stamp(0, booth.boot, 1_000, 0))
    booth.add(booth.make_grant(0, event=event, activity=1, occasion=0), Stamp(5_000, booth.boot, 5_000, 0))
    world.now_ms = MORNING_MS + 3 * DAY_MS
    booth.send()
    return booth


def answered(world: World, name: str = "新しい端末") -> bytes:
    """Return an invitation that a kiosk has answered."""
    enrolment: bytes = world.do(kiosks.invite_kiosk, name, world.organisation).made
    apply(world.hub, world.application(enrolment, sample_key(f"booth {name}")))
    return enrolment


def unknown_member(world: World) -> Booth:
    """Return a booth that has granted to a number that nobody knows."""
    booth = world.booth()
    booth.grant(0, member=STRANGER)
    booth.send()
    return booth


def held_for_points(world: World) -> Booth:
    """Return a booth whose entry 2 grants more points than the rule gives."""
    booth = world.booth()
    booth.grant(0, points=60)
    booth.grant(1)
    booth.send()
    return booth


def _organisation(world: World) -> Scene:
    return _plain(world, organisations.add_organisation, ("見本団体2", "both"), ("見本団体2", "serves"))


def _change_organisation(world: World) -> Scene:
    told = (world.organisation, 1, "見本団体", "both")
    return _plain(world, organisations.change_organisation, told, (world.organisation, 2, "見本団体1", "serves"))


def _close(world: World) -> Scene:
    return _plain(world, organisations.close_organisation, (world.organisation, 1), (world.organisation, 2))


def _reopen(world: World) -> Scene:
    scene = _plain(world, organisations.reopen_organisation, (world.organisation, 2), (world.organisation, 3))
    world.do(organisations.close_organisation, world.organisation, 1)
    return scene


def _allotment(world: World) -> Scene:
    told = (world.organisation, "枠2", 500)
    return _plain(world, organisations.add_allotment, told, (world.organisation, "枠2", 501))


def _raise(world: World) -> Scene:
    return _plain(world, organisations.raise_allotment, (world.allotment, 100), (world.allotment, 101))


def _lower(world: World) -> Scene:
    return _plain(world, organisations.lower_allotment, (world.allotment, 100), (world.allotment, 101))


def _event(world: World) -> Scene:
    told = ("見本の日", *WINDOW, world.allotment, as_new(activities()))
    return _plain(world, events.add_event, told, ("見本の夜", *told[1:]))


def _change(world: World) -> Scene:
    booth = with_grants(world)
    past = (MORNING_MS - 2 * DAY_MS, MORNING_MS - DAY_MS)
    told = (world.event, 1, "見本まつり", *past, world.allotment, activities())
    return Scene(world, booth, events.change_event, told, (*told[:2], "別の名前", *told[3:]))


def _call_off(world: World) -> Scene:
    return _plain(world, events.call_off_event, (world.event, 1), (world.event, 2))


def _take_up(world: World) -> Scene:
    world.do(events.call_off_event, world.event, 1)
    return _plain(world, events.take_up_event, (world.event, 2), (world.event, 3))


def _add_members(world: World) -> Scene:
    return _plain(world, members.add_members, (5,), (6,))


def _make_known(world: World) -> Scene:
    return Scene(world, unknown_member(world), members.make_known, (STRANGER,), (world.members[1],))


def _make_unknown(world: World) -> Scene:
    return _of_member(world, members.make_unknown)


def _end(world: World) -> Scene:
    return _of_member(world, members.end_account)


def _reopen_account(world: World) -> Scene:
    booth = with_grants(world)
    world.do(members.end_account, world.members[0])
    world.now_ms += 1_000
    booth.grant(0, activity=2, occasion=20_771, points=100, quantity=10)
    booth.send()
    return Scene(world, booth, members.reopen_account, (world.members[0],), (world.members[1],))


def _lose(world: World) -> Scene:
    told = (world.members[0], 1)
    return Scene(world, with_grants(world), members.lose_card, told, (world.members[1], 1))


def _find(world: World) -> Scene:
    booth = with_grants(world)
    world.do(members.lose_card, world.members[0], 1)
    return Scene(world, booth, members.find_card, (world.members[0], 1), (world.members[1], 1))


def _of_member(world: World, act: Callable[..., Any]) -> Scene:
    return Scene(world, with_grants(world), act, (world.members[0],), (world.members[1],))


def _invite(world: World) -> Scene:
    return _plain(world, kiosks.invite_kiosk, ("受付9", world.organisation), ("受付8", world.organisation))


def _decline(world: World) -> Scene:
    told = (answered(world),)
    return _plain(world, kiosks.decline_invitation, told, (answered(world, "別の端末"),))


def _approve(world: World) -> Scene:
    told = (answered(world), (world.event,), (Share(world.allotment, 100, 10),))
    return _plain(world, kiosks.approve_kiosk, told, (*told[:2], ()))


def _rename(world: World) -> Scene:
    booth = world.booth()
    told = (booth.kiosk, 1, "受付のとなり", world.organisation)
    return Scene(world, booth, kiosks.rename_kiosk, told, (*told[:2], "受付のうしろ", told[3]))


def _assign(world: World) -> Scene:
    booth, event = world.booth(), add_other_event(world)
    return Scene(world, booth, kiosks.assign_event, (booth.kiosk, event), (booth.kiosk, world.event))


def _remove(world: World) -> Scene:
    booth = with_grants(world)
    told = (booth.kiosk, world.event)
    return Scene(world, booth, kiosks.remove_event, told, (booth.kiosk, add_other_event(world)))


def _renew(world: World) -> Scene:
    booth = world.booth()
    return Scene(world, booth, kiosks.renew_settings, (booth.kiosk,), (world.booth("受付2").kiosk,))


def _top_up(world: World) -> Scene:
    booth = world.booth(total=50)
    booth.grant(0)
    booth.grant(1)
    booth.send()
    told = (booth.kiosk, world.allotment, 100)
    return Scene(world, booth, kiosks.top_up, told, (*told[:2], 101))


def _lower_share(world: World) -> Scene:
    booth = with_grants(world)
    told = (booth.kiosk, world.allotment, 100)
    return Scene(world, booth, kiosks.lower_share, told, (*told[:2], 101))


def _stop(world: World) -> Scene:
    return _of_kiosk(world, kiosks.stop_kiosk)


def _withdraw(world: World) -> Scene:
    booth = with_grants(world)
    return Scene(world, booth, kiosks.withdraw_kiosk, (booth.kiosk, 2), (booth.kiosk, 3))


def _resume(world: World) -> Scene:
    booth = with_grants(world)
    world.do(kiosks.stop_kiosk, booth.kiosk)
    world.now_ms += 1_000
    booth.grant(3)
    booth.send()
    return Scene(world, booth, kiosks.resume_kiosk, (booth.kiosk,), (world.booth("受付2").kiosk,))


def _of_kiosk(world: World, act: Callable[..., Any]) -> Scene:
    booth = with_grants(world)
    return Scene(world, booth, act, (booth.kiosk,), (world.booth("受付2").kiosk,))


def _accept(world: World) -> Scene:
    booth = with_hole(world)
    return Scene(world, booth, journal.accept_hole, (booth.kiosk, 3, 4), (booth.kiosk, 3, 5))


def _take_back_hole(world: World) -> Scene:
    booth = with_hole(world)
    world.do(journal.accept_hole, booth.kiosk, 3, 4)
    return Scene(world, booth, journal.take_back_hole, (booth.kiosk, 3), (booth.kiosk, 4))


def _give_up(world: World) -> Scene:
    booth = with_tail(world)
    return Scene(world, booth, journal.give_up_tail, (booth.kiosk, 3, 4), (booth.kiosk, 4, 4))


def _take_back_tail(world: World) -> Scene:
    booth = with_tail(world)
    world.do(journal.give_up_tail, booth.kiosk, 3, 4)
    return Scene(world, booth, journal.take_back_tail, (booth.kiosk, 3), (booth.kiosk, 4))


def _replace(world: World) -> Scene:
    booth, event = with_grants(world), add_other_event(world, points=40)
    told = (booth.kiosk, 2, 4, world.event, VISIT, event, 1)
    return Scene(world, booth, journal.replace_range, told, (booth.kiosk, 2, 3, *told[3:]))


def _take_back_replacement(world: World) -> Scene:
    booth, event = with_grants(world), add_other_event(world)
    world.do(journal.replace_range, booth.kiosk, 2, 4, world.event, VISIT, event, 1)
    return Scene(world, booth, journal.take_back_replacement, (booth.kiosk, 1), (booth.kiosk, 2))


def _say_start(world: World) -> Scene:
    booth = without_clock(world)
    told = (booth.kiosk, booth.boot, MORNING_MS + 3_600_000)
    return Scene(world, booth, journal.say_boot_start, told, (*told[:2], MORNING_MS + 7_200_000))


def _take_back_start(world: World) -> Scene:
    booth = without_clock(world)
    world.do(journal.say_boot_start, booth.kiosk, booth.boot, MORNING_MS + 3_600_000)
    told = (booth.kiosk, booth.boot)
    return Scene(world, booth, journal.take_back_boot_start, told, (booth.kiosk, OTHER_BOOT))


def _release(world: World) -> Scene:
    booth = held_for_points(world)
    told = (booth.kiosk, named(booth, 2), int(Reason.POINTS))
    return Scene(world, booth, decisions.release, told, (*told[:2], int(Reason.POINTS | Reason.TIME)))


def _dismiss(world: World) -> Scene:
    booth = with_grants(world)
    told = (booth.kiosk, named(booth, 2))
    return Scene(world, booth, decisions.dismiss, told, (booth.kiosk, named(booth, 3)))


def _reopen_decision(world: World) -> Scene:
    booth = with_grants(world)
    world.do(decisions.dismiss, booth.kiosk, named(booth, 2))
    told = (booth.kiosk, named(booth, 2))
    return Scene(world, booth, decisions.reopen_decision, told, (booth.kiosk, named(booth, 3)))


def _trust(world: World) -> Scene:
    with world.store.transaction() as connection:
        mark_doubted(connection, Doubt.SET_BACK)
    return _plain(world, hub_clock.trust_clock, (), ())


def _plain(world: World, act: Callable[..., Any], told: tuple[Any, ...], differently: tuple[Any, ...]) -> Scene:
    return Scene(world, world.booth(), act, told, differently)


SCENES: dict[str, Callable[[World], Scene]] = {
    "add organisation": _organisation,
    "change organisation": _change_organisation,
    "close organisation": _close,
    "reopen organisation": _reopen,
    "add allotment": _allotment,
    "raise allotment": _raise,
    "lower allotment": _lower,
    "add event": _event,
    "change event": _change,
    "call off event": _call_off,
    "take up event": _take_up,
    "add members": _add_members,
    "make known": _make_known,
    "make unknown": _make_unknown,
    "end account": _end,
    "reopen account": _reopen_account,
    "lose card": _lose,
    "find card": _find,
    "invite kiosk": _invite,
    "decline invitation": _decline,
    "approve kiosk": _approve,
    "rename kiosk": _rename,
    "assign event": _assign,
    "remove event": _remove,
    "renew settings": _renew,
    "top up": _top_up,
    "lower share": _lower_share,
    "stop kiosk": _stop,
    "withdraw kiosk": _withdraw,
    "resume kiosk": _resume,
    "accept hole": _accept,
    "take back hole": _take_back_hole,
    "give up tail": _give_up,
    "take back tail": _take_back_tail,
    "replace range": _replace,
    "take back replacement": _take_back_replacement,
    "say boot start": _say_start,
    "take back boot start": _take_back_start,
    "release": _release,
    "dismiss": _dismiss,
    "reopen decision": _reopen_decision,
    "trust clock": _trust,
}
