"""What each grant of one kiosk is worth by itself, by value: no database, no signatures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from hub.intake.intervals import FOR_EVER_MS, Answer, Known, Source, know
from hub.intake.judge import judge, samples_in
from hub.intake.reasons import NONE, RELEASABLE, Reason
from hub.intake.values import (
    Attested,
    Candidacy,
    Decision,
    EventNow,
    Facts,
    Flag,
    Fold,
    MemberNow,
    Replacement,
    SignedShare,
    Standing,
    Voids,
)
from hub.intake.voids import Starts, voids_among
from sync.citytime import DAY_MS, city_day
from sync.entry import Body, Clock, Entry, Grant, Opened, Stamp, Void
from sync.keys import Instance
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share, Slot
from sync.member import with_check_digits
from sync.rules import ByHours, Fixed

HOUR_MS = 3_600_000
MORNING_MS = 1_794_614_400_000
TODAY = city_day(MORNING_MS)
KIOSK, BOOT, OTHER_BOOT = b"k" * 8, b"b" * 16, b"o" * 16
MEMBER = with_check_digits(123_456_789_012)
INSTANCE = Instance(1, bytes(8))
ALLOTMENT, OTHER_ALLOTMENT = 7, 8
VISIT, HELP, LESSON = (
    Activity(1, "来場", Fixed(50), OccasionBy.NONE, 0),
    Activity(2, "お手伝い", ByHours(((1, 100), (60, 200))), OccasionBy.DAY, 1),
    Activity(3, "教室", Fixed(30), OccasionBy.SLOT, 0, (Slot(1, "午前"), Slot(3, "午後"))),
)
ACTIVITIES = (VISIT, HELP, LESSON)
EVENT = Event(1, "見本まつり", MORNING_MS, MORNING_MS + 2 * DAY_MS, ALLOTMENT, ACTIVITIES)
OTHER = Event(2, "見本市", MORNING_MS, MORNING_MS + 2 * DAY_MS, OTHER_ALLOTMENT, (VISIT._replace(rule=Fixed(70)),))


def manifest(version: int = 1, *events: Event) -> Manifest:
    shares = (Share(ALLOTMENT, 10_000, 0),)
    return Manifest(KIOSK, INSTANCE, version, MORNING_MS - DAY_MS, events or (EVENT,), shares, ())


def now(event: Event) -> EventNow:
    by_number = {one.activity: one for one in event.activities}
    return EventNow(event.starts_ms, event.ends_ms, event.allotment, by_number)


FACTS = Facts(
    manifests={(INSTANCE, 1): manifest(1), (INSTANCE, 2): manifest(2)},
    events={1: now(EVENT), 2: now(OTHER)},
    shares={ALLOTMENT: (SignedShare((1, 1), 10_000), SignedShare((1, 2), 10_000))},
    keys=frozenset({b"kid1"}),
)


def grant(**changes: Any) -> Grant:  # items of a grant
    return structs.replace(Grant(1, 1, 0, MEMBER, 1, 0, b"kid1", 0, 50, 1, 7, 1), **changes)


def helped(day: int, **changes: Any) -> Grant:  # items of a grant
    return grant(activity=2, occasion=day, points=100, quantity=30, **changes)


def opened(version: int = 1, confirmed_ms: int | None = None) -> Opened:
    return Opened("test", (INSTANCE, version), confirmed_ms)


class Chain:
    """Entries of one kiosk, an hour after the morning, one second apart; all have arrived in the evening."""

    def __init__(self, *bodies: Body) -> None:
        self.entries: list[Attested] = []
        for body in bodies:
            self.add(body)

    def add(self, body: Body | None, **stamp: Any) -> Chain:
        seq = len(self.entries) + 1
        arrived_ms = stamp.pop("arrived_ms", MORNING_MS + 10 * HOUR_MS)
        signed = structs.replace(Stamp(MORNING_MS + HOUR_MS + 1_000 * seq, BOOT, HOUR_MS + 1_000 * seq, 0), **stamp)
        entry = None if body is None else Entry(KIOSK, seq, b"", body, signed)
        self.entries.append(Attested(seq, b"hash%d" % seq, arrived_ms, entry, "" if entry else "type"))
        return self

    def judged(self, facts: Facts = FACTS, known: Known | None = None) -> list[Standing]:
        samples = know(samples_in(self.entries, facts.manifests), facts.answers)
        voids = voids_among(self.entries, self.grants(), Starts(self.entries), known or samples, facts.decisions)
        return judge(facts, Fold(), self.entries, known or samples, voids).standings

    def grants(self) -> dict[int, Attested]:
        return {one.seq: one for one in self.entries if one.entry and isinstance(one.entry.body, Grant)}


def only(standings: list[Standing]) -> tuple[Candidacy, Reason]:
    (one,) = standings
    return one.candidacy, one.reasons


def test_a_usual_grant_is_eligible_on_its_own_key_out_of_its_share() -> None:
    (standing,) = Chain(opened(), grant()).judged()

    assert (standing.candidacy, standing.reasons, standing.flags) == (Candidacy.ELIGIBLE, NONE, ())
    assert (standing.key.event, standing.key.member, standing.key.occasion) == (1, MEMBER, 0)
    assert (standing.points, standing.allotment, standing.is_natural) == (50, ALLOTMENT, True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": 9}, Reason.NOT_THIS_KIOSKS),
        ({"event": 2}, Reason.NOT_THIS_KIOSKS),
        ({"activity": 9}, Reason.NOT_THIS_KIOSKS),
        ({"points": 60}, Reason.POINTS),
        ({"quantity": 2}, Reason.POINTS),
        ({"occasion": 4}, Reason.OCCASION),
        ({"activity": 3, "points": 30, "occasion": 2}, Reason.OCCASION),
        ({"member": with_check_digits(5)}, Reason.MEMBER_UNKNOWN),
        ({"points": 60, "member": with_check_digits(5)}, Reason.POINTS | Reason.MEMBER_UNKNOWN),
        ({"event": 9, "member": with_check_digits(5)}, Reason.NOT_THIS_KIOSKS | Reason.MEMBER_UNKNOWN),
    ],
)
def test_a_grant_is_held_with_all_its_reasons(changes: dict[str, Any], reason: Reason) -> None:
    facts = replace(FACTS, members={with_check_digits(5): MemberNow("unknown")})

    assert only(Chain(opened(), grant(**changes)).judged(facts)) == (Candidacy.HELD, reason)


def test_a_slot_the_activity_has_is_good() -> None:
    assert only(Chain(opened(), grant(activity=3, points=30, occasion=3)).judged()) == (Candidacy.ELIGIBLE, NONE)


def test_a_manifest_named_again_after_a_newer_one_holds() -> None:
    standings = Chain(opened(1), grant(), opened(2), grant(), opened(1), grant()).judged()

    assert [one.reasons for one in standings] == [NONE, NONE, Reason.MANIFEST_OLD]


def test_the_share_covers_grants_in_order_whatever_becomes_of_them() -> None:
    facts = replace(FACTS, shares={ALLOTMENT: (SignedShare((1, 1), 100),)})

    standings = Chain(opened(), grant(), grant(points=60), grant()).judged(facts)

    assert [one.reasons for one in standings] == [NONE, Reason.POINTS | Reason.BEYOND_SHARE, Reason.BEYOND_SHARE]


def test_a_raised_total_covers_what_was_signed_before_it_and_a_lowered_one_only_what_was_signed_under_it() -> None:
    raised = {ALLOTMENT: (SignedShare((1, 1), 50), SignedShare((1, 2), 100))}
    lowered = {ALLOTMENT: (SignedShare((1, 1), 100), SignedShare((1, 2), 50))}
    chain = Chain(opened(1), grant(), grant(), opened(2), grant())

    by_raised = [one.reasons for one in chain.judged(replace(FACTS, shares=raised))]
    by_lowered = [one.reasons for one in chain.judged(replace(FACTS, shares=lowered))]

    assert by_raised == [NONE, NONE, Reason.BEYOND_SHARE]
    assert by_lowered == [NONE, NONE, Reason.BEYOND_SHARE]
    assert [one.reasons for one in Chain(opened(1), grant(), grant()).judged(replace(FACTS, shares=lowered))] == [
        NONE
    ] * 2


@pytest.mark.parametrize(("since_ms", "reason"), [(0, Reason.MEMBER_ENDED), (MORNING_MS + 11 * HOUR_MS, NONE)])
def test_what_had_arrived_before_an_account_was_ended_stays(since_ms: int, reason: Reason) -> None:
    facts = replace(FACTS, members={MEMBER: MemberNow("ended", since_ms)})

    assert only(Chain(opened(), grant()).judged(facts))[1] == reason


def test_a_release_sets_aside_the_reasons_it_was_shown_and_no_others() -> None:
    chain = Chain(opened(), grant(points=60, member=with_check_digits(5)))
    unknown = replace(FACTS, members={with_check_digits(5): MemberNow("unknown")})
    released = {b"hash2": Decision("release", RELEASABLE | Reason.MEMBER_UNKNOWN)}

    still = only(chain.judged(replace(unknown, decisions=released)))
    known = only(chain.judged(replace(FACTS, decisions=released)))
    other = only(chain.judged(replace(FACTS, decisions={b"hash2": Decision("release", Reason.TIME)})))

    assert still == (Candidacy.HELD, Reason.MEMBER_UNKNOWN)
    assert known == (Candidacy.ELIGIBLE, NONE)
    assert other == (Candidacy.HELD, Reason.POINTS)


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (Decision("dismiss"), (Candidacy.DISMISSED, Reason.DECIDED)),
        (Decision("reopen"), (Candidacy.ELIGIBLE, NONE)),
        (Decision("release", RELEASABLE), (Candidacy.ELIGIBLE, NONE)),
    ],
)
def test_the_newest_decision_rules_a_grant(decision: Decision, expected: tuple[Candidacy, Reason]) -> None:
    assert only(Chain(opened(), grant()).judged(replace(FACTS, decisions={b"hash2": decision}))) == expected


def test_a_released_grant_of_another_event_comes_out_of_the_allotment_its_decision_names() -> None:
    chain = Chain(opened(), grant(event=2, points=70))
    released = {b"hash2": Decision("release", Reason.NOT_THIS_KIOSKS, OTHER_ALLOTMENT)}

    (standing,) = chain.judged(replace(FACTS, decisions=released))

    assert (standing.candidacy, standing.allotment, standing.is_natural) == (Candidacy.ELIGIBLE, OTHER_ALLOTMENT, False)


def test_a_replacement_puts_another_event_with_its_rule_in_place_of_the_signed_one() -> None:
    facts = replace(
        FACTS,
        shares={},
        replacements=(Replacement(2, 2, 1, 1, 2, 1, 0, OTHER_ALLOTMENT, FOR_EVER_MS, VISIT._replace(rule=Fixed(70))),),
    )

    first, second = Chain(opened(), grant(), grant()).judged(facts)

    assert (first.candidacy, first.key.event, first.points) == (Candidacy.ELIGIBLE, 2, 70)
    assert (first.allotment, first.is_natural) == (OTHER_ALLOTMENT, False)
    assert second.reasons == Reason.BEYOND_SHARE


def test_a_replacement_by_an_activity_that_gives_nothing_for_the_quantity_holds() -> None:
    facts = replace(
        FACTS,
        replacements=(
            Replacement(2, 2, 1, 2, 1, 1, 0, ALLOTMENT, FOR_EVER_MS, HELP._replace(rule=ByHours(((60, 200),)))),
        ),
    )

    assert Chain(opened(), helped(TODAY)).judged(facts)[0].reasons == Reason.POINTS


def test_an_event_whose_whole_window_is_missed_holds_and_a_wrong_wall_clock_alone_does_not() -> None:
    over = Event(1, "", MORNING_MS - 9 * DAY_MS, MORNING_MS - 8 * DAY_MS, ALLOTMENT, ACTIVITIES)

    late = Chain(opened(), grant()).judged(replace(FACTS, events={1: now(over)}))
    unheard = Chain(opened()).add(grant(), wall_ms=0).judged()

    assert late[0].reasons == Reason.TIME
    assert unheard[0].reasons == NONE


def test_a_sample_that_arrives_later_takes_nothing_back_but_raises_doubt() -> None:
    chain = Chain(opened()).add(grant(), arrived_ms=MORNING_MS + 8 * DAY_MS)
    chain.add(Clock(MORNING_MS + 7 * DAY_MS, HOUR_MS, HOUR_MS + 40), arrived_ms=MORNING_MS + 9 * DAY_MS)

    (standing,) = chain.judged()

    assert (standing.candidacy, standing.flags) == (Candidacy.ELIGIBLE, (Flag.TIME_DOUBTED,))


def test_a_sample_in_the_same_batch_was_known_at_arrival() -> None:
    late_ms = MORNING_MS + 9 * DAY_MS
    chain = Chain().add(opened(), arrived_ms=late_ms).add(grant(), arrived_ms=late_ms)
    chain.add(Clock(late_ms, HOUR_MS, HOUR_MS + 40), arrived_ms=late_ms)

    (standing,) = chain.judged()

    assert (standing.reasons, standing.flags) == (Reason.TIME, ())


@pytest.mark.parametrize("hub_ms", [MORNING_MS - 2 * DAY_MS, MORNING_MS + 2 * DAY_MS], ids=["slow", "ahead"])
def test_a_sample_that_contradicts_what_is_known_counts_for_nothing_and_is_a_case(hub_ms: int) -> None:
    chain = Chain(opened(), grant(), Clock(hub_ms, HOUR_MS, HOUR_MS + 40), grant())

    first, clock, last = chain.judged()

    assert (first.candidacy, last.candidacy) == (Candidacy.ELIGIBLE, Candidacy.ELIGIBLE)
    assert (clock.candidacy, clock.reasons, clock.is_counted) == (Candidacy.HELD, Reason.CLOCK, False)


def test_once_a_day_on_two_days_without_a_clock_is_held_until_a_sample_tells() -> None:
    evening_ms = MORNING_MS + DAY_MS + 10 * HOUR_MS
    chain = Chain().add(opened(), arrived_ms=evening_ms).add(helped(TODAY), arrived_ms=evening_ms)
    before = chain.judged()
    chain.add(
        Clock(MORNING_MS + DAY_MS + HOUR_MS, HOUR_MS, HOUR_MS + 40),
        arrived_ms=evening_ms + HOUR_MS,
        monotonic_ms=HOUR_MS,
    )

    after = chain.judged()

    assert before[0].reasons == Reason.DAY
    assert (after[0].candidacy, after[0].key.occasion, after[0].is_natural) == (Candidacy.ELIGIBLE, TODAY + 1, False)
    assert after[0].occurred_from is Source.HUB


def test_a_released_day_is_the_one_the_booth_read() -> None:
    evening_ms = MORNING_MS + DAY_MS + 10 * HOUR_MS
    chain = Chain().add(opened(), arrived_ms=evening_ms).add(helped(TODAY + 1), arrived_ms=evening_ms)
    released = {b"hash2": Decision("release", Reason.DAY)}

    (standing,) = chain.judged(replace(FACTS, decisions=released))

    assert (standing.candidacy, standing.key.occasion) == (Candidacy.ELIGIBLE, TODAY + 1)


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ({}, (Candidacy.DISMISSED, Reason.VOIDED)),
        ({"monotonic_ms": HOUR_MS + 2_000 + 10 * HOUR_MS - 1}, (Candidacy.DISMISSED, Reason.VOIDED)),
        ({"monotonic_ms": HOUR_MS + 2_000 + 10 * HOUR_MS}, (Candidacy.ELIGIBLE, NONE)),
        ({"monotonic_ms": 0}, (Candidacy.ELIGIBLE, NONE)),
        ({"boot": OTHER_BOOT}, (Candidacy.ELIGIBLE, NONE)),
    ],
    ids=["own boot", "just within", "ten hours later", "before it", "another boot"],
)
def test_a_void_counts_within_ten_hours_of_its_own_boot(
    stamp: dict[str, Any], expected: tuple[Candidacy, Reason]
) -> None:
    standings = Chain(opened(), grant()).add(Void(2, "まちがい"), **stamp).judged()

    assert only(standings[:1]) == expected
    assert [one.reasons for one in standings[1:]] == ([] if expected[1] else [Reason.VOID_DAY])


def test_a_void_of_another_boot_counts_where_both_days_are_known_or_a_person_says_so() -> None:
    chain = Chain(opened(), grant(), Clock(MORNING_MS + HOUR_MS, HOUR_MS, HOUR_MS + 40))
    chain.add(Void(2, ""), boot=OTHER_BOOT).add(Clock(MORNING_MS + 2 * HOUR_MS, HOUR_MS, HOUR_MS + 40), boot=OTHER_BOOT)
    unknown = Chain(opened(), grant()).add(Void(2, ""), boot=OTHER_BOOT)

    by_samples = chain.judged()
    by_decision = unknown.judged(replace(FACTS, decisions={b"hash3": Decision("release", Reason.VOID_DAY)}))

    assert [only([one]) for one in by_samples] == [(Candidacy.DISMISSED, Reason.VOIDED)]
    assert [only([one]) for one in by_decision] == [(Candidacy.DISMISSED, Reason.VOIDED)]


@pytest.mark.parametrize("named", [1, 3, 9], ids=["no grant", "itself", "never there"])
def test_a_void_of_no_earlier_grant_is_held_and_no_grant(named: int) -> None:
    (standing,) = Chain(opened(), opened(), Void(named, "")).judged()

    assert (standing.reasons, standing.is_counted) == (Reason.VOID_OF_NOTHING, False)


def test_a_dismissed_void_of_nothing_stays_uncounted() -> None:
    (standing,) = Chain(opened(), Void(9, "")).judged(replace(FACTS, decisions={b"hash2": Decision("dismiss")}))

    assert (standing.candidacy, standing.is_counted) == (Candidacy.DISMISSED, False)


def test_an_entry_that_is_not_understood_waits_and_cannot_be_released() -> None:
    released = {b"hash2": Decision("release", RELEASABLE | Reason.NOT_UNDERSTOOD)}

    assert only(Chain(opened()).add(None).judged(replace(FACTS, decisions=released))) == (
        Candidacy.HELD,
        Reason.NOT_UNDERSTOOD,
    )


def test_flags_say_what_is_worth_a_look() -> None:
    facts = replace(FACTS, lost_cards=frozenset({(MEMBER, 1)}), issues={MEMBER: frozenset({1, 2})})
    chain = Chain(
        opened(),
        grant(),
        grant(issue=3, kid=b"none"),
        grant(how=1, kid=None, expiry_day=None, issue=0),
        grant(issue=2, expiry_day=100),
    )

    flags = [one.flags for one in chain.judged(facts)]

    assert flags == [
        (Flag.LOST_CARD,),
        (Flag.UNKNOWN_ISSUE, Flag.UNKNOWN_KEY),
        (Flag.TYPED,),
        (Flag.EXPIRED,),
    ]


def test_off_the_main_branch_a_grant_has_its_other_reasons_too_and_consumes_no_share() -> None:
    chain = Chain(opened(), grant(), grant(points=60))
    aside = {one.hash: Reason.FORK for one in chain.entries}

    judged = judge(FACTS, Fold(), chain.entries, Known(), Voids(), aside)

    assert [one.reasons for one in judged.standings] == [Reason.FORK, Reason.FORK | Reason.POINTS]
    assert judged.fold.used == ()


CHAIN_OF_ALL = (
    Chain(opened(), grant(), helped(TODAY), Clock(MORNING_MS + HOUR_MS, HOUR_MS, HOUR_MS + 40), grant(points=60))
    .add(opened(2, MORNING_MS), boot=OTHER_BOOT)
    .add(grant(), boot=OTHER_BOOT)
    .add(helped(TODAY + 1), boot=OTHER_BOOT, trust=1)
    .add(opened(1))
    .add(grant())
)


@given(st.sets(st.integers(1, len(CHAIN_OF_ALL.entries) - 1)))
def test_a_fold_kept_anywhere_gives_the_same_standings(cuts: set[int]) -> None:
    entries = CHAIN_OF_ALL.entries
    known = know(samples_in(entries, FACTS.manifests, ()), {})
    whole = judge(FACTS, Fold(), entries, known)

    standings: list[Standing] = []
    fold = Fold()
    bounds = [0, *sorted(cuts), len(entries)]
    for start, end in pairwise(bounds):
        fold, part = judge(FACTS, Fold.unpack(fold.pack()), entries[start:end], known)
        standings += part

    assert (fold, standings) == whole


def test_judging_changes_nothing_it_is_handed() -> None:
    fold = Fold(used=((ALLOTMENT, 50),), boot=BOOT)
    entries = list(CHAIN_OF_ALL.entries)

    judge(FACTS, fold, entries, Known())

    assert fold == Fold(used=((ALLOTMENT, 50),), boot=BOOT)
    assert entries == CHAIN_OF_ALL.entries


def test_a_floor_that_arrived_later_raises_doubt_and_takes_nothing_back() -> None:
    fold = Fold((INSTANCE, 1), (INSTANCE, 1), floors=((MORNING_MS + 9 * DAY_MS, MORNING_MS + 8 * DAY_MS),))
    entries = [Chain(opened()).add(grant()).entries[1]._replace(arrived_ms=MORNING_MS + 8 * DAY_MS)]

    (standing,) = judge(FACTS, fold, entries, Known()).standings

    assert (standing.candidacy, standing.flags) == (Candidacy.ELIGIBLE, (Flag.TIME_DOUBTED,))


@pytest.mark.parametrize("is_told", [False, True], ids=["by the clock alone", "with the day of that boot known"])
def test_a_void_in_a_boot_that_comes_back_is_held(*, is_told: bool) -> None:
    chain = Chain(opened(), grant(), *([Clock(MORNING_MS + HOUR_MS, HOUR_MS, HOUR_MS + 40)] if is_told else []))
    chain.add(opened(), boot=OTHER_BOOT)

    standings = chain.add(Void(2, "まちがい")).judged()

    assert [only([one]) for one in standings] == [(Candidacy.ELIGIBLE, NONE), (Candidacy.HELD, Reason.VOID_DAY)]


def test_a_booth_that_is_opened_again_in_the_same_boot_may_still_void() -> None:
    standings = Chain(opened(), grant(), opened(), Void(2, "まちがい")).judged()

    assert [only([one]) for one in standings] == [(Candidacy.DISMISSED, Reason.VOIDED)]


@pytest.mark.parametrize(("took_ms", "reasons"), [(10_000, []), (10_001, [Reason.CLOCK])])
def test_a_time_that_was_long_under_way_is_no_sample(took_ms: int, reasons: list[Reason]) -> None:
    standings = Chain(opened(), Clock(MORNING_MS + HOUR_MS, HOUR_MS, HOUR_MS + took_ms)).judged()

    assert [one.reasons for one in standings] == reasons


def test_a_day_that_a_person_has_told_stays_where_a_later_sample_says_another() -> None:
    evening_ms = MORNING_MS + DAY_MS + 10 * HOUR_MS
    told = {BOOT: Answer(MORNING_MS, evening_ms + HOUR_MS)}
    chain = Chain().add(opened(), arrived_ms=evening_ms).add(helped(TODAY), arrived_ms=evening_ms)
    answered = chain.judged(replace(FACTS, answers=told))
    sampled_ms = MORNING_MS + DAY_MS + HOUR_MS
    chain.add(Clock(sampled_ms, HOUR_MS, HOUR_MS + 40), arrived_ms=evening_ms + 2 * HOUR_MS, monotonic_ms=HOUR_MS)

    sampled = chain.judged(replace(FACTS, answers=told))

    assert [(one.candidacy, one.key.occasion, one.flags) for one in answered] == [(Candidacy.ELIGIBLE, TODAY, ())]
    assert [(one.candidacy, one.key.occasion) for one in sampled] == [(Candidacy.ELIGIBLE, TODAY)]
    assert sampled[0].flags == (Flag.DAY_DOUBTED,)
    assert sampled[0].occurred_from is Source.ANSWER


def test_a_released_day_stays_where_an_event_that_is_moved_tells_another() -> None:
    chain = Chain().add(opened(), arrived_ms=MORNING_MS + 3 * DAY_MS)
    chain.add(helped(TODAY + 1), arrived_ms=MORNING_MS + 3 * DAY_MS)
    moved = {1: now(EVENT)._replace(starts_ms=MORNING_MS + DAY_MS, ends_ms=MORNING_MS + 2 * DAY_MS - 1)}
    released = {b"hash2": Decision("release", Reason.DAY)}

    before = chain.judged(replace(FACTS, decisions=released))
    after = chain.judged(replace(FACTS, decisions=released, events=moved))

    assert [(one.candidacy, one.key.occasion) for one in (*before, *after)] == [(Candidacy.ELIGIBLE, TODAY + 1)] * 2


def test_a_replacement_is_about_nothing_that_arrives_after_it() -> None:
    said_ms = MORNING_MS + 10 * HOUR_MS
    replaced = Replacement(2, 3, 1, 1, 2, 1, 0, OTHER_ALLOTMENT, said_ms, VISIT._replace(rule=Fixed(70)))

    standings = (
        Chain(opened(), grant()).add(grant(), arrived_ms=said_ms + 1).judged(replace(FACTS, replacements=(replaced,)))
    )

    assert [(one.key.event, one.points) for one in standings] == [(2, 70), (1, 50)]
