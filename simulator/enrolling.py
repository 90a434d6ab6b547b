"""How a city begins, and how a booth is let in: by acts and by the kiosk's own judgement of the hub's answers."""

from __future__ import annotations

from typing import Any

from hub.acts.doing import ACTS, Person, new_number, perform
from hub.acts.refusals import ActRefused
from hub.register.enrolments import EnrolmentRefused, apply, invitation_of
from hub.service import Hub
from kiosk.enrol import Admission, judge
from simulator.booths import Machine
from simulator.deeds import first_shares
from simulator.hub import HubCrashed
from simulator.office import Desk
from simulator.stage import Stage
from simulator.stations import station_of
from simulator.town import FIRST_MORNING_MS, HOUR_MS, Impossible, Picks
from sync.citytime import DAY_MS
from sync.enrolment import Application, Invitation, mac_from_kiosk, write_invitation
from sync.envelope import SigningKey
from sync.manifest import Activity, OccasionBy, Slot
from sync.member import with_check_digits
from sync.rules import ByHours, Fixed

ADDRESS = "http://127.0.0.1:1"
FOUNDER = Person("担当 0")
PEOPLE = 90
STRANGERS = 6


def found_city(stage: Stage) -> None:
    """Enter what a city begins with: organisations, allotments of which one is tight, events of one day and of several,
    members; and numbers that no hub has given.
    """
    for number in range(STRANGERS):
        stage.city.strangers.append(with_check_digits(900_000_000_000 + number * 7_919))
    one = _do(stage, "add organisation", "見本団体 A", "grants")
    other = _do(stage, "add organisation", "見本団体 B", "both")
    wide = _do(stage, "add allotment", one, "見本の付与枠", 8_000_000)
    tight = _do(stage, "add allotment", other, "見本の小さな枠", 20_000)
    begins_ms = FIRST_MORNING_MS - HOUR_MS
    _do(stage, "add event", "見本まつり", begins_ms, begins_ms + 5 * HOUR_MS, wide, _festival())
    _do(stage, "add event", "見本の週", begins_ms, begins_ms + 4 * DAY_MS, wide, _week())
    _do(stage, "add event", "見本清掃", begins_ms + DAY_MS, begins_ms + 3 * DAY_MS, tight, _week()[:1])
    stage.city.members = list(_do(stage, "add members", PEOPLE, "paper"))


def _festival() -> tuple[Activity, ...]:
    return (
        Activity(0, "来場", Fixed(50), OccasionBy.NONE, 0),
        Activity(0, "体験", Fixed(30), OccasionBy.SLOT, 1, (Slot(0, "午前"), Slot(0, "午後"), Slot(0, "夕方"))),
    )


def _week() -> tuple[Activity, ...]:
    by_hours = ByHours(((1, 100), (60, 200), (120, 300)))
    return (
        Activity(0, "お手伝い", by_hours, OccasionBy.DAY, 1),
        Activity(0, "来場", Fixed(20), OccasionBy.DAY, 0),
        Activity(0, "受付", Fixed(10), OccasionBy.NONE, 0),
    )


def let_in(stage: Stage, machine: Machine, picks: Picks) -> None:
    """Enrol a booth with a fresh card, from the invitation to its first run."""
    machine.kill()
    machine.new_card()
    invitation, enrolment = _invited(stage, picks)
    journal = machine.begin(write_invitation(invitation), ADDRESS)
    answer = _apply(stage.hub(), journal.public_key, invitation)
    if isinstance(answer, bytes):
        _approve(stage, enrolment, picks)
        answer = _apply(stage.hub(), journal.public_key, invitation)
    admission = judge(answer, invitation, journal.public_key, is_demo=False) if isinstance(answer, bytes) else None
    if not isinstance(admission, Admission):
        machine.kill()
        raise Impossible
    journal.keep_enrolment(*admission)
    machine.serve(stage.lines[machine.name], time_is_confirmed=picks.chance(2))
    machine.station = station_of(machine.running().reference.manifest, picks)
    machine.serve(stage.lines[machine.name], time_is_confirmed=False)
    stage.world.count("let in")


def apply_and_wait(stage: Stage, picks: Picks) -> None:
    """Let a booth apply and wait for a clerk, who may let it in, decline it or forget it."""
    invitation, _ = _invited(stage, picks)
    key = SigningKey(stage.world.random_bytes(32))
    if _apply(stage.hub(), key.public, invitation) is None:
        raise Impossible


def _invited(stage: Stage, picks: Picks) -> tuple[Invitation, bytes]:
    """Return an invitation: one that a clerk has left open, or a new one."""
    if stage.city.invitations and picks.chance(2):
        enrolment, invitation = stage.city.invitations.pop()
        return invitation, enrolment
    with stage.hub().store.reading() as connection:
        organisation = picks.one_of(Desk(stage.hub(), stage.city, connection).organisations()).organisation
    enrolment = _do(stage, "invite kiosk", stage.city.name("端末"), organisation)
    with stage.hub().store.reading() as connection:
        found = invitation_of(stage.hub(), connection, enrolment, ADDRESS)
    if found is None:
        raise Impossible
    return found, enrolment


def _approve(stage: Stage, enrolment: bytes, picks: Picks) -> None:
    with stage.hub().store.reading() as connection:
        desk = Desk(stage.hub(), stage.city, connection)
        events = tuple(one.event for one in desk.events())
        shares = first_shares(desk, picks)
    _do(stage, "approve kiosk", enrolment, events, shares)


def _apply(hub: Hub, public_key: bytes, invitation: Invitation) -> bytes | None:
    """Hand in an application; return the welcome, None where the hub has refused it."""
    application = Application(
        public_key, "simulated", mac_from_kiosk(invitation.code, public_key, invitation.root_key_hash)
    )
    try:
        return apply(hub, application)
    except EnrolmentRefused:
        return None


def _do(stage: Stage, kind: str, *filled: Any) -> Any:
    """Do an act that everybody waits for; return what it made. Raises Impossible where it is refused."""
    hub = stage.hub()
    number = new_number(hub, FOUNDER, kind)
    try:
        return perform(hub, FOUNDER, number, "見本の理由", ACTS[kind].function, *filled).made
    except ActRefused as refusal:
        raise Impossible from refusal
    except HubCrashed as crash:
        stage.road.crashed()
        raise Impossible from crash
    finally:
        stage.world.count("acts")
        stage.world.count(f"act: {kind}")
