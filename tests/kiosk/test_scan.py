"""Who receives what, and who does not: each refusal from both sides. The decision is handed even the time."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import wire_samples as wire
from kiosk_booth import STATION
from msgspec.structs import replace

from kiosk.boothtime import SAME_DAY_MS
from kiosk.scan import (
    WORDS,
    AlreadyReceived,
    CallStaff,
    Earlier,
    Known,
    Later,
    NotUsable,
    Offer,
    Outcome,
    Person,
    Reason,
    Received,
    Recorded,
    Station,
    TodaysLimit,
    decide,
    offer_at,
    read_code,
    read_number,
)
from sync.citytime import DAY_MS, city_day
from sync.entry import Read, Shown, Stamp, Trust
from sync.envelope import MEMBER
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share, Slot
from sync.member import printed
from sync.receipt import Status
from sync.rules import ByHours, Fixed
from sync.token import write_token

MEMBER_KEYS = wire.keys_for(MEMBER, wire.MEMBER_KEY, wire.RETIRED_MEMBER_KEY)
NOTHING_KNOWN = Known((), 0)
EVENING_BEFORE_MS = wire.MORNING_MS - 12 * 3_600_000

ONCE, DAILY, SLOTTED, BY_HOURS, LIMITED = 1, 2, 3, 4, 5
TWO_DAYS = Event(
    wire.EVENT,
    "二日のまつり",
    wire.MORNING_MS,
    wire.EVENING_MS + DAY_MS,
    wire.ALLOTMENT,
    (
        Activity(ONCE, "入場", Fixed(10), OccasionBy.NONE, 0),
        Activity(DAILY, "お手伝い", Fixed(10), OccasionBy.DAY, 0),
        Activity(SLOTTED, "講座", Fixed(10), OccasionBy.SLOT, 0, (Slot(1, "午前"), Slot(3, "午後"))),
        Activity(BY_HOURS, "そうじ", ByHours(((30, 5), (60, 10))), OccasionBy.DAY, 0),
        Activity(LIMITED, "体操", Fixed(10), OccasionBy.SLOT, 2, tuple(Slot(slot, "") for slot in range(1, 10))),
    ),
)


class Case(NamedTuple):
    """One scan as it would be decided; a test changes what it is about."""

    stamp: Stamp = wire.stamp(trust=Trust.HUB)
    activity: int = ONCE
    quantity: int = 1
    slot: int = 1
    share: Share = Share(wire.ALLOTMENT, 100, 20)
    known: Known = NOTHING_KNOWN
    status: Status = Status.OK

    def outcome(self) -> Outcome:
        offer = self.offer()
        return offer if isinstance(offer, CallStaff) else decide(holder(), offer, self.known, self.stamp, self.status)

    def offer(self) -> Offer | CallStaff:
        station = Station(wire.EVENT, self.activity, self.quantity, self.slot, operator=4)
        return offer_at(station, manifest(self.share), self.stamp)


def manifest(share: Share) -> Manifest:
    return wire.manifest()._replace(events=(TWO_DAYS,), shares=(share,))


def holder() -> Person:
    found = code(write_token(wire.MEMBER_KEY, wire.member(1), 2, 30_000))
    assert isinstance(found, Person)
    return found


def code(text: str, lost: tuple[tuple[int, int], ...] = (), day: int | None = None) -> Person | NotUsable | CallStaff:
    return read_code(text, MEMBER_KEYS, lost, day)


def earlier(*stamps: Stamp, occasion: int = 0) -> Known:
    return Known(tuple(Earlier(seq, occasion, 10, stamp) for seq, stamp in enumerate(stamps, start=3)), 0)


def test_a_good_card_receives() -> None:
    outcome = Case().outcome()

    assert isinstance(outcome, Received)
    assert outcome.grant == wire.grant(
        activity=ONCE, occasion=0, issue=2, expiry_day=30_000, operator=4, shown=int(Shown.RECEIVED)
    )


def test_a_card_under_a_retired_key_still_counts() -> None:
    text = write_token(wire.RETIRED_MEMBER_KEY, wire.member(1), 1)

    found = code(text)

    assert found == Person(wire.member(1), 1, Read.CODE, MEMBER.kid(wire.RETIRED_MEMBER_KEY.public), 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("https://www.example/", Reason.FOREIGN_CODE),
        ("KPE1:ABC", Reason.FOREIGN_CODE),
        ("", Reason.FOREIGN_CODE),
        (write_token(wire.WITHDRAWN_MEMBER_KEY, wire.member(1), 1), Reason.UNKNOWN_KEY),
        (write_token(wire.MEMBER_KEY, wire.member(1), 1)[:-3], Reason.BAD_CODE),
        (write_token(wire.MEMBER_KEY, wire.member(1) + 1, 1), Reason.BAD_CODE),
        ("KP1:" + "A" * 3_000, Reason.BAD_CODE),
    ],
)
def test_what_is_no_card_of_ours_is_not_usable(text: str, reason: Reason) -> None:
    assert code(text) == NotUsable(reason)


def test_a_forged_card_is_not_usable() -> None:
    good = write_token(wire.MEMBER_KEY, wire.member(1), 1)
    other = write_token(wire.MEMBER_KEY, wire.member(2), 1)

    forged = good[:60] + other[60:]

    assert code(forged) == NotUsable(Reason.BAD_CODE)


@pytest.mark.parametrize(("issue", "is_lost"), [(1, True), (2, False)])
def test_a_lost_card_calls_staff_and_the_next_issue_does_not(issue: int, *, is_lost: bool) -> None:
    found = code(write_token(wire.MEMBER_KEY, wire.member(1), issue), lost=((wire.member(1), 1),))

    assert (found == CallStaff(Reason.LOST_CARD)) is is_lost


@pytest.mark.parametrize(("day", "is_usable"), [(20_000, True), (20_001, False), (None, True)])
def test_a_card_expires_only_after_its_last_day_and_only_by_the_hubs_time(day: int | None, *, is_usable: bool) -> None:
    found = code(write_token(wire.MEMBER_KEY, wire.member(1), 1, 20_000), day=day)

    assert isinstance(found, Person) is is_usable
    assert is_usable or found == NotUsable(Reason.EXPIRED)


def test_a_typed_number_counts_without_card_or_signature() -> None:
    found = read_number(printed(wire.member(1)))

    assert found == Person(wire.member(1), 0, Read.TYPED, None, None)


@pytest.mark.parametrize("text", ["", "1234", "0000 0000 0000 00", "abcd", f"{wire.member(1) + 1}", "１２３"])
def test_an_unreadable_number_calls_staff(text: str) -> None:
    assert read_number(text) == CallStaff(Reason.NUMBER_UNREADABLE)


@pytest.mark.parametrize("station", [STATION._replace(event=99), STATION._replace(activity=99)])
def test_a_station_that_is_not_set_up_calls_staff(station: Station) -> None:
    assert offer_at(station, wire.manifest(), wire.stamp()) == CallStaff(Reason.NOT_SET_UP)
    assert offer_at(STATION, None, wire.stamp()) == CallStaff(Reason.NOT_SET_UP)


@pytest.mark.parametrize(("minutes", "points"), [(29, None), (30, 5), (59, 5), (60, 10)])
def test_points_by_hours_follow_the_quantity(minutes: int, points: int | None) -> None:
    outcome = Case(activity=BY_HOURS, quantity=minutes).outcome()

    if points is None:
        assert outcome == CallStaff(Reason.NO_POINTS)
    else:
        assert isinstance(outcome, Received)
        assert (outcome.grant.points, outcome.grant.quantity) == (points, minutes)


@pytest.mark.parametrize("activity", [ONCE, SLOTTED])
def test_a_repeat_is_told_when_it_was_whatever_the_clock_says(activity: int) -> None:
    then = wire.stamp(trust=Trust.NONE, boot=bytes(16))

    known = earlier(then, occasion=0 if activity == ONCE else 1)
    outcome = Case(wire.stamp(60 * 24 * 400, trust=Trust.NONE), activity=activity, known=known).outcome()

    assert isinstance(outcome, AlreadyReceived)
    assert (outcome.wall_ms, outcome.points) == (then.wall_ms, 10)


@pytest.mark.parametrize(
    ("then", "now", "is_repeat"),
    [
        (wire.stamp(trust=Trust.HUB, boot=bytes(16)), wire.stamp(300, trust=Trust.HUB), True),
        (wire.stamp(trust=Trust.NONE), wire.stamp(1, trust=Trust.NONE), True),
        (wire.stamp(trust=Trust.NONE), wire.stamp(SAME_DAY_MS / 60_000 - 1, trust=Trust.NONE), True),
        (wire.stamp(trust=Trust.NONE), wire.stamp(SAME_DAY_MS / 60_000, trust=Trust.NONE), False),
        (wire.stamp(trust=Trust.NONE, boot=bytes(16)), wire.stamp(1, trust=Trust.NONE), False),
        (wire.stamp(trust=Trust.CONFIRMED, boot=bytes(16)), wire.stamp(1, trust=Trust.CONFIRMED), False),
        (wire.stamp(trust=Trust.NONE, boot=bytes(16)), wire.stamp(1, trust=Trust.HUB), False),
    ],
)
def test_once_a_day_refuses_only_by_the_hubs_time_or_within_hours_of_one_boot(
    then: Stamp, now: Stamp, *, is_repeat: bool
) -> None:
    outcome = Case(now, activity=DAILY, known=earlier(then)).outcome()

    assert isinstance(outcome, AlreadyReceived if is_repeat else Received)


@pytest.mark.parametrize(
    ("times", "trust", "is_refused"),
    [
        (1, Trust.HUB, False),
        (2, Trust.HUB, True),
        (2, Trust.CONFIRMED, False),
        (50, Trust.NONE, False),
    ],
)
def test_the_days_limit_counts_what_other_boots_gave_by_the_hubs_time_only(
    times: int, trust: Trust, *, is_refused: bool
) -> None:
    before = [wire.stamp(-5, trust=trust, boot=bytes(16))] * times

    outcome = Case(wire.stamp(trust=trust), activity=LIMITED, slot=9, known=earlier(*before)).outcome()

    assert (outcome == TodaysLimit(2)) is is_refused


@pytest.mark.parametrize(("used", "is_green"), [(0, True), (100, True), (110, True), (111, False), (500, False)])
def test_beyond_share_and_reserve_the_points_come_later(used: int, *, is_green: bool) -> None:
    outcome = Case(known=Known((), used)).outcome()

    if is_green:
        assert isinstance(outcome, Received)
    else:
        assert isinstance(outcome, Recorded)
        assert outcome.later is Later.SHARE
        assert outcome.grant.shown == Shown.RECORDED


@pytest.mark.parametrize(("status", "later"), [(Status.FENCED, Later.FENCED), (Status.REVOKED, Later.REVOKED)])
def test_a_kiosk_the_hub_has_stopped_records_for_later(status: Status, later: Later) -> None:
    outcome = Case(status=status).outcome()

    assert isinstance(outcome, Recorded)
    assert outcome.later is later


@pytest.mark.parametrize("wall_ms", [0, 4_070_908_800_000, EVENING_BEFORE_MS])
def test_a_wrong_clock_refuses_nobody(wall_ms: int) -> None:
    """1970, 2099, and the evening before: whatever the machine believes without having heard the hub."""
    before = earlier(*[Stamp(wall_ms, bytes(16), 5, Trust.NONE)] * 50, occasion=7)
    for activity in (ONCE, DAILY, SLOTTED, LIMITED):
        outcome = Case(Stamp(wall_ms, wire.BOOT, 5, Trust.NONE), activity=activity, known=before).outcome()

        assert isinstance(outcome, Received)


@pytest.mark.parametrize(
    ("wall_ms", "trust", "day"),
    [
        (0, Trust.NONE, city_day(TWO_DAYS.starts_ms)),
        (4_070_908_800_000, Trust.NONE, city_day(TWO_DAYS.ends_ms)),
        (wire.MORNING_MS + DAY_MS, Trust.NONE, city_day(wire.MORNING_MS) + 1),
        (EVENING_BEFORE_MS, Trust.CONFIRMED, city_day(wire.MORNING_MS) - 1),
        (EVENING_BEFORE_MS, Trust.HUB, city_day(wire.MORNING_MS) - 1),
    ],
)
def test_the_days_number_stays_within_the_event_unless_somebody_told_the_time(
    wall_ms: int, trust: Trust, day: int
) -> None:
    offer = Case(Stamp(wall_ms, wire.BOOT, 5, trust), activity=DAILY).offer()

    assert isinstance(offer, Offer)
    assert offer.occasion == day


def test_the_slot_is_the_occasion_where_an_activity_has_several() -> None:
    offer = Case(activity=SLOTTED, slot=3).offer()

    assert isinstance(offer, Offer)
    assert offer.occasion == 3


@pytest.mark.parametrize(("slot", "is_set_up"), [(0, False), (1, True), (2, False), (3, True), (4, False)])
def test_a_slot_the_activity_does_not_have_calls_staff(slot: int, *, is_set_up: bool) -> None:
    outcome = Case(activity=SLOTTED, slot=slot).outcome()

    if is_set_up:
        assert isinstance(outcome, Received)
        assert outcome.grant.occasion == slot
    else:
        assert outcome == CallStaff(Reason.NOT_SET_UP)


@pytest.mark.parametrize("slot", [0, 1, 2, 2**31 - 1])
def test_once_and_once_a_day_take_no_notice_of_the_slot(slot: int) -> None:
    once, daily = (Case(activity=activity, slot=slot).outcome() for activity in (ONCE, DAILY))

    assert isinstance(once, Received)
    assert isinstance(daily, Received)
    assert (once.grant.occasion, daily.grant.occasion) == (0, city_day(wire.MORNING_MS))


def test_an_event_that_is_over_refuses_nobody() -> None:
    late = replace(wire.stamp(trust=Trust.HUB), wall_ms=TWO_DAYS.ends_ms + 5 * DAY_MS)

    assert isinstance(Case(late).outcome(), Received)


def test_every_outcome_has_its_word() -> None:
    assert set(WORDS) == {Received, Recorded, AlreadyReceived, TodaysLimit, NotUsable, CallStaff}
