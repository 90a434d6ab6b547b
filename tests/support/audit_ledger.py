"""A ledger in which everything happens that the hub knows, built through the hub's acts and batches: what the audit is
tried on.
"""

from __future__ import annotations

from typing import Any

from hub_held import ANY_REASON
from hub_world import HELP, SOFTWARE, VISIT, Booth, World, activities, as_new
from msgspec.structs import astuple
from wire_samples import MORNING_MS, sample_key

from hub.acts.decisions import dismiss, release, reopen_decision
from hub.acts.doing import Done
from hub.acts.events import add_event, call_off_event, change_event, take_up_event
from hub.acts.journal import (
    accept_hole,
    give_up_tail,
    replace_range,
    say_boot_start,
    take_back_boot_start,
    take_back_hole,
    take_back_replacement,
    take_back_tail,
)
from hub.acts.kiosks import (
    assign_event,
    decline_invitation,
    invite_kiosk,
    lower_share,
    remove_event,
    rename_kiosk,
    renew_settings,
    resume_kiosk,
    stop_kiosk,
    top_up,
    withdraw_kiosk,
)
from hub.acts.members import end_account, find_card, lose_card, make_known, make_unknown, reopen_account
from hub.acts.organisations import (
    add_allotment,
    add_organisation,
    close_organisation,
    lower_allotment,
    raise_allotment,
    reopen_organisation,
)
from hub.register.enrolments import apply
from hub.store.database import Store, rows
from sync.certificate import Certificate, write_certificate
from sync.citytime import DAY_MS, city_day
from sync.codec import encode
from sync.entry import Clock, DayEnd, Opened, SignedEntry, Stamp, Void, hash_of
from sync.envelope import ENTRY, KIOSK, MANIFEST, seal
from sync.manifest import Activity, OccasionBy, Slot, read_manifest
from sync.member import with_check_digits
from sync.rules import Fixed

HOUR_MS = 3_600_000
STEP_MS = 61_000
"""The hub's clock goes on between any two things, as clocks do."""
DAILY, SLOTTED = 1, 2
"""The activities of the event of three days."""


class Ledger(World):
    """A world whose clock goes on after each act."""

    three_days: int
    other: int

    def do(self, function: Any, *arguments: Any, reason: str = "見本の理由") -> Done[Any]:
        """Do an act, and let a minute pass."""
        done = super().do(function, *arguments, reason=reason)
        self.now_ms += STEP_MS
        return done


def rich_ledger(store: Store) -> Ledger:
    """Return a world with every verdict, every reason, every act and every kind of row."""
    world = Ledger(store)
    _reference_records(world)
    one = world.booth("受付1", total=2_000, reserve=50)
    other = world.booth("受付2")
    three_days = world.booth("三日の端末", events=(world.three_days,))
    doubted = world.booth("疑わしい端末", events=(world.event, world.three_days))
    world.do(top_up, doubted.kiosk, world.other, 500)
    _renew(world, doubted)
    one.add(one.opened(confirmed_ms=world.now_ms))
    for person in range(5):
        one.grant(person)
    _flagged_grants(world, one)
    _send(one)
    _contested(world, one, other)
    _held_for_reasons(world, one)
    _decided_again(world, one)
    _used_up(world)
    _with_a_hole(world)
    _forked(world)
    _clocked(world)
    _by_days(world, three_days)
    _doubted(world, doubted)
    _replaced(world, other)
    _stopped_and_withdrawn(world)
    _people_and_settings(world, other)
    _restored(world)
    one.add(DayEnd(12, 900, 2, 100))
    _not_understood(one)
    _send(one)
    return world


def _send(booth: Booth, first_seq: int | None = None, last_seq: int | None = None) -> None:
    booth.send(first_seq, last_seq)
    booth.world.now_ms += STEP_MS


def _reference_records(world: Ledger) -> None:
    """Organisations that were closed and reopened, allotments raised and lowered, an event of three days with days and
    slots that was called off and taken up, invitations that nobody took up.
    """
    second = world.do(add_organisation, "見本団体2", "both").made
    world.do(close_organisation, second, 1)
    world.do(reopen_organisation, second, 2)
    world.other = world.do(add_allotment, second, "第2の枠", 5_000).made
    world.do(raise_allotment, world.other, 500)
    world.do(lower_allotment, world.other, 200)
    offered = (
        Activity(DAILY, "毎日", Fixed(70), OccasionBy.DAY, 1),
        Activity(SLOTTED, "回", Fixed(30), OccasionBy.SLOT, 1, (Slot(1, "午前"), Slot(2, "午後"))),
    )
    window = (MORNING_MS, MORNING_MS + 3 * DAY_MS)
    world.three_days = world.do(add_event, "三日の催し", *window, world.other, as_new(offered)).made
    world.do(call_off_event, world.three_days, 1)
    world.do(take_up_event, world.three_days, 2)
    world.do(invite_kiosk, "まだの端末", 1)
    world.do(decline_invitation, world.do(invite_kiosk, "断った端末", 1).made)
    waiting = world.do(invite_kiosk, "答えた端末", second).made
    apply(world.hub, world.application(waiting, sample_key("booth waiting")))


