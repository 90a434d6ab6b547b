"""A busy afternoon for desk tests: booths in every standing, grants held for many reasons, a kiosk at the door."""

from __future__ import annotations

from dataclasses import dataclass

from hub_world import HELP, Booth, World, as_new
from hub_world import activities as sample_activities
from wire_samples import sample_key

from hub.acts.events import add_event
from hub.acts.kiosks import invite_kiosk
from hub.acts.members import add_members
from hub.register.enrolments import apply
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, DayEnd, Void
from sync.member import with_check_digits

STRANGER = with_check_digits(123_456_789_012)
NEW_BOOTH = "見本広場"


@dataclass
class Scene:
    """The booths by what is the matter with them, and two invitations: one open, one answered."""

    world: World
    short: Booth
    """Its share is used up; it also has a stranger, wrong points, a void, and a day end that forgot 50 points."""
    gap: Booth
    """Entries 5 to 7 are missing."""
    copied: Booth
    """Its card was copied."""
    late: Booth
    """It granted after the event, by a clock the hub confirms."""
    silent: Booth
    """It has not been heard from."""
    invited: bytes
    answered: bytes


def busy(world: World) -> Scene:
    """Let all that happen."""
    world.members += world.do(add_members, 24).made
    short, gap, copied = _short(world), _gap(world), _copied(world)
    late, silent = world.booth("見本小学校 体育館"), world.booth("見本駅前")
    world.now_ms += 2 * DAY_MS
    late.grant(30)
    late.grant(31, how=1, kid=None, expiry_day=None)
    late.add(Clock(world.now_ms, late.stamp().monotonic_ms - 50, late.stamp().monotonic_ms))
    late.send()
    invited = world.do(invite_kiosk, "見本図書館", world.organisation).made
    return Scene(world, short, gap, copied, late, silent, invited, answered_invitation(world, NEW_BOOTH))


def answered_invitation(world: World, name: str) -> bytes:
    """Invite a kiosk and let it answer; return the invitation's key."""
    enrolment: bytes = world.do(invite_kiosk, name, world.organisation).made
    apply(world.hub, world.application(enrolment, sample_key(name)))
    return enrolment


def without_clock(world: World) -> Booth:
    """A booth that does not know the day, at an event of two days: its three grants for helping are held for their
    day.
    """
    activities, window = as_new(sample_activities()), (world.now_ms, world.now_ms + 2 * DAY_MS)
    event = world.do(add_event, "見本の二日間", *window, world.allotment, activities).made
    booth = world.booth("見本の土手", events=(event,))
    booth.started_ms = world.now_ms - 600_000
    day = city_day(world.now_ms)
    for person in range(32, 35):
        booth.grant(person, event=event, activity=HELP, occasion=day, points=100)
    world.now_ms += DAY_MS
    booth.send()
    return booth


def _short(world: World) -> Booth:
    booth = world.booth("見本会館 受付1", total=600, reserve=100)
    for person in range(16):
        booth.grant(person)
    booth.grant(1, member=STRANGER)
    booth.grant(17, points=70)
    booth.add(Void(5, "まちがい"))
    booth.add(DayEnd(18, 870, 1, 50))
    booth.send()
    return booth


def _gap(world: World) -> Booth:
    booth = world.booth("見本公園 入口")
    for person in range(40, 52):
        booth.grant(person)
    booth.send(1, 4)
    booth.send(8, 11)
    return booth


def _copied(world: World) -> Booth:
    booth = world.booth("見本通り 屋台")
    for person in range(52, 59):
        booth.grant(person)
    booth.send()
    copy = booth.clone(6)
    for person in range(60, 64):
        copy.grant(person)
    copy.send(7)
    return booth
