"""How large the next batch may be, by value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.room import MOST_BYTES, Room, after_receipt, after_refusal


@pytest.mark.parametrize("lets_through", [1_500, 65_536, 1_000_000, MOST_BYTES])
def test_a_proxy_that_lets_less_through_is_found_and_then_refuses_nothing_more(lets_through: int) -> None:
    room, refusals = Room(), []

    for turn in range(60):
        if room.entries_bytes > lets_through:
            room = after_refusal(room.entries_bytes)
            refusals.append(turn)
        else:
            room = after_receipt(room)

    assert not refusals or refusals[-1] < 40
    assert room.entries_bytes * 2 > lets_through


def test_where_nothing_was_refused_a_batch_is_as_large_as_the_wire_allows() -> None:
    assert after_receipt(Room()) == Room()


@given(st.integers(1, MOST_BYTES), st.integers(0, MOST_BYTES))
def test_the_room_is_never_nothing_and_never_more_than_the_wire_allows(entries: int, refused: int) -> None:
    rooms = [after_receipt(Room(entries, refused)), after_refusal(entries)]

    assert all(1 <= room.entries_bytes <= MOST_BYTES for room in rooms)
