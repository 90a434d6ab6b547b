"""What the screen shows, as values: the board between the scan loop and the pages, and what is always visible."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import STATION, HandClock, SmallHub, enrolled
from kiosk_screens import OUTCOMES, RESULTS, SCENES, STANDING

from kiosk.always_shown import Place, Waiting
from kiosk.board import RESULT_MS, STATES, Board, Glance
from kiosk.booth import Booth, Scan
from kiosk.journal import Journal
from kiosk.scan import Station
from kiosk.sight import CameraState, Hint
from kiosk.uplink import UplinkThread
from sync.entry import Trust
from sync.manifest import Share, write_manifest
from sync.member import printed

GOOD = CameraState.GOOD


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        yield journal


def scan(number: int) -> Scan:
    return Scan(number, OUTCOMES["received"], None, wire.EVENT, 0)


def test_a_result_stays_for_eight_seconds_and_then_goes() -> None:
    board = Board()
    board.show_scan(scan(1), 1_000)

    states = []
    for now_ms in (1_000, 1_000 + RESULT_MS - 1, 1_000 + RESULT_MS):
        board.show(Glance(), GOOD, STANDING, now_ms)
        states.append(board.now.showing.state)

    assert states == ["received", "received", "idle"]


def test_the_next_result_takes_the_place_of_the_one_before_and_has_its_own_eight_seconds() -> None:
    board = Board()
    board.show_scan(scan(1), 1_000)
    board.show_scan(scan(2), 7_000)

    board.show(Glance(), GOOD, STANDING, 1_000 + RESULT_MS)

    assert board.now.showing.result is not None
    assert board.now.showing.result.scan.number == 2


@pytest.mark.parametrize("glance", [Glance(is_seen=True), Glance(is_seen=True, hint=Hint.CLOSER)])
def test_nobody_is_robbed_of_their_result_by_what_the_camera_sees_next(glance: Glance) -> None:
    board = Board()
    board.show_scan(scan(1), 1_000)

    board.show(glance, GOOD, STANDING, 5_000)

    assert board.now.showing.state == "received"


def test_every_state_has_a_scene() -> None:
    assert {showing.state for showing in SCENES.values()} == set(STATES)
    assert set(RESULTS) <= set(STATES)


def test_what_does_not_change_makes_no_new_version() -> None:
    board = Board()
    board.show(Glance(), GOOD, STANDING, 1_000)
    version = board.now.version

    board.show(Glance(), GOOD, STANDING, 2_000)

    assert board.now.version == version


def test_who_waits_is_woken_by_what_is_new() -> None:
    board, got = Board(), list[int]()
    waiting = threading.Thread(target=lambda: got.append(board.wait(1, 60).version))
    waiting.start()

    board.show_scan(scan(1), 0)
    waiting.join()

    assert got == [2]


def test_who_waits_is_woken_when_it_is_over() -> None:
    board, over = Board(), threading.Event()
    version = board.now.version
    waiting = threading.Thread(target=board.wait, args=(version, 600, over.is_set), daemon=True)
    waiting.start()

    over.set()
    board.nudge()
    waiting.join(20)

    assert not waiting.is_alive()


def test_a_booth_always_tells_event_activity_and_points(journal: Journal) -> None:
    standing = Booth(journal, HandClock(), STATION).standing()

    assert standing.place == Place("まつり", "お手伝い", 10)


@pytest.mark.parametrize(("minutes", "points"), [(29, None), (30, 5), (150, 20)])
def test_by_hours_the_points_are_what_the_station_gives(journal: Journal, minutes: int, points: int | None) -> None:
    standing = Booth(journal, HandClock(), Station(wire.EVENT, wire.CLEANING, quantity=minutes)).standing()

    assert standing.place == Place("まつり", "そうじ", points)


def test_a_booth_at_an_unknown_event_names_nothing(journal: Journal) -> None:
    standing = Booth(journal, HandClock(), Station(99, wire.HELPING)).standing()

    assert standing.place == Place()


def test_a_booth_tells_how_much_waits_since_when_and_that_it_has_arrived(journal: Journal) -> None:
    clock, hub = HandClock(), SmallHub()
    booth = Booth(journal, clock, STATION)
    before = booth.standing().waiting
    booth.scan_number(printed(wire.member(1)))
    clock.turn(5 * 60_000)
    booth.scan_number(printed(wire.member(2)))

    kept = booth.standing().waiting
    UplinkThread(journal, hub, clock, lambda: 0.5).turn()
    after = booth.standing()

    assert before == Waiting()
    assert kept == Waiting(2, wire.MORNING_MS)
    assert len(hub.entries) == 2
    assert after.waiting.records <= 1  # the time the hub told is a record too
    assert after.trust == Trust.HUB


def test_the_moment_since_which_records_wait_follows_a_clock_that_was_put_right(journal: Journal) -> None:
    clock = HandClock(wall=0)
    booth = Booth(journal, clock, STATION)
    booth.scan_number(printed(wire.member(1)))
    clock.turn(10 * 60_000)

    clock.wall = wire.MORNING_MS
    waiting = booth.standing().waiting

    assert waiting.since_ms == wire.MORNING_MS - 10 * 60_000


def test_a_share_that_is_nearly_used_up_is_told(journal: Journal) -> None:
    share = Share(wire.ALLOTMENT, 20, 100)
    small = wire.manifest(version=2)._replace(shares=(share,))
    journal.keep_manifest(write_manifest(wire.MANIFEST_KEY, small))
    booth = Booth(journal, HandClock(), STATION)
    told = [booth.standing().is_share_short]

    for person in (1, 2):
        booth.scan_number(printed(wire.member(person)))
        told.append(booth.standing().is_share_short)

    assert told == [False, False, True]


def test_a_key_that_signs_no_more_is_told(journal: Journal) -> None:
    journal.stop("retired")

    assert Booth(journal, HandClock(), STATION).standing().is_stopped
