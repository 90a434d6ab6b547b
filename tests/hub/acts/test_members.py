"""Members and cards: known and unknown, ended and taken back, lost and found; each way there and back."""

from __future__ import annotations

import pytest
from act_samples import STRANGER, WINDOW, unknown_member, with_grants
from hub_invariants import broken_invariants
from hub_world import HELP, VISIT_POINTS, World, activities

from hub.acts.events import change_event
from hub.acts.members import (
    add_members,
    end_account,
    find_card,
    lose_card,
    make_known,
    make_unknown,
    reopen_account,
)
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.reasons import Reason
from hub.register.members import ISSUES_AHEAD, all_members, cards_of, write_card
from hub.store.database import Store, row, rows
from sync.envelope import MEMBER
from sync.member import is_member_number, with_check_digits
from sync.token import ISSUE_LIMIT, read_token


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def issues(world: World, member: int) -> list[int]:
    with world.store.reading() as connection:
        found = rows(connection, "SELECT issue FROM card WHERE member = :member ORDER BY issue", member=member)
    return [one.issue for one in found]


def test_members_have_random_numbers_with_check_digits_and_a_card_each(world: World) -> None:
    added = world.do(add_members, 500).made

    assert len(set(added)) == 500
    assert all(map(is_member_number, added))
    assert not set(added) & set(world.members)
    assert {tuple(issues(world, member)) for member in added[:20]} == {(1,)}
    with world.store.reading() as connection:
        assert set(all_members(connection)) == {*added, *world.members}


@pytest.mark.parametrize("count", [0, -5, 10_001])
def test_a_count_of_members_is_bounded(sqlite: Store, count: int) -> None:
    with pytest.raises(ActRefused) as refused:
        World(sqlite).do(add_members, count)

    assert refused.value.refusal is Refusal.COUNT_OUT_OF_BOUNDS


def test_a_number_is_made_known_and_unknown_and_known_again(world: World) -> None:
    booth = unknown_member(world)
    booth.grant(1, member=STRANGER, activity=HELP, occasion=20_771, points=100, quantity=10)
    booth.send()
    held = {2: ("held", Reason.MEMBER_UNKNOWN), 3: ("held", Reason.MEMBER_UNKNOWN)}
    before = world.picture()
    unknown = world.reasons(booth)

    known = world.do(make_known, STRANGER)
    balance = world.balance(STRANGER)
    taken = world.do(make_unknown, STRANGER)
    again = world.picture()
    world.do(make_known, STRANGER)

    assert unknown == held
    assert (known.moved.given, balance) == (2, 150)
    assert (taken.moved.taken, taken.moved.people, again) == (2, 1, before)
    assert (world.balance(STRANGER), world.reasons(booth)) == (150, {})
    assert broken_invariants(world) == []


def test_a_number_that_is_made_known_gets_a_card_above_every_one_in_hand(world: World) -> None:
    booth = world.booth()
    booth.grant(0, member=STRANGER, issue=3)
    booth.grant(0, member=STRANGER, issue=2, activity=HELP, occasion=20_771, points=100, quantity=10)
    booth.send()

    world.do(make_known, STRANGER)
    first = issues(world, STRANGER)
    world.do(make_unknown, STRANGER)
    world.do(make_known, STRANGER)

    assert first == [4]
    assert issues(world, STRANGER) == [4, 5]
    with world.store.reading() as connection:
        (card,) = cards_of(connection, [STRANGER], world.hub.keyring.signer(MEMBER))
    assert read_token(card.token, world.hub.keyring.verifying(MEMBER)).issue == 5
    assert world.flags(booth) == {}


def test_a_new_card_is_above_every_issue_that_an_entry_has_named(world: World) -> None:
    booth = world.booth()
    booth.grant(0, issue=7)
    booth.send()

    made = world.do(lose_card, world.members[0], 1).made

    assert made == 8
    assert issues(world, world.members[0]) == [1, 8]


def test_an_issue_that_a_booth_has_made_up_does_not_keep_a_person_from_the_next_card(world: World) -> None:
    booth = world.booth()
    booth.grant(0, issue=ISSUE_LIMIT - 1)
    booth.grant(0, member=STRANGER, issue=ISSUE_LIMIT - 1)
    booth.send()

    world.do(lose_card, world.members[0], 1)
    world.do(make_known, STRANGER)

    assert (issues(world, world.members[0]), issues(world, STRANGER)) == ([1, 2], [1])


@pytest.mark.parametrize(("named", "made"), [(ISSUES_AHEAD + 1, ISSUES_AHEAD + 2), (ISSUES_AHEAD + 2, 2)])
def test_an_issue_is_believed_up_to_a_bound_above_the_last_card(sqlite: Store, named: int, made: int) -> None:
    world = World(sqlite)
    booth = world.booth()
    booth.grant(0, issue=named)
    booth.send()

    world.do(lose_card, world.members[0], 1)

    assert issues(world, world.members[0]) == [1, made]