def _flagged_grants(world: Ledger, booth: Booth) -> None:
    world.do(lose_card, world.members[20], 1)
    world.do(lose_card, world.members[21], 1)
    world.do(find_card, world.members[21], 1)
    booth.grant(20)
    booth.grant(21)
    booth.grant(6, expiry_day=100)
    booth.grant(7, how=1, kid=None, expiry_day=None, issue=0)
    booth.grant(19, issue=4, kid=b"none")
    today = city_day(world.now_ms)
    booth.grant(8, activity=HELP, occasion=today, quantity=30, points=100)


def _contested(world: Ledger, one: Booth, other: Booth) -> None:
    """The better of two wins though it comes later; a void gives the key back; an equal one is a duplicate."""
    today = city_day(world.now_ms)
    one.grant(9, activity=HELP, occasion=today, quantity=30, points=100)
    voided = one.head.seq
    _send(one)
    other.grant(9, activity=HELP, occasion=today, quantity=130, points=300)
    other.grant(0)
    _send(other)
    one.add(Void(voided, "まちがい"))
    one.grant(10)
    one.add(Void(one.head.seq, "まちがい"))
    one.add(Void(1, "まちがい"))
    _send(one)
    other.add(Void(2, "やりなおし"))
    other.grant(11)
    _send(other)


def _held_for_reasons(world: Ledger, booth: Booth) -> None:
    stranger, late = with_check_digits(123_456_789_012), with_check_digits(210_987_654_321)
    world.do(end_account, world.members[22])
    booth.grant(12, points=51)
    booth.grant(13, points=52)
    booth.grant(14, points=53)
    booth.grant(15, event=77)
    booth.grant(15, occasion=3)
    booth.grant(22)
    booth.grant(0, member=stranger)
    booth.grant(0, member=late, points=54)
    _not_understood(booth)
    _signed_badly(booth, 16)
    booth.grant(17)
    _send(booth)
    world.do(release, booth.kiosk, _named(world, booth, points=51), ANY_REASON)
    world.do(dismiss, booth.kiosk, (*_named(world, booth, points=52), *_named(world, booth, reasons=1)))
    world.do(make_known, late)
    booth.grant(18)
    _send(booth)


def _decided_again(world: Ledger, booth: Booth) -> None:
    """Decisions that were taken back and taken otherwise; a posted grant that a person took back, and gave again."""
    first = _named(world, booth, points=53)
    world.do(dismiss, booth.kiosk, first)
    world.do(reopen_decision, booth.kiosk, first)
    world.do(release, booth.kiosk, first, ANY_REASON)
    posted = ((2, booth.entries[1].hash),)
    world.do(dismiss, booth.kiosk, posted)
    world.do(reopen_decision, booth.kiosk, posted)


def _not_understood(booth: Booth) -> None:
    seq, prev = booth.head
    payload = encode((1, booth.kiosk, seq + 1, prev, "redeem", (1, 2), astuple(booth.stamp())))
    encoded = seal(ENTRY, booth.key, payload)
    booth.entries.append(SignedEntry(encoded, hash_of(encoded)))


def _signed_badly(booth: Booth, person: int) -> None:
    booth.grant(person)
    spoilt = booth.entries[-1]
    encoded = spoilt.encoded[:-1] + bytes([spoilt.encoded[-1] ^ 1])
    booth.entries[-1] = SignedEntry(encoded, hash_of(encoded))


def _named(world: Ledger, booth: Booth, **wanted: int) -> tuple[tuple[int, bytes], ...]:
    """Return the entries of a booth that are put aside with these columns: points, or reasons."""
    with world.store.reading() as connection:
        found = rows(connection, "SELECT * FROM aside WHERE kiosk = :kiosk ORDER BY seq", kiosk=booth.kiosk)
    chosen = [one for one in found if all(getattr(one, column) == content for column, content in wanted.items())]
    return tuple((one.seq, bytes(one.hash)) for one in chosen)


