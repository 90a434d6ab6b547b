"""Which grant of a key is posted and what has to be written so that it is, by value."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.intake.settle import Claim, OnKey, RepeatKey, Turn, difference, owed_on, winner

KEY, OTHER_KEY = RepeatKey(1, 5, 77, 1, 0), RepeatKey(1, 5, 77, 2, 0)


def claim(kiosk: bytes = b"a", points: int = 50, allotment: int = 1, key: RepeatKey = KEY) -> Claim:
    return Claim(key, kiosk, 1, b"hash", points, allotment, 0, 0)


ONE, OTHER, BETTER = claim(b"a"), claim(b"b"), claim(b"c", points=70)


def test_most_points_win_then_the_lowest_kiosk_number_and_hash() -> None:
    claims = [OTHER, BETTER, ONE, ONE._replace(seq=2), ONE._replace(hash=b"zzz")]
    random.Random(1).shuffle(claims)

    assert winner(claims) == BETTER
    assert winner(claims[:0]) is None
    assert winner([one for one in claims if one.points == 50]) == ONE


def test_a_key_that_says_nothing_gets_its_first_turn() -> None:
    found = difference(OnKey(), [ONE], ())

    assert found == ((Turn(ONE, 0, 1, OnKey()),), (), ())


def test_a_better_claim_takes_the_place_of_the_one_that_stands() -> None:
    on_key = OnKey(0, ONE)

    found = difference(on_key, [BETTER], ())

    assert found.turns == (Turn(ONE, 1, -1, on_key), Turn(BETTER, 2, 1, on_key))
    assert (found.leaving, found.coming) == ((), (ONE,))


def test_when_the_winner_goes_the_best_duplicate_stands() -> None:
    on_key = OnKey(0, BETTER, duplicates=(ONE, OTHER))

    found = difference(on_key, [], {BETTER.identity})

    assert [(one.claim, one.turn, one.sign) for one in found.turns] == [(BETTER, 1, -1), (ONE, 2, 1)]
    assert (found.leaving, found.coming) == ((ONE,), ())


def test_a_claim_that_was_posted_before_and_comes_back_gets_a_turn_of_its_own() -> None:
    on_key = OnKey(1, None)

    assert [(one.turn, one.sign) for one in difference(on_key, [ONE], ()).turns] == [(2, 1)]


@pytest.mark.parametrize("again", [claim(points=60), claim(allotment=2)])
def test_the_same_grant_with_other_points_or_another_account_is_a_difference(again: Claim) -> None:
    found = difference(OnKey(0, ONE), [again], {ONE.identity})

    assert [(one.claim, one.sign) for one in found.turns] == [(ONE, -1), (again, 1)]
    assert (found.leaving, found.coming) == ((), ())


def test_what_stands_right_is_left_alone() -> None:
    found = difference(OnKey(4, ONE, duplicates=(OTHER,)), [ONE], {ONE.identity})

    assert found == ((), (), ())


claims = st.sets(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(1, 3)), max_size=4)


@given(first=claims, then=claims)
def test_there_and_back_leaves_what_was(first: set[tuple[bytes, int]], then: set[tuple[bytes, int]]) -> None:
    def settle(on_key: OnKey, wanted: set[tuple[bytes, int]], now: set[tuple[bytes, int]]) -> OnKey:
        gone = {claim(*one).identity for one in now}
        found = difference(on_key, [claim(*one) for one in sorted(wanted)], gone)
        duplicates = tuple(sorted((set(on_key.duplicates) - set(found.leaving)) | set(found.coming)))
        standing, turn = on_key.standing, on_key.turn
        for one in found.turns:
            standing, turn = (one.claim if one.sign > 0 else None), one.turn
        return OnKey(turn, standing, duplicates=duplicates)

    def alone(made: set[tuple[bytes, int]]) -> set[tuple[bytes, int]]:
        return {(kiosk, max(points for name, points in made if name == kiosk)) for kiosk, _ in made}

    first, then = alone(first), alone(then)
    once = settle(OnKey(), first, set())
    back = settle(settle(once, then, first), first, then)

    assert (back.standing, back.duplicates) == (once.standing, once.duplicates)
    assert back.standing == winner(claim(*one) for one in first)


def test_what_is_taken_and_no_longer_there_is_owed_and_comes_off_when_the_key_gives_again() -> None:
    taken = owed_on([Turn(ONE, 1, -1, OnKey(0, ONE))], {77: 20})
    given_again = owed_on([Turn(ONE, 2, 1, OnKey(1, None, owing=30))], {77: 0})

    assert taken == {(KEY, 1): 30}
    assert given_again == {(KEY, 2): -30}


def test_gives_are_reckoned_before_takes_of_the_same_member() -> None:
    more = claim(b"b", points=70, key=OTHER_KEY)

    owed = owed_on([Turn(ONE, 1, -1, OnKey(0, ONE)), Turn(more, 0, 1, OnKey())], {77: 0})

    assert owed == {(KEY, 1): 0, (OTHER_KEY, 0): 0}
