"""What a carrier may bring in some time, by value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.allowances import Allowance, Allowances, Limit, TooMuch, refilled, wait_seconds

LIMIT = Limit(100, 60_000)
SOMEBODY = b"somebody"


def test_so_much_may_be_taken_at_once_and_then_nothing_until_it_has_grown_again() -> None:
    allowances = Allowances()
    allowances.take(SOMEBODY, LIMIT, 160, 0)

    with pytest.raises(TooMuch) as refused:
        allowances.want(SOMEBODY, (LIMIT,), 1_000)
    allowances.want(SOMEBODY, (LIMIT,), 1_000 + refused.value.seconds * 1_000)

    assert refused.value.seconds == 36


def test_what_somebody_takes_is_on_nobody_elses_account() -> None:
    allowances = Allowances()
    allowances.take(SOMEBODY, LIMIT, 1_000, 0)

    allowances.want(b"somebody else", (LIMIT,), 0)
    allowances.want(SOMEBODY, (Limit(5, 1_000),), 0)

    with pytest.raises(TooMuch):
        allowances.want(SOMEBODY, (Limit(5, 1_000), LIMIT), 0)


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing() -> None:
    back = refilled(Allowance(-50, 100_000), LIMIT, 40_000)

    assert back.left == -50


@given(st.floats(-1_000, 1_000), st.integers(0, 10**6))
def test_after_the_time_that_was_said_something_is_left(left: float, at_ms: int) -> None:
    allowance = Allowance(min(left, LIMIT.amount), at_ms)

    seconds = wait_seconds(allowance, LIMIT)

    assert wait_seconds(refilled(allowance, LIMIT, at_ms + seconds * 1_000), LIMIT) == 0