def _used_up(world: Ledger) -> None:
    """A share that was topped up once and is used up again, and one that was lowered, named and given back."""
    booth = world.booth("売り切れ", total=100, reserve=50)
    for person in range(5):
        booth.grant(23 + person)
    _send(booth)
    world.do(top_up, booth.kiosk, world.allotment, 60)
    lowered = world.booth("多すぎた端末", total=1_000)
    lowered.grant(28)
    _send(lowered)
    world.do(lower_share, lowered.kiosk, world.allotment, 700)
    _renew(world, lowered)
    lowered.add(lowered.opened())
    _send(lowered)


def _renew(world: Ledger, booth: Booth) -> None:
    """Let a booth know its newest manifest."""
    with world.store.reading() as connection:
        found = rows(
            connection,
            "SELECT encoded FROM manifest WHERE kiosk = :kiosk ORDER BY instance_ms, version",
            kiosk=booth.kiosk,
        )
    booth.manifest = read_manifest(bytes(found[-1].encoded), world.hub.keyring.verifying(MANIFEST))


def _with_a_hole(world: Ledger) -> None:
    """A hole that was accepted, taken back and accepted again, and partly turned up later; behind it another that
    nobody has accepted; a tail given up, and one that was waited for again.
    """
    booth = world.booth("穴のある端末")
    for person in range(11):
        booth.grant(20 + person)
    _send(booth, last_seq=3)
    _send(booth, first_seq=7, last_seq=8)
    world.do(accept_hole, booth.kiosk, 4, 6)
    world.do(take_back_hole, booth.kiosk, 4)
    world.do(accept_hole, booth.kiosk, 4, 6)
    _send(booth, first_seq=5, last_seq=5)
    _send(booth, first_seq=10, last_seq=10)
    world.do(give_up_tail, booth.kiosk, 11, 12)
    world.do(take_back_tail, booth.kiosk, 11)
    world.do(give_up_tail, booth.kiosk, 12, 12)


def _forked(world: Ledger) -> None:
    """A copied card: the one branch held, one grant of it released and one dismissed."""
    booth = world.booth("写された端末")
    for person in range(3):
        booth.grant(30 + person)
    clone = booth.clone(after_seq=2)
    _send(booth)
    clone.grant(33)
    clone.grant(34)
    clone.grant(35)
    _send(clone)
    held = [(seq, clone.entries[seq - 1].hash) for seq in (3, 4)]
    world.do(release, booth.kiosk, (held[0],), ANY_REASON)
    world.do(dismiss, booth.kiosk, (held[1],))
    booth.add(booth.opened())
    _send(booth)


def _clocked(world: Ledger) -> None:
    """Samples that arrive after what they are about, one that is not believed, and grants that missed the event."""
    booth = world.booth("時計のある端末")
    booth.add(booth.opened(), booth.stamp(wall_ms=0))
    booth.add(booth.make_grant(36), booth.stamp(wall_ms=1_000))
    _send(booth)
    sample_ms = booth.stamp().monotonic_ms
    booth.add(Clock(world.now_ms, sample_ms, sample_ms + 40), booth.stamp(trust=2))
    booth.grant(37)
    booth.add(Clock(world.now_ms + DAY_MS, sample_ms, sample_ms + 40), booth.stamp(trust=2))
    _send(booth)
    booth.boot = bytes(reversed(booth.boot))
    before_ms, world.now_ms = world.now_ms, world.now_ms + DAY_MS
    booth.started_ms = world.now_ms - 60_000
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 60_000, 60_020), Stamp(world.now_ms, booth.boot, 60_020, 2))
    booth.grant(38)
    booth.grant(39)
    booth.add(Void(2, "きのうの記録"))
    _send(booth)
    world.do(release, booth.kiosk, ((booth.head.seq - 1, booth.entries[-2].hash),), ANY_REASON)
    world.now_ms = max(world.now_ms, before_ms)


def _by_days(world: Ledger, booth: Booth) -> None:
    """Days that nobody can tell until somebody says when the booth was switched on; one that a person put where the
    booth had read it; one that a later sample doubts.
    """
    world.do(top_up, booth.kiosk, world.other, 2_000)
    started_ms = MORNING_MS + 2 * HOUR_MS
    for day in range(2):
        booth.boot = bytes([day]) * 16
        booth.started_ms = started_ms + day * DAY_MS
        booth.add(booth.opened(), Stamp(0, booth.boot, 1_000, 0))
        for person in range(3):
            granted = _of_three_days(world, booth, person, city_day(MORNING_MS))
            booth.add(granted, Stamp(0, booth.boot, 60_000 + person, 0))
        booth.grant(day, event=world.three_days, activity=SLOTTED, occasion=1 + day, points=30)
    world.now_ms = max(world.now_ms, MORNING_MS + 2 * DAY_MS)
    _send(booth)
    world.do(say_boot_start, booth.kiosk, bytes([0]) * 16, started_ms)
    world.do(say_boot_start, booth.kiosk, bytes([1]) * 16, started_ms)
    world.do(take_back_boot_start, booth.kiosk, bytes([1]) * 16)
    day_held = _named(world, booth, reasons=512)
    world.do(release, booth.kiosk, day_held[:1], ANY_REASON)


