"""When an entry was signed and on which day, by value: samples, answers, floors, ceilings, and what was known when."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.intake.intervals import (
    FOR_EVER_MS,
    Answer,
    Floors,
    Interval,
    Known,
    Reading,
    Sample,
    Signed,
    Source,
    anchored_day,
    day_of,
    floor_known,
    interval,
    is_believed,
    know,
    settled,
    signed_by,
    with_floor,
    with_reading,
)
from sync.citytime import DAY_MS, city_day
from sync.entry import Clock, Stamp

HOUR_MS = 3_600_000
MORNING_MS = 1_794_614_400_000
BOOT, OTHER_BOOT = b"b" * 16, b"o" * 16
TODAY = city_day(MORNING_MS)


def signed(monotonic_ms: int = HOUR_MS, wall_ms: int = 0, floor_ms: int = 0, seq: int = 5) -> Signed:
    """Return an entry of a Pi that believes in `wall_ms`, arrived two days after the morning."""
    return Signed(seq, Stamp(wall_ms, BOOT, monotonic_ms, 0), MORNING_MS + 2 * DAY_MS, ((0, floor_ms),), None)


def sample(hub_ms: int, received_ms: int, seq: int = 9, arrived_ms: int = MORNING_MS + 2 * DAY_MS) -> Sample:
    """Return a sample of the boot whose round trip took 40 ms."""
    clock = Clock(hub_ms, received_ms - 40, received_ms)
    return Sample(seq, arrived_ms, BOOT, clock, signed_by(clock, Stamp(0, BOOT, received_ms, 2)))


def test_without_any_knowledge_the_interval_ends_with_the_arrival_and_the_guess_is_kept_within() -> None:
    found = interval(signed(floor_ms=MORNING_MS), Known(), FOR_EVER_MS)

    assert found == Interval(MORNING_MS, MORNING_MS + 2 * DAY_MS, MORNING_MS, Source.WALL)


def test_a_sample_of_the_boot_tells_the_time_before_and_after_it() -> None:
    known = know([sample(MORNING_MS, 10 * HOUR_MS)], {})

    before = interval(signed(9 * HOUR_MS), known, FOR_EVER_MS)
    after = interval(signed(11 * HOUR_MS, seq=12), known, FOR_EVER_MS)

    assert (before.guess_ms, after.guess_ms) == (MORNING_MS - HOUR_MS, MORNING_MS + HOUR_MS)
    assert after.latest_ms - after.guess_ms == 40 + 1_000 + HOUR_MS * 200 // 1_000_000
    assert before.source is after.source is Source.HUB


def test_what_is_learnt_later_does_not_change_what_was_known_at_arrival() -> None:
    late = know([sample(MORNING_MS, 10 * HOUR_MS, arrived_ms=MORNING_MS + 3 * DAY_MS)], {})
    entry = signed(9 * HOUR_MS)

    at_arrival = interval(entry, late, entry.arrived_ms)
    in_full = interval(entry, late, FOR_EVER_MS)

    assert at_arrival == interval(entry, Known(), FOR_EVER_MS)
    assert in_full.latest_ms < at_arrival.latest_ms


def test_nothing_was_signed_after_a_later_sample_of_another_boot() -> None:
    other = sample(MORNING_MS, HOUR_MS)._replace(boot=OTHER_BOOT)

    found = interval(signed(), know([other], {}), FOR_EVER_MS)

    assert found.latest_ms == other.signed_by_ms
    assert found.source is Source.WALL


def test_a_sample_that_does_not_meet_the_floor_leaves_the_nearer_end() -> None:
    known = know([sample(MORNING_MS, 10 * HOUR_MS, seq=2)], {})

    found = interval(signed(10 * HOUR_MS, floor_ms=MORNING_MS + DAY_MS), known, FOR_EVER_MS)

    assert found.earliest_ms == found.latest_ms == MORNING_MS + DAY_MS


def test_a_persons_answer_counts_where_there_is_no_sample_and_from_when_it_was_given() -> None:
    answers = {BOOT: Answer(MORNING_MS, MORNING_MS + 3 * DAY_MS)}
    entry = signed(2 * HOUR_MS)

    found = interval(entry, know([], answers), FOR_EVER_MS)

    assert (found.guess_ms, found.source) == (MORNING_MS + 2 * HOUR_MS, Source.ANSWER)
    assert interval(entry, know([], answers), entry.arrived_ms).source is Source.WALL
    assert interval(entry, know([sample(MORNING_MS, HOUR_MS)], answers), FOR_EVER_MS).source is Source.HUB


@pytest.mark.parametrize(
    ("hub_ms", "is_good"),
    [
        (MORNING_MS, True),
        (MORNING_MS - 5 * 60_000, True),
        (MORNING_MS - 5 * 60_000 - 1, False),
        (MORNING_MS + HOUR_MS + 5 * 60_000, True),
        (MORNING_MS + HOUR_MS + 5 * 60_000 + 1, False),
    ],
)
def test_a_sample_is_believed_within_five_minutes_of_floor_and_arrival(hub_ms: int, *, is_good: bool) -> None:
    assert is_believed(Clock(hub_ms, 0, 40), MORNING_MS, MORNING_MS + HOUR_MS) is is_good


def reading(day: int = TODAY, trust: int = 0) -> Reading:
    return Reading(1, 2, 3, day, BOOT, trust)


WINDOW = (MORNING_MS, MORNING_MS + 2 * DAY_MS)


def between(earliest_ms: int, latest_ms: int) -> Interval:
    return Interval(earliest_ms, latest_ms, latest_ms, Source.WALL)


def test_an_interval_within_one_day_of_the_event_is_that_day_whatever_the_booth_read() -> None:
    second_day = between(MORNING_MS + DAY_MS, MORNING_MS + DAY_MS + HOUR_MS)

    assert day_of(reading(TODAY), second_day, WINDOW, Known(), FOR_EVER_MS) == TODAY + 1


def test_days_that_are_none_of_the_events_do_not_count() -> None:
    from_long_before = between(0, MORNING_MS + HOUR_MS)

    assert day_of(reading(TODAY + 1), from_long_before, WINDOW, Known(), FOR_EVER_MS) == TODAY


def test_outside_the_event_it_is_the_day_of_the_guess() -> None:
    long_after = between(MORNING_MS + 9 * DAY_MS, MORNING_MS + 12 * DAY_MS)

    assert day_of(reading(), long_after, WINDOW, Known(), FOR_EVER_MS) == TODAY + 12


@pytest.mark.parametrize(
    ("trust", "day", "others", "expected"),
    [
        (0, TODAY, (), None),
        (1, TODAY, (), TODAY),
        (1, TODAY + 1, (), TODAY + 1),
        (1, TODAY + 5, (), None),
        (1, TODAY, ((BOOT, 0),), TODAY),
        (1, TODAY, ((OTHER_BOOT, 50),), None),
        (1, TODAY, ((OTHER_BOOT, 150),), TODAY),
        (2, TODAY, ((OTHER_BOOT, 50),), TODAY),
        (2, TODAY + 5, (), None),
    ],
    ids=[
        "no clock",
        "confirmed",
        "confirmed, second day",
        "confirmed outside",
        "the same boot again",
        "another boot read the same",
        "another boot, learnt later",
        "hub-set",
        "hub-set outside",
    ],
)
def test_among_several_days_the_booths_reading_counts_by_its_clock(
    trust: int, day: int, others: tuple[tuple[bytes, int], ...], expected: int | None
) -> None:
    known = replace(Known(), readings={(1, 2, 3, day): others})
    whole_event = between(MORNING_MS, MORNING_MS + 2 * DAY_MS)

    assert day_of(reading(day, trust), whole_event, WINDOW, known, 100) == expected


def test_a_stamps_day_is_known_by_a_sample_that_puts_it_within_one_day() -> None:
    known = know([sample(MORNING_MS, 10 * HOUR_MS)], {})

    assert anchored_day(Stamp(0, BOOT, 10 * HOUR_MS, 0), known) == TODAY
    assert anchored_day(Stamp(0, OTHER_BOOT, 10 * HOUR_MS, 0), known) is None


moments = st.integers(0, 20)
some_samples = st.lists(st.tuples(moments, moments, st.sampled_from([BOOT, OTHER_BOOT])), max_size=8)


@given(told=some_samples, seq=st.integers(0, 9), known_by_ms=st.sampled_from([*range(21), FOR_EVER_MS]))
def test_what_was_known_by_a_moment_is_found_as_if_every_sample_were_asked(
    told: list[tuple[int, int, bytes]], seq: int, known_by_ms: int
) -> None:
    samples = [Sample(place, arrived, boot, Clock(0, 0, 0), by) for place, (arrived, by, boot) in enumerate(told, 1)]
    by_then = [one for one in samples if one.arrived_ms <= known_by_ms]

    known = know(samples, {})

    assert known.ceiling_after(seq, known_by_ms) == min(
        (one.signed_by_ms for one in by_then if one.seq > seq), default=FOR_EVER_MS
    )
    assert known.first_sample(BOOT, known_by_ms) == next((one for one in by_then if one.boot == BOOT), None)


@given(told=st.lists(st.tuples(st.sampled_from([b"1", b"2", b"3"]), moments), max_size=8), known_by_ms=moments)
def test_whether_a_reading_is_alone_turns_on_the_first_two_boots(
    told: list[tuple[bytes, int]], known_by_ms: int
) -> None:
    readings: tuple[tuple[bytes, int], ...] = ()
    for boot, arrived_ms in told:
        readings = with_reading(readings, boot, arrived_ms)

    for boot in (b"1", b"2", b"3", b"another"):
        others = any(other != boot and arrived_ms <= known_by_ms for other, arrived_ms in told)
        assert others == any(other != boot and arrived_ms <= known_by_ms for other, arrived_ms in readings)
    assert len(readings) <= 2


floors_told = st.lists(st.tuples(moments, moments), max_size=8)


@given(told=floors_told, by_ms=moments, from_ms=moments)
def test_a_floor_counts_from_when_it_arrived(told: list[tuple[int, int]], by_ms: int, from_ms: int) -> None:
    floors: Floors = ()
    for arrived_ms, floor_ms in told:
        floors = with_floor(floors, arrived_ms, floor_ms)

    newest_ms = max((floor_ms for arrived_ms, floor_ms in told if arrived_ms <= by_ms), default=0)
    assert floor_known(floors, by_ms) == newest_ms
    if by_ms >= from_ms:
        assert floor_known(settled(floors, from_ms), by_ms) == newest_ms
