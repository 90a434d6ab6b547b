"""One scan from picture to journal: what the screen shows as received is signed and on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import STATION, HandClock, SmallHub, enrolled, folder_of, picture_of, reopened

from kiosk import screen
from kiosk.booth import Booth, Scan
from kiosk.camera import Frame, Gray, open_camera
from kiosk.decode import CodeReader
from kiosk.feed import Frames, TypedLines
from kiosk.journal import Journal, Kept
from kiosk.run import ScanLoop
from kiosk.scan import (
    WORDS,
    AlreadyReceived,
    CallStaff,
    Known,
    Later,
    NotUsable,
    Offer,
    Outcome,
    Reason,
    Received,
    Recorded,
    TodaysLimit,
)
from kiosk.sight import CameraState
from kiosk.uplink import UplinkThread
from sync.engine import Uplink
from sync.entry import Body, DayEnd, Grant, Opened, Shown, Stamp, Trust, Void, read_entry
from sync.envelope import ENTRY, take_apart
from sync.keys import KeyState, OnlineKey
from sync.manifest import OccasionBy, Share, Slot, write_manifest
from sync.member import printed
from sync.receipt import Status
from sync.token import write_token


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        yield journal


@pytest.fixture
def booth(journal: Journal) -> Booth:
    return Booth(journal, HandClock(), STATION)


def card(person: int, issue: int = 1) -> str:
    return write_token(wire.MEMBER_KEY, wire.member(person), issue)


def bodies_in(journal: Journal) -> list[Body]:
    return [read_entry(take_apart(ENTRY, row.encoded).payload).body for row in journal.rows(1)]


def grants_in(journal: Journal) -> list[Grant]:
    return [body for body in bodies_in(journal) if isinstance(body, Grant)]


def words(scans: list[Scan]) -> list[str]:
    return [WORDS[type(scan.outcome)] for scan in scans]


def scanned(journal: Journal, folder: Path, clock: HandClock | None = None) -> list[Scan]:
    """Let the whole loop run over a folder of pictures, as `kiosk run` does; each picture takes 100 ms."""
    clock = clock or HandClock()
    scans: list[Scan] = []
    booth = Booth(journal, clock, STATION)
    with Frames(lambda: open_camera(str(folder)), clock) as frames:
        loop = ScanLoop(booth, frames, TypedLines(None), CodeReader().sight, clock, scans.append)
        loop.run(lambda: False, lambda: clock.turn(100))
    return scans


def test_from_a_folder_of_pictures_to_the_journal(tmp_path: Path, journal: Journal) -> None:
    forged = card(3)[:60] + card(4)[60:]
    pictures = [
        picture_of(),
        picture_of(card(1)),
        picture_of(card(1)),
        picture_of(card(2)),
        picture_of(card(99)),
        picture_of(card(1)),
        picture_of(forged),
        picture_of("https://poster.example/"),
    ]

    scans = scanned(journal, folder_of(tmp_path / "pictures", *pictures))

    assert words(scans) == ["received", "received", "call_staff", "already_received", "not_usable", "not_usable"]
    assert grants_in(journal) == [wire.grant(1), wire.grant(2)]
    assert [scan.seq for scan in scans] == [1, 2, None, None, None, None]
    assert journal.check() is None


def test_the_larger_of_two_cards_is_scanned_first_and_the_other_when_it_has_gone(
    tmp_path: Path, journal: Journal
) -> None:
    both, second = picture_of(card(1), card(2)), picture_of(card(2))

    scanned(journal, folder_of(tmp_path / "pictures", both, both, second))

    assert grants_in(journal) == [wire.grant(1), wire.grant(2)]


def test_a_card_held_for_a_minute_is_one_grant_and_one_calm_repeat(tmp_path: Path, journal: Journal) -> None:
    clock, scans, picture = HandClock(), list[Scan](), picture_of(card(1))
    loop = ScanLoop(
        Booth(journal, clock, STATION),
        StillFrames(picture),
        TypedLines(None),
        CodeReader().sight,
        clock,
        scans.append,
    )

    while clock.monotonic < 660_000:
        loop.turn()
        clock.turn(500)

    assert words(scans) == ["received", "already_received"]
    assert len(grants_in(journal)) == 1


class StillFrames:
    """A camera that looks at one picture for ever."""

    state = CameraState.GOOD

    def __init__(self, picture: Gray) -> None:
        self.has_ended = False
        self._picture = picture

    def next(self) -> Frame:
        return Frame(self._picture, 1)


def test_a_typed_number_receives(booth: Booth, journal: Journal) -> None:
    scan = booth.scan_number(printed(wire.member(1)))

    assert isinstance(scan.outcome, Received)
    assert grants_in(journal) == [wire.typed_grant(1)]


def test_a_number_typed_wrongly_calls_staff_and_keeps_nothing(booth: Booth, journal: Journal) -> None:
    scan = booth.scan_number("0000 0000 0000 01")

    assert scan.outcome == CallStaff(Reason.NUMBER_UNREADABLE)
    assert bodies_in(journal) == []


def test_card_and_typed_number_of_one_person_are_one_grant(booth: Booth, journal: Journal) -> None:
    booth.scan_code(card(1))

    scan = booth.scan_number(printed(wire.member(1)))

    assert isinstance(scan.outcome, AlreadyReceived)
    assert len(grants_in(journal)) == 1


def test_beyond_share_and_reserve_everybody_is_recorded_for_later(tmp_path: Path) -> None:
    manifest = wire.manifest()._replace(shares=(Share(wire.ALLOTMENT, 20, 10),))
    with closing(enrolled(tmp_path / "journal.db", manifest)) as journal:
        booth = Booth(journal, HandClock(), STATION)

        scans = [booth.scan_code(card(person)) for person in range(1, 6)]

        shown = [grant.shown for grant in grants_in(journal)]
    assert words(scans) == ["received"] * 3 + ["recorded"] * 2
    assert shown == [Shown.RECEIVED] * 3 + [Shown.RECORDED] * 2
    assert isinstance(scans[4].outcome, Recorded)
    assert scans[4].outcome.later is Later.SHARE


def test_a_void_frees_the_person_but_not_the_share(tmp_path: Path) -> None:
    manifest = wire.manifest()._replace(shares=(Share(wire.ALLOTMENT, 20, 0),))
    with closing(enrolled(tmp_path / "journal.db", manifest)) as journal:
        booth = Booth(journal, HandClock(), STATION)
        first = booth.scan_code(card(1))
        assert first.seq is not None

        kept = booth.void(first.seq, "間違い")
        scans = [booth.scan_code(card(person)) for person in (1, 2)]

        assert isinstance(kept, Kept)
        assert bodies_in(journal)[1] == Void(1, "間違い")
    assert words(scans) == ["received", "recorded"]


@pytest.mark.parametrize("wall_ms", [0, 4_070_908_800_000])
def test_a_booth_that_starts_in_1970_or_2099_grants_to_everybody(journal: Journal, wall_ms: int) -> None:
    booth = Booth(journal, HandClock(wall=wall_ms), STATION)
    booth.open(time_is_confirmed=False)

    scans = [booth.scan_code(card(person)) for person in (1, 2, 1)]

    assert words(scans) == ["received", "received", "already_received"]
    assert [grant.occasion for grant in grants_in(journal)] == [wire.grant().occasion] * 2


def test_the_next_morning_in_1970_grants_again(tmp_path: Path) -> None:
    """Two days of a festival, the clock lost over night: the same date both times refuses nobody."""
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        evening = Booth(journal, HandClock(wall=0), STATION).scan_code(card(1))
    with closing(reopened(tmp_path / "journal.db")) as journal:
        morning = Booth(journal, HandClock(wall=0, boot=bytes(16)), STATION).scan_code(card(1))

    assert words([evening, morning]) == ["received", "received"]


def test_a_time_confirmed_at_the_start_is_what_the_entries_say(journal: Journal) -> None:
    clock = HandClock()
    booth = Booth(journal, clock, STATION)

    booth.open(time_is_confirmed=True)
    clock.turn(1_000)
    booth.scan_code(card(1))

    assert bodies_in(journal)[0] == Opened("kumapo 0.1.0", (wire.INSTANCE, 1), wire.MORNING_MS)
    assert journal.stamp_of(2) == Stamp(wire.MORNING_MS + 1_000, wire.BOOT, 601_000, Trust.CONFIRMED)


def test_once_the_hub_has_told_the_time_the_days_limit_holds(journal: Journal) -> None:
    clock = HandClock(wall=0)
    UplinkThread(journal, SmallHub(), clock, lambda: 0.5).turn()
    limited = wire.manifest(version=2)
    slots = tuple(Slot(number, f"{number}回目") for number in (1, 2, 3))
    activity = limited.events[0].activities[0]._replace(occasion_by=OccasionBy.SLOT, daily_limit=2, slots=slots)
    event = limited.events[0]._replace(activities=(activity,))
    journal.keep_manifest(write_manifest(wire.MANIFEST_KEY, limited._replace(events=(event,))))

    scans = [Booth(journal, clock, STATION._replace(slot=slot)).scan_code(card(1)) for slot in (1, 2, 3)]

    assert words(scans) == ["received", "received", "todays_limit"]
    assert scans[2].outcome == TodaysLimit(2)


def test_a_newer_manifest_takes_effect_with_an_opened_that_names_it(booth: Booth, journal: Journal) -> None:
    booth.scan_code(card(1))
    richer = wire.manifest(version=2)
    lost = richer._replace(lost_cards=((wire.member(5), 1),))
    journal.keep_manifest(write_manifest(wire.MANIFEST_KEY, lost))

    scans = [booth.scan_code(card(5)), booth.scan_code(card(99))]

    assert words(scans) == ["call_staff", "received"]
    assert bodies_in(journal)[1] == Opened("kumapo 0.1.0", (wire.INSTANCE, 2), None)


def test_a_newer_key_list_is_believed_at_once_and_needs_no_opened(booth: Booth, journal: Journal) -> None:
    booth.scan_code(card(1))
    new_key = wire.sample_key("member, next year")
    keys = tuple(key for key in wire.online_keys() if key.purpose != "member")
    more = OnlineKey("member", new_key.public, KeyState.CURRENT)

    journal.keep_key_list(wire.key_list(2, keys=(*keys, more)))
    scans = [booth.scan_code(card(2)), booth.scan_code(write_token(new_key, wire.member(3), 1))]

    assert words(scans) == ["not_usable", "received"]
    assert len(bodies_in(journal)) == 2


def test_a_kiosk_without_a_manifest_calls_staff(tmp_path: Path) -> None:
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        journal.keep_manifest(b"nothing the hub has signed")
        booth = Booth(journal, HandClock(), STATION)

        scan = booth.scan_code(card(1))

        assert scan.outcome == CallStaff(Reason.NOT_SET_UP)


@pytest.mark.parametrize(("status", "later"), [(Status.FENCED, Later.FENCED), (Status.REVOKED, Later.REVOKED)])
def test_a_fenced_or_revoked_kiosk_goes_on_recording(
    booth: Booth, journal: Journal, status: Status, later: Later
) -> None:
    journal.keep_uplink(Uplink(status=status), None)

    scan = booth.scan_code(card(1))

    assert isinstance(scan.outcome, Recorded)
    assert scan.outcome.later is later
    assert scan.seq == 1


def test_a_kiosk_whose_key_was_stopped_calls_staff_and_signs_nothing(booth: Booth, journal: Journal) -> None:
    journal.keep_uplink(Uplink(stopped="foreign entry"), None)

    scan = booth.scan_code(card(1))

    assert scan.outcome == CallStaff(Reason.ENROL_ANEW)
    assert bodies_in(journal) == []


def test_a_key_that_is_stopped_between_decision_and_signature_shows_no_received(
    booth: Booth, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = journal.known_of

    def overtaken(offer: Offer, member: int) -> Known:
        known = look_up(offer, member)
        journal.keep_uplink(Uplink(stopped="foreign entry"), None)
        return known

    monkeypatch.setattr(journal, "known_of", overtaken)

    scan = booth.scan_code(card(1))

    assert scan.outcome == CallStaff(Reason.ENROL_ANEW)
    assert bodies_in(journal) == []


def test_a_grant_that_came_in_between_is_decided_anew(
    booth: Booth, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = journal.known_of

    def overtaken(offer: Offer, member: int) -> Known:
        known = look_up(offer, member)
        journal.sign_and_keep(wire.grant(1), wire.stamp())
        return known

    monkeypatch.setattr(journal, "known_of", overtaken)

    scan = booth.scan_code(card(1))

    assert isinstance(scan.outcome, AlreadyReceived)
    assert len(grants_in(journal)) == 1


def test_a_newer_manifest_is_taken_in_while_nobody_is_there(tmp_path: Path, journal: Journal) -> None:
    folder = folder_of(tmp_path / "pictures", picture_of())
    journal.keep_manifest(write_manifest(wire.MANIFEST_KEY, wire.manifest(version=2)))
    booth = Booth(journal, HandClock(), STATION)
    journal.keep_manifest(write_manifest(wire.MANIFEST_KEY, wire.manifest(version=3)))

    with Frames(lambda: open_camera(str(folder)), HandClock()) as frames:
        loop = ScanLoop(booth, frames, TypedLines(None), CodeReader().sight, HandClock(), lambda _: None)
        loop.run(lambda: False, lambda: None)

    assert bodies_in(journal) == [Opened("kumapo 0.1.0", (wire.INSTANCE, 3), None)]


def test_a_full_disk_shows_no_received(booth: Booth, journal: Journal) -> None:
    pages = journal._connection.execute("pragma page_count").fetchone()[0]
    journal._connection.execute(f"pragma max_page_count={pages}")

    scans = [booth.scan_code(card(person)) for person in range(1, 90)]

    failed = [scan for scan in scans if scan.outcome == CallStaff(Reason.NOT_KEPT)]
    received = [scan for scan in scans if isinstance(scan.outcome, Received)]
    assert failed
    assert len(failed) + len(received) == len(scans)
    assert [scan.seq for scan in received] == [row.seq for row in journal.rows(1)]


def test_the_days_totals_are_signed_at_the_end_if_anything_was_granted(booth: Booth, journal: Journal) -> None:
    booth.end_day()
    before = bodies_in(journal)
    booth.scan_code(card(1))
    booth.scan_code(card(2))
    booth.void(1, "間違い")

    booth.end_day()

    assert before == []
    assert bodies_in(journal)[-1] == DayEnd(grants=2, points=20, voids=1, voided_points=10)


def test_each_scan_is_one_json_object_with_the_agreed_keys(booth: Booth) -> None:
    scans = [booth.scan_code(card(1)), booth.scan_code(card(1)), booth.scan_code("https://poster.example/")]

    objects = [json.loads(screen.json_of(scan)) for scan in scans]

    assert objects == [
        {"scan": 1, "outcome": "received", "seq": 1, "event": wire.EVENT, "points": 10, "waiting": 1},
        {"scan": 2, "outcome": "already_received", "seq": None, "event": wire.EVENT, "points": None, "waiting": 1},
        {
            "scan": 3,
            "outcome": "not_usable",
            "seq": None,
            "event": wire.EVENT,
            "points": None,
            "waiting": 1,
            "reason": "foreign code",
        },
    ]


def test_only_a_typed_number_is_told_as_typed(booth: Booth) -> None:
    scans = [booth.scan_code(card(1)), booth.scan_number(printed(wire.member(1))), booth.scan_number("12")]

    objects = [json.loads(screen.json_of(scan)) for scan in scans]

    assert [one.get("typed") for one in objects] == [None, True, True]


def test_every_outcome_has_plain_words_without_name_number_or_inner_word() -> None:
    grant = wire.grant(1)
    outcomes: list[Outcome] = [
        Received(grant),
        *(Recorded(grant, later) for later in Later),
        AlreadyReceived(wire.MORNING_MS, "お手伝い", 10),
        TodaysLimit(2),
        *(outcome(reason) for outcome in (NotUsable, CallStaff) for reason in Reason),
    ]

    lines = [line for outcome in outcomes for line in screen.lines_of(Scan(1, outcome, 1, wire.EVENT, 3))]

    assert len(set(lines)) == len(outcomes)
    assert "09:00" in lines[4]
    assert not any(str(grant.member) in line for line in lines)
    for inner in ("epoch", "fork", "verdict", "token", "chain", "トークン", "フォーク", "チェーン", "エントリ"):
        assert not any(inner in line for line in lines)
