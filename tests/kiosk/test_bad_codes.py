"""Whatever is held before the camera: a calm, distinct word, nothing granted, and the next person receives at once.

Through the real decoder, gate, booth and journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
import wire_samples as wire
import zxingcpp
from kiosk_booth import CODE, STATION, HandClock, SmallHub, enrolled, picture_of

from demo.pictures import Booth as Stand
from kiosk import screen
from kiosk.booth import Booth, Scan
from kiosk.camera import Frame, Gray, open_camera
from kiosk.decode import CodeReader
from kiosk.feed import Frames, TypedLines
from kiosk.journal import Journal
from kiosk.next_code import GONE_MS, REPEAT_MS, SWAP_MS
from kiosk.run import ScanLoop
from kiosk.scan import AlreadyReceived, CallStaff, NotUsable, Outcome, Reason, Received
from kiosk.sight import CameraState
from kiosk.uplink import UplinkThread
from sync.citytime import city_day
from sync.enrolment import Invitation, write_invitation
from sync.entry import Grant, read_entry
from sync.envelope import ENTRY, take_apart
from sync.keys import root_key_hash
from sync.token import write_token

FRAME_MS = 66
OTHER_CITYS_KEY = wire.sample_key("member, another city")
TODAY = city_day(wire.EVENING_MS)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        yield journal


def card(person: int, expiry_day: int = 0) -> str:
    return write_token(wire.MEMBER_KEY, wire.member(person), 1, expiry_day)


def forged(person: int) -> str:
    """Return a card whose payload was changed under the signature of another."""
    good, other = card(person), card(person + 1)
    return good[:40] + other[40:]


class PlayedFrames:
    """Pictures as a camera gives them, 15 a second by the clock that is turned with each."""

    def __init__(self, pictures: Sequence[Gray], clock: HandClock) -> None:
        self._frames = [Frame(picture, number) for number, picture in enumerate(pictures, start=1)]
        self._clock = clock
        self.has_ended = False
        self.state = CameraState.GOOD

    def next(self) -> Frame | None:
        self.has_ended = not self._frames
        self._clock.turn(FRAME_MS)
        return None if self.has_ended else self._frames.pop(0)


def scanned(journal: Journal, pictures: Sequence[Gray], clock: HandClock | None = None) -> list[Scan]:
    clock, scans, reader = clock or HandClock(), list[Scan](), CodeReader()
    frames, booth = PlayedFrames(pictures, clock), Booth(journal, clock, STATION)
    loop = ScanLoop(booth, frames, TypedLines(None), reader.sight, clock, scans.append)
    loop.run(lambda: False, lambda: None)
    return scans


def grants_in(journal: Journal) -> list[Grant]:
    bodies = [read_entry(take_apart(ENTRY, row.encoded).payload).body for row in journal.rows(1)]
    return [body for body in bodies if isinstance(body, Grant)]


def drawn(code: segno.QRCode, module_pixels: int, margin: int = 4) -> Gray:
    is_dark = np.pad(np.array(code.matrix, np.uint8), margin)
    return 255 * (1 - np.kron(is_dark, np.ones((module_pixels, module_pixels), np.uint8)))


def picture_with(code: Gray) -> Gray:
    picture = np.full((720, 1280), 180, np.uint8)
    picture[10 : 10 + code.shape[0], 20 : 20 + code.shape[1]] = code
    return picture


def held_then_a_good_card(journal: Journal, bad: Gray, clock: HandClock | None = None) -> list[Outcome]:
    """Hold something up for half a second, then a good card without a gap; return what the screen said."""
    good = picture_of(card(1))
    scans = scanned(journal, [bad] * 8 + [good] * (SWAP_MS // FRAME_MS + 1), clock)
    return [scan.outcome for scan in scans]


BAD_TEXTS = {
    "no code of ours": ("見本", Reason.FOREIGN_CODE),
    "a web address": ("https://www.example.jp/kumapo?a=1", Reason.FOREIGN_CODE),
    "a code to add somebody": ("https://u.wechat.com/EAAAAAAAAAAAAAAAAAAAA", Reason.FOREIGN_CODE),
    "a code to pay somebody": ("https://qr.alipay.com/fkx00000000000000000000", Reason.FOREIGN_CODE),
    "a payment in a scheme of its own": ("wxp://f2f0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Reason.FOREIGN_CODE),
    "an enrolment invitation": (
        write_invitation(Invitation("http://127.0.0.1:9", root_key_hash(wire.ROOT_KEY.public), CODE)),
        Reason.FOREIGN_CODE,
    ),
    "3 kB": ("9" * 1_000 + "a" * 1_900, Reason.FOREIGN_CODE),
    "3 kB that begin as ours": ("KP1:" + "a" * 2_896, Reason.BAD_CODE),
    "our prefix and nothing": ("KP1:", Reason.BAD_CODE),
    "our prefix and no base45": ("KP1:abc", Reason.BAD_CODE),
    "our letters cut off": (card(2)[:-3], Reason.BAD_CODE),
    "forged": (forged(2), Reason.BAD_CODE),
    "another city's": (write_token(OTHER_CITYS_KEY, wire.member(2), 1), Reason.UNKNOWN_KEY),
    "of a key that was withdrawn": (write_token(wire.WITHDRAWN_MEMBER_KEY, wire.member(2), 1), Reason.UNKNOWN_KEY),
    "right to left": ("\u202eKP1:\u202c שלום", Reason.FOREIGN_CODE),
    "emoji": ("🐻🐻🐻", Reason.FOREIGN_CODE),
    "a space": (" ", Reason.FOREIGN_CODE),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_a_code_that_is_no_good_card_says_its_word_once_and_holds_nobody_up(journal: Journal, name: str) -> None:
    text, reason = BAD_TEXTS[name]

    outcomes = held_then_a_good_card(journal, picture_with(drawn(segno.make_qr(text, error="l", boost_error=False), 3)))

    assert outcomes[0] == NotUsable(reason)
    assert [type(outcome) for outcome in outcomes[1:]] == [Received]
    assert grants_in(journal) == [wire.grant(1)]


def test_bytes_that_are_no_text_in_any_encoding_are_no_card(journal: Journal) -> None:
    outcomes = held_then_a_good_card(
        journal, picture_with(drawn(segno.make_qr(b"\xff\xfe\x80\x81" * 20, error="m"), 6))
    )

    assert outcomes[:-1] == [NotUsable(Reason.FOREIGN_CODE)]
    assert isinstance(outcomes[-1], Received)


def test_a_micro_code_is_no_card(journal: Journal) -> None:
    outcomes = held_then_a_good_card(journal, picture_with(drawn(segno.make_micro("12345"), 12)))

    assert all(outcome == NotUsable(Reason.FOREIGN_CODE) for outcome in outcomes[:-1])
    assert isinstance(outcomes[-1], Received)


def test_a_lost_card_calls_staff_and_holds_nobody_up(journal: Journal) -> None:
    outcomes = held_then_a_good_card(journal, picture_of(card(99)))

    assert outcomes[0] == CallStaff(Reason.LOST_CARD)
    assert isinstance(outcomes[1], Received)
    assert grants_in(journal) == [wire.grant(1)]


@pytest.mark.parametrize(("expiry_day", "is_usable"), [(TODAY - 1, False), (TODAY, True)])
def test_an_expired_card_is_refused_once_the_hub_has_told_the_time(
    journal: Journal, expiry_day: int, *, is_usable: bool
) -> None:
    clock = HandClock()
    UplinkThread(journal, SmallHub(), clock, lambda: 0.5).turn()

    outcomes = held_then_a_good_card(journal, picture_of(card(2, expiry_day)), clock)

    assert isinstance(outcomes[0], Received if is_usable else NotUsable)
    assert is_usable or outcomes[0] == NotUsable(Reason.EXPIRED)
    assert isinstance(outcomes[1], Received)


def test_an_expired_card_is_honoured_while_nobody_but_the_machine_tells_the_time(journal: Journal) -> None:
    outcomes = held_then_a_good_card(journal, picture_of(card(2, TODAY - 400)))

    assert [type(outcome) for outcome in outcomes] == [Received, Received]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("EAN13", "4901234567894"),
        ("Code128", card(2)[:40]),
        ("DataMatrix", card(2)),
        ("Aztec", card(2)),
        ("PDF417", card(2)),
    ],
)
def test_a_good_card_in_another_kind_of_code_is_not_read_at_all(journal: Journal, kind: str, text: str) -> None:
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    picture = picture_with(np.asarray(zxingcpp.write_barcode_to_image(code, scale=2), np.uint8))

    outcomes = held_then_a_good_card(journal, picture)

    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [text]
    assert [type(outcome) for outcome in outcomes] == [Received]


@pytest.mark.parametrize("text", ["\x1b[2J\x07\x00\r\nKP1:", "https://example.jp/\x1b]0;title\x07", "KP1:\x00\x1b"])
def test_control_characters_reach_no_screen_and_hold_nobody_up(journal: Journal, text: str) -> None:
    picture = picture_with(drawn(segno.make_qr(text, error="m"), 6))

    scans = scanned(journal, [picture] * 8 + [picture_of(card(1))] * 4)

    said = "".join(screen.json_of(scan) + "".join(screen.lines_of(scan)) for scan in scans)
    assert not any(ord(character) < 32 for character in said)
    assert [type(scan.outcome) for scan in scans] == [NotUsable, Received]


NO_TEXTS: dict[str, str | bytes] = {
    "bytes": bytes(range(0, 255, 3)),
    "the beginning of a picture file": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "nothing but zeros": bytes(30),
    "our prefix and control characters": "KP1:\x00\x1b",
    "more than any code of ours may hold": "7" * 4_097,
}


@pytest.mark.parametrize("name", NO_TEXTS)
def test_a_code_without_text_is_said_to_be_none_of_ours_and_said_once_more(journal: Journal, name: str) -> None:
    code = segno.make_qr(NO_TEXTS[name], error="l", boost_error=False)
    picture, good = picture_with(drawn(code, 3)), picture_of(card(1))

    scans = scanned(journal, [picture] * (2 * REPEAT_MS // FRAME_MS) + [good] * (SWAP_MS // FRAME_MS + 1))

    assert [scan.outcome for scan in scans[:-1]] == [NotUsable(Reason.FOREIGN_CODE)] * 2
    assert isinstance(scans[-1].outcome, Received)


def test_a_code_without_text_never_comes_before_a_member_code_however_small(journal: Journal) -> None:
    both = picture_of("", card(1))
    without_text = drawn(segno.make_qr(bytes(range(0, 255, 3)), error="l"), 9)
    both[-without_text.shape[0] :, -without_text.shape[1] :] = without_text

    scans = scanned(journal, [both] * 10)

    assert [shown.text for shown in CodeReader().sight(both).codes] == ["", card(1)]
    assert [type(scan.outcome) for scan in scans] == [Received]


def test_a_card_out_of_focus_receives_before_a_poster_that_is_read_all_the_time(journal: Journal) -> None:
    stand = Stand(np.random.default_rng(4))
    shown = stand.show(card(1), "card")

    def seen(picture: Gray) -> Gray:
        gray = np.asarray(cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 3.6), np.uint8)
        poster = drawn(segno.make_qr("https://poster.example/"), 5)
        gray[: poster.shape[0], : poster.shape[1]] = poster
        return gray

    nobody = [seen(stand.frame(None)) for _ in range(10)]
    people = [seen(stand.frame(shown)) for _ in range(8)]
    scans = scanned(journal, nobody + people)

    assert [CodeReader().read(picture) for picture in nobody + people] == [["https://poster.example/"]] * 18
    assert [type(scan.outcome) for scan in scans] == [NotUsable, Received]
    assert grants_in(journal) == [wire.grant(1)]


def poster_of(texts: Sequence[str]) -> list[Gray]:
    """Return pictures of one poster with all these codes in one size; other ones are behind somebody in each."""
    poster = np.full((1080, 1980), 255, np.uint8)
    for number, text in enumerate(texts):
        code = drawn(segno.make_qr(text, error="m", boost_error=False), 2, margin=0)
        top, left = 8 + number // 20 * 106, 8 + number % 20 * 98
        poster[top : top + code.shape[0], left : left + code.shape[1]] = code
    pictures = []
    for hidden_from in range(0, 1_980, 500):
        pictures.append(poster.copy())
        pictures[-1][:, hidden_from : hidden_from + 500] = 90
    return pictures


@pytest.mark.parametrize("are_good", [True, False])
def test_two_hundred_codes_on_one_poster_are_one_answer(journal: Journal, *, are_good: bool) -> None:
    key = wire.MEMBER_KEY if are_good else OTHER_CITYS_KEY
    pictures = poster_of([write_token(key, wire.member(person), 1) for person in range(100, 300)])
    read = [set(CodeReader().read(picture)) for picture in pictures]

    scans = scanned(journal, pictures * 2)

    assert len(set().union(*read)) > 5
    assert not set.intersection(*read)
    assert len(scans) == 1
    assert len(grants_in(journal)) == are_good


def test_a_film_of_a_card_played_again_and_again_is_one_grant(journal: Journal) -> None:
    """A card has no freshness: whoever films it may play it. It is worth what the card is worth that day: once."""
    nobody = [picture_of()] * (GONE_MS // FRAME_MS + 1)
    film = [*[picture_of(card(1))] * 5, *nobody]

    scans = scanned(journal, film * 3)

    assert [type(scan.outcome) for scan in scans] == [Received, AlreadyReceived, AlreadyReceived]
    assert grants_in(journal) == [wire.grant(1)]


def test_a_poster_behind_the_people_holds_none_of_them_up(journal: Journal) -> None:
    pictures = [picture_of("https://poster.example/", card(person)) for person in (1, 2, 3)]
    poster = picture_of("https://poster.example/")
    turns = [picture for people in pictures for picture in [people] * 10 + [poster] * 10]

    scans = scanned(journal, [*[poster] * 10, *turns])

    assert [grant.member for grant in grants_in(journal)] == [wire.member(person) for person in (1, 2, 3)]
    assert sum(scan.outcome == NotUsable(Reason.FOREIGN_CODE) for scan in scans) == 1


def test_a_bad_card_left_before_the_camera_is_said_twice_and_a_nearer_good_one_receives(journal: Journal) -> None:
    left_lying, both = picture_of(forged(2)), picture_of(card(1), forged(2))

    scans = scanned(journal, [left_lying] * (2 * REPEAT_MS // FRAME_MS))
    later = scanned(journal, [both] * 5)

    assert [scan.outcome for scan in scans] == [NotUsable(Reason.BAD_CODE)] * 2
    assert [type(scan.outcome) for scan in later] == [Received]


def test_people_before_and_after_a_broken_picture_are_granted(tmp_path: Path, journal: Journal) -> None:
    first, second = (jpeg(picture_of(card(person))) for person in (1, 2))
    nobody = jpeg(picture_of()) * 4
    without_tables = first[: first.index(b"\xff\xdb")] + first[first.index(b"\xff\xda") :]
    broken = first[: len(first) // 2] + without_tables + bytes(range(256)) * 8
    (tmp_path / "film.mjpeg").write_bytes(first * 3 + nobody + broken + nobody + second * 3)
    clock, scans, reader = HandClock(), list[Scan](), CodeReader()

    with Frames(lambda: open_camera(str(tmp_path / "film.mjpeg")), clock) as frames:
        booth = Booth(journal, clock, STATION)
        loop = ScanLoop(booth, frames, TypedLines(None), reader.sight, clock, scans.append)
        loop.run(lambda: False, lambda: None)

    assert [type(scan.outcome) for scan in scans] == [Received, Received]
    assert grants_in(journal) == [wire.grant(1), wire.grant(2)]


def jpeg(picture: Gray) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()