def _doubted(world: Ledger, booth: Booth) -> None:
    """Grants that were good when they arrived, and of which a later sample says that they were signed after the event,
    or on another day; one too many on one day; one under settings that are named again.
    """
    world.now_ms = MORNING_MS + 3 * DAY_MS
    booth.boot, booth.started_ms = bytes([7]) * 16, MORNING_MS + 26 * HOUR_MS
    booth.add(booth.opened(), Stamp(0, booth.boot, 1_000, 0))
    booth.add(booth.make_grant(25), Stamp(0, booth.boot, 60_000, 0))
    granted = _of_three_days(world, booth, 26, city_day(MORNING_MS))
    booth.add(granted, Stamp(MORNING_MS, booth.boot, 61_000, 1))
    for slot in (1, 2):
        slotted = booth.make_grant(27, event=world.three_days, activity=SLOTTED, occasion=slot, points=30)
        booth.add(slotted, Stamp(0, booth.boot, 62_000, 0))
    _send(booth)
    booth.add(Clock(booth.started_ms + 90_000, 89_980, 90_000), Stamp(0, booth.boot, 90_010, 2))
    booth.add(Opened(SOFTWARE, (booth.manifest.instance, 1), None), Stamp(0, booth.boot, 91_000, 2))
    booth.add(booth.make_grant(28, occasion=0), Stamp(0, booth.boot, 92_000, 2))
    _send(booth)


def _of_three_days(world: Ledger, booth: Booth, person: int, day: int) -> Any:
    return booth.make_grant(person, event=world.three_days, activity=DAILY, occasion=day, points=70)


def _replaced(world: Ledger, booth: Booth) -> None:
    """Ranges that were granted for the wrong thing, one of them taken back."""
    first = booth.head.seq + 1
    booth.grant(23)
    booth.grant(24)
    _send(booth)
    world.do(replace_range, booth.kiosk, first, first, world.event, VISIT, world.three_days, SLOTTED, 2)
    world.do(replace_range, booth.kiosk, first + 1, first + 1, world.event, VISIT, world.three_days, SLOTTED, 1)
    world.do(take_back_replacement, booth.kiosk, 2)


def _stopped_and_withdrawn(world: Ledger) -> None:
    today = city_day(world.now_ms)
    for name, stop in (("盗まれた端末", withdraw_kiosk), ("止めた端末", stop_kiosk)):
        booth = world.booth(name)
        for person in range(2):
            booth.grant(person, activity=HELP, occasion=today, quantity=60, points=200)
            _send(booth)
            if person == 0:
                world.do(stop, booth.kiosk)
        if stop is stop_kiosk:
            world.do(resume_kiosk, booth.kiosk)
            world.do(stop, booth.kiosk)
            booth.grant(2, activity=HELP, occasion=today, quantity=60, points=200)
            _send(booth)


def _people_and_settings(world: Ledger, booth: Booth) -> None:
    world.do(end_account, world.members[23])
    world.do(reopen_account, world.members[23])
    world.do(make_unknown, world.members[24])
    world.do(rename_kiosk, booth.kiosk, 1, "受付2 の2", 1)
    world.do(assign_event, booth.kiosk, world.three_days)
    world.do(remove_event, booth.kiosk, world.three_days)
    world.do(renew_settings, booth.kiosk)


def _restored(world: Ledger) -> None:
    """A new instance with a longer event and manifests under it, and a kiosk that only its certificate remembers."""
    world.open_instance()
    world.now_ms += STEP_MS
    world.do(
        change_event, world.event, 1, "見本まつり", MORNING_MS, MORNING_MS + 9 * HOUR_MS, world.allotment, activities()
    )
    booth = world.booth("再開後の端末", events=(world.event, world.three_days))
    world.do(top_up, booth.kiosk, world.other, 300)
    booth.grant(3, event=world.three_days, activity=DAILY, occasion=city_day(world.now_ms), points=70)
    booth.grant(4, event=world.three_days, activity=SLOTTED, occasion=5, points=30)
    _send(booth)
    key = sample_key("booth forgotten")
    certificate = write_certificate(world.hub.keyring.signer(KIOSK), Certificate(key.public, 99, 0))
    forgotten = Booth(world, key, booth.manifest, certificate)
    forgotten.add(Opened(SOFTWARE, None, None))
    forgotten.grant(5)
    _send(forgotten)
