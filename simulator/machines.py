"""What happens at booths: people come, machines boot and die, cards are copied, put back, damaged and lost. One
function a kind of step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from hub.service import Hub
from kiosk.journal_file import JournalFailed
from simulator.booths import Machine
from simulator.checks import is_rolled_back_now
from simulator.enrolling import let_in
from simulator.stage import Stage
from simulator.stations import station_of
from simulator.story import CLONES, Step
from simulator.town import FIRST_MORNING_MS, HOUR_MS, MINUTE_MS, Impossible, Picks
from sync.citytime import DAY_MS, city_day
from sync.entry import Grant, Opened, Void
from sync.envelope import MEMBER, SigningKey
from sync.manifest import OccasionBy
from sync.member import printed
from sync.token import write_token

SINCE_1970_MS = -FIRST_MORNING_MS
BAD_CLOCKS_MS = (0, 0, SINCE_1970_MS, SINCE_1970_MS, -HOUR_MS, DAY_MS, -DAY_MS)
"""How far a machine's wall clock may be ahead at a boot; 1970 is what a Pi without a battery believes."""

FOREIGN_KEY = SigningKey(bytes(range(32)))
"""Signs cards of another city."""


def serve(stage: Stage, machine: Machine, *, time_is_confirmed: bool) -> None:
    """Begin a run of a booth at a station its settings know."""
    machine.serve(stage.lines[machine.name], time_is_confirmed=time_is_confirmed)


def look_after(stage: Stage, machine: Machine, picks: Picks) -> None:
    """Get a booth to work again that does not: switch it on, or give it a fresh card; a hub that was rolled back gets
    its new instance for that. A copy of a card that is broken is left alone.
    """
    if is_rolled_back_now(stage.house.start()):
        stage.house.open_instance()
    if machine.journal is None and machine.path.exists():
        machine.start(picks.one_of(BAD_CLOCKS_MS))
        serve(stage, machine, time_is_confirmed=False)
    if not machine.is_enrolled and not machine.is_clone:
        let_in(stage, machine, picks)


def _look_after(stage: Stage, step: Step) -> None:
    look_after(stage, stage.machine(step), Picks(step.picks))


def _scan(stage: Stage, step: Step) -> None:
    """Let somebody show a card, or type a number."""
    machine = stage.machine(step)
    picks = Picks(step.picks)
    if machine.booth is None:
        look_after(stage, machine, Picks(step.picks))
    booth = machine.running()
    member = picks.one_of(stage.city.members)
    stage.world.count("scans")
    stage.world.count(f"scans: {(stage.world.now_ms - FIRST_MORNING_MS) // HOUR_MS} {machine.name}")
    match picks.below(40):
        case 0:
            member = stage.city.strangers[picks.below(len(stage.city.strangers))]
            machine.note(booth.scan_number(printed(member)))
        case 1 | 2:
            machine.note(booth.scan_number(printed(member)))
        case 3:
            machine.note(booth.scan_code(write_token(FOREIGN_KEY, member, 1)))
        case 4:
            machine.note(booth.scan_code(write_token(_member_key(stage), member, 1 + picks.below(3))))
        case 5:
            expiry_day = city_day(stage.world.now_ms) - picks.below(3) + 1
            machine.note(booth.scan_code(write_token(_member_key(stage), member, 1, expiry_day)))
        case _:
            machine.note(booth.scan_code(write_token(_member_key(stage), member, 1)))


def _member_key(stage: Stage) -> SigningKey:
    """Return the key that signs cards. Raises Impossible while the hub is down: nobody prints cards then."""
    hub: Hub = stage.hub()
    return hub.keyring.signer(MEMBER)


def _void(stage: Stage, step: Step) -> None:
    """Take one of the last grants of a booth back, or something that is none."""
    machine = stage.machine(step)
    picks = Picks(step.picks)
    journal = machine.usable()
    machine.running()
    last = journal.head().seq
    if machine.void(max(1, last - picks.below(40 if picks.chance(4) else 6))):
        stage.world.count("voids")


def _change_station(stage: Stage, step: Step) -> None:
    """Begin a run at another event or activity, in the same boot."""
    machine = stage.machine(step)
    machine.usable()
    picks = Picks(step.picks)
    booth = machine.running()
    machine.station = station_of(booth.reference.manifest, picks)
    serve(stage, machine, time_is_confirmed=picks.chance(6))


def _kill(stage: Stage, step: Step) -> None:
    """Cut the power between a grant and its sending, and boot again."""
    machine = stage.machine(step)
    machine.usable()
    machine.kill()
    _boot(stage, machine, Picks(step.picks))


def _boot_step(stage: Stage, step: Step) -> None:
    machine = stage.machine(step)
    machine.usable()
    machine.end()
    _boot(stage, machine, Picks(step.picks))


def _boot(stage: Stage, machine: Machine, picks: Picks) -> None:
    """Boot: in 1970, at the time of the last shutdown, or off by an hour or a day; and let a volunteer confirm it."""
    stage.world.count("faults")
    ahead_ms = picks.one_of((*BAD_CLOCKS_MS, machine.last_seen_ms - stage.world.now_ms))
    machine.start(ahead_ms)
    confirms = picks.chance(3)
    if confirms and picks.below(4):
        machine.clock.ahead_ms = 0
    serve(stage, machine, time_is_confirmed=confirms)


def _turn_clock(stage: Stage, step: Step) -> None:
    """Let a machine's wall clock jump, as when a network sets it."""
    machine = stage.machine(step)
    machine.running()
    picks = Picks(step.picks)
    if picks.chance(2):
        machine.clock.ahead_ms = 0
    else:
        machine.clock.ahead_ms += (picks.below(2_880) - 1_440) * MINUTE_MS
    stage.world.count("faults")