def test_a_card_at_the_end_of_all_issues_leaves_no_further_one(world: World) -> None:
    with world.store.transaction() as connection:
        act = bytes(row(connection, "SELECT act FROM member WHERE member = :member", member=world.members[0]).act)
        write_card(connection, world.members[0], ISSUE_LIMIT - 1, "paper", world.now_ms, act)

    with pytest.raises(ActRefused) as refused:
        world.do(lose_card, world.members[0], 1)

    assert refused.value.refusal is Refusal.ISSUES_USED_UP
    assert issues(world, world.members[0]) == [1, ISSUE_LIMIT - 1]


def test_an_account_ends_for_what_arrives_and_not_for_what_was_there(world: World) -> None:
    booth = with_grants(world, 2)
    ended = world.do(end_account, world.members[0])
    world.now_ms += 1
    booth.grant(0, activity=HELP, occasion=20_771, points=100, quantity=10)
    booth.send()
    after_the_end = (world.balance(world.members[0]), world.reasons(booth))

    reopened = world.do(reopen_account, world.members[0])

    assert (ended.moved.taken, after_the_end) == (0, (VISIT_POINTS, {4: ("held", Reason.MEMBER_ENDED)}))
    assert (reopened.moved.given, world.balance(world.members[0])) == (1, 150)
    assert broken_invariants(world) == []


def test_what_had_arrived_before_an_account_ended_stays_when_everything_is_judged_again(world: World) -> None:
    booth = with_grants(world, 2)
    world.do(end_account, world.members[0])
    before = world.picture()

    world.do(change_event, world.event, 1, "見本の日", *WINDOW, world.allotment, activities())

    assert world.picture() == before
    assert world.reasons(booth) == {}


def test_an_account_that_was_ended_twice_is_ended_since_the_second_time(world: World) -> None:
    booth = world.booth()
    world.do(end_account, world.members[0])
    world.now_ms += 1_000
    booth.grant(0)
    booth.send()
    held = world.reasons(booth)

    world.do(reopen_account, world.members[0])
    world.do(end_account, world.members[0])

    assert held == {2: ("held", Reason.MEMBER_ENDED)}
    assert world.reasons(booth) == {}


def test_a_lost_card_is_flagged_while_it_is_listed_and_the_person_keeps_the_account(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0)
    one.send()
    other.grant(0, activity=HELP, occasion=20_771, points=100, quantity=10)
    other.grant(1)
    other.send()

    world.do(lose_card, world.members[0], 1)
    listed = (world.flags(one), world.flags(other))
    world.do(find_card, world.members[0], 1)
    found = (world.flags(one), world.flags(other))
    world.do(lose_card, world.members[0], 1)

    assert listed == ({2: ("lost card",)}, {2: ("lost card",)})
    assert found == ({}, {})
    assert world.flags(one) == {2: ("lost card",)}
    assert issues(world, world.members[0]) == [1, 2, 3]
    assert world.verdicts() == {"posted": (3, 200)}


def test_a_card_that_is_not_the_lost_one_has_no_flag(world: World) -> None:
    booth = world.booth()
    world.do(lose_card, world.members[0], 1)
    booth.grant(0, issue=2)

    booth.send()

    assert world.flags(booth) == {}


def test_what_stands_so_already_is_refused(world: World) -> None:
    member = world.members[0]
    with_grants(world)
    world.do(lose_card, member, 1)
    world.do(end_account, world.members[1])
    told = [
        (make_known, (member,), Refusal.KNOWN_ALREADY),
        (make_known, (12_345,), Refusal.NOT_A_MEMBER_NUMBER),
        (make_known, (world.members[1],), Refusal.KNOWN_ALREADY),
        (make_unknown, (STRANGER,), Refusal.NOT_KNOWN),
        (make_unknown, (world.members[1],), Refusal.NOT_OPEN),
        (end_account, (world.members[1],), Refusal.NOT_OPEN),
        (end_account, (STRANGER,), Refusal.NOT_OPEN),
        (reopen_account, (member,), Refusal.NOT_ENDED),
        (lose_card, (member, 1), Refusal.LOST_ALREADY),
        (lose_card, (member, 9), Refusal.NO_CARD),
        (find_card, (member, 2), Refusal.NOT_LOST),
        (find_card, (STRANGER, 1), Refusal.NO_CARD),
    ]
    before = world.picture()

    for act, arguments, refusal in told:
        with pytest.raises(ActRefused) as refused:
            world.do(act, *arguments)
        assert refused.value.refusal is refusal, act

    assert world.picture() == before


def test_making_a_number_known_judges_only_its_own_entries(world: World) -> None:
    booth = unknown_member(world)
    other = with_check_digits(555_555_555_555)
    booth.grant(1, member=other)
    booth.send()

    world.do(make_known, STRANGER)

    assert world.reasons(booth) == {3: ("held", Reason.MEMBER_UNKNOWN)}


def test_a_card_issue_that_was_never_given_stays_unknown_once_later_ones_are_given(world: World) -> None:
    booth = world.booth()
    booth.grant(0, issue=5)
    booth.send()

    world.do(lose_card, world.members[0], 1)
    world.do(find_card, world.members[0], 1)

    assert world.flags(booth) == {2: ("unknown issue",)}