def _go_offline(stage: Stage, step: Step) -> None:
    machine = stage.machine(step)
    picks = Picks(step.picks)
    machine.offline_until_ms = stage.world.now_ms + (10 + picks.below(300)) * MINUTE_MS
    if picks.chance(8):
        machine.offline_until_ms += DAY_MS
    stage.world.count("faults")


def _morning(stage: Stage, step: Step) -> None:
    """Begin a day: a booth that was switched off boots, one that can grant nothing gets a fresh card."""
    machine = stage.machine(step)
    picks = Picks(step.picks)
    if machine.journal is None and machine.path.exists():
        machine.start(picks.one_of((*BAD_CLOCKS_MS, machine.last_seen_ms - stage.world.now_ms)))
        serve(stage, machine, time_is_confirmed=picks.chance(2))
    if not machine.is_enrolled and stage.house.hub is not None:
        let_in(stage, machine, picks)


def _evening(stage: Stage, step: Step) -> None:
    """End a day: the totals are signed, the machine is switched off."""
    machine = stage.machine(step)
    machine.usable()
    machine.end()


def _copy_card(stage: Stage, step: Step) -> None:
    """Keep an image of a booth's card, made while it was off for a moment."""
    machine = stage.machine(step)
    machine.usable()
    machine.kill()
    machine.copy_card(stage.folder / f"{machine.name}.image", with_witness=Picks(step.picks).chance(2))
    serve(stage, machine, time_is_confirmed=False)
    stage.world.count("faults")


def _put_card_back(stage: Stage, step: Step) -> None:
    """Put an older image in the place of a booth's card, and go on from there."""
    machine = stage.machine(step)
    image = stage.folder / f"{machine.name}.image"
    if not image.exists() or machine.journal is None:
        raise Impossible
    machine.kill()
    picks = Picks(step.picks)
    machine.put_card_back(image, with_witness=picks.chance(2))
    stage.world.count("faults")
    serve(stage, machine, time_is_confirmed=False)


def _clone_card(stage: Stage, step: Step) -> None:
    """Copy a booth's card into a second machine, and let both go on by themselves."""
    machine = stage.machine(step)
    machine.usable()
    clones = [one for one in stage.city.machines if one.is_clone]
    if len(clones) >= CLONES:
        raise Impossible
    machine.kill()
    clone = stage.add_machine(f"{machine.name}-clone-{len(clones) + 1}", is_clone=True)
    machine.copy_card(clone.path, with_witness=True)
    clone.station = machine.station
    stage.world.count("faults")
    serve(stage, machine, time_is_confirmed=False)
    clone.start(0)
    serve(stage, clone, time_is_confirmed=False)


def _damage_card(stage: Stage, step: Step) -> None:
    """Break some pages of a card that lost its power; what can be read is salvaged and sent."""
    machine = stage.machine(step)
    machine.usable()
    machine.kill()
    machine.damage([pick * 4_096 for pick in step.picks[:3]])
    stage.world.count("faults")
    serve(stage, machine, time_is_confirmed=False)


def _lose_card(stage: Stage, step: Step) -> None:
    """Lose a card with all that had not been sent."""
    machine = stage.machine(step)
    machine.usable()
    machine.throw_away()
    stage.world.count("faults")


def _sign_nonsense(stage: Stage, step: Step) -> None:
    """Sign what the booth's program would not: somebody has the card's key."""
    machine = stage.machine(step)
    booth = machine.running()
    journal = machine.usable()
    picks = Picks(step.picks)
    stamp = booth.stamp()
    known = booth.reference.manifest
    event = picks.one_of(known.events if known is not None else ())
    activity = picks.one_of(event.activities)
    occasion = 0 if activity.occasion_by is OccasionBy.NONE else city_day(stamp.wall_ms)
    plain = Grant(
        event.event,
        activity.activity,
        occasion,
        picks.one_of(stage.city.members),
        1,
        0,
        b"kid?",
        0,
        30,
        1,
        1,
        1,
    )
    bodies: list[Grant | Void | Opened] = [
        replace(plain, points=999_999 if picks.chance(20) else 31),
        replace(plain, occasion=picks.below(1_000_000)),
        replace(plain, event=70_000 + picks.below(3)),
        replace(plain, issue=9, activity=77),
        Void(1 + picks.below(500), "まちがい"),
        Opened("rogue", None, stamp.wall_ms),
        Opened("rogue", (known.instance, max(1, known.version - 1)) if known is not None else None, None),
    ]
    journal.sign_and_keep(picks.one_of(bodies), stamp)
    stage.world.count("faults")


def _guarded(do: Callable[[Stage, Step], None]) -> Callable[[Stage, Step], None]:
    """Return a step that is passed over where the card signs nothing, as the booth's program would stop there."""

    def take(stage: Stage, step: Step) -> None:
        try:
            do(stage, step)
        except JournalFailed as error:
            raise Impossible from error

    return take


MACHINE_STEPS: dict[str, Callable[[Stage, Step], Any]] = {
    kind: _guarded(do)
    for kind, do in {
        "scan": _scan,
        "look after": _look_after,
        "void": _void,
        "change station": _change_station,
        "kill": _kill,
        "boot": _boot_step,
        "turn clock": _turn_clock,
        "go offline": _go_offline,
        "morning": _morning,
        "evening": _evening,
        "copy card": _copy_card,
        "put card back": _put_card_back,
        "clone card": _clone_card,
        "damage card": _damage_card,
        "lose card for good": _lose_card,
        "sign nonsense": _sign_nonsense,
    }.items()
}
