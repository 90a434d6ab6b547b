"""The participant's screen in a real browser: cards, numbers, scanners, languages, windows, ends and returns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
import wire_samples as wire
from browser_page import Complaints, violations
from kiosk_booth import STATION, HandClock, enrolled, picture_of
from kiosk_screens import RESULTS, SCENES, TROUBLES, booth_page
from kiosk_screens import Booth as BoothPage
from kiosk_window import DISCONNECTED, go, opened, show, wait_for_board, words_of
from playwright.sync_api import BrowserContext, Page, expect

from kiosk.board import RESULT_MS
from kiosk.booth import Booth
from kiosk.camera import Frame, Gray
from kiosk.catalogue import plain, read_catalogues
from kiosk.decode import CodeReader
from kiosk.face import new_face
from kiosk.feed import TypedLines
from kiosk.run import ScanLoop
from kiosk.sentences import Sentence
from kiosk.sight import CameraState, Sight, Unread
from kiosk.typed import Typed
from sync.member import printed
from sync.token import write_token


class HeldUp:
    """A camera of which the test says what it sees, one frame for each turn."""

    def __init__(self) -> None:
        self.has_ended = False
        self.state = CameraState.GOOD
        self.picture: Gray | None = picture_of()

    def next(self) -> Frame | None:
        return Frame(self.picture, 1) if self.picture is not None else None


class LiveBooth:
    """The real loop on a real journal, turned by hand, beside its real page."""

    def __init__(self, folder: Path, page: Page) -> None:
        self.page, self.clock, self.face, self.camera = page, HandClock(), new_face(), HeldUp()
        self._journal = enrolled(folder / "journal.db")
        self.booth = Booth(self._journal, self.clock, STATION)
        self.sights: list[Sight] = []
        self.loop = ScanLoop(
            self.booth, self.camera, TypedLines(None), self._sight, self.clock, lambda _: None, self.face, runs_on=True
        )
        self._read = CodeReader().sight

    def close(self) -> None:
        self._journal.close()

    def turn(self, milliseconds: int = 66) -> None:
        self.clock.turn(milliseconds)
        self.loop.turn()

    def see(self, *texts: str) -> None:
        """Hold these codes before the camera for one frame."""
        self.camera.picture = picture_of(*texts)
        self.turn()

    def _sight(self, gray: Gray) -> Sight:
        return self.sights.pop(0) if self.sights else self._read(gray)


@pytest.fixture
def live(tmp_path: Path, page: Page) -> Iterator[LiveBooth]:
    with closing(LiveBooth(tmp_path, page)) as live:
        live.turn()
        with booth_page(face=live.face, clock=live.clock) as served:
            go(page, served)
            yield live
            page.goto("about:blank")


def card(person: int) -> str:
    return write_token(wire.MEMBER_KEY, wire.member(person), 1)


def test_a_page_that_is_opened_or_changed_while_a_result_stands_stays_silent(page: Page) -> None:
    with opened(page) as booth:
        show(page, booth, RESULTS["received"])
        sounded = page.locator("body").get_attribute("data-sounded")
        page.get_by_role("link", name="English").click()

        expect(page.locator("h1")).to_have_text("Points received")
        wait_for_board(page, booth)
        again = page.locator("body").get_attribute("data-sounded")

    assert (sounded, again) == ("received", None)


def test_a_card_before_the_camera_is_answered_on_the_screen(live: LiveBooth) -> None:
    live.see(card(1))

    expect(live.page.locator("body")).to_have_attribute("data-state", "received")
    assert words_of(live.page, "h1") == "受けとりました"
    assert words_of(live.page, ".points .number, .about.points .number") == "10"

    live.see()
    live.turn(RESULT_MS)
    expect(live.page.locator("body")).to_have_attribute("data-state", "idle")
    live.turn(4_000)
    live.see(card(1))

    expect(live.page.locator("body")).to_have_attribute("data-state", "already_received")
    assert words_of(live.page, ".about >> nth=0") == "09:00に受けとりました"
    assert words_of(live.page, ".about >> nth=1") == "お手伝い 10ポイント"


def test_a_result_goes_after_eight_seconds_by_the_booths_own_clock(live: LiveBooth) -> None:
    body = live.page.locator("body")
    live.see(card(1))
    live.see()

    live.turn(RESULT_MS - 67)
    expect(body).to_have_attribute("data-state", "received")
    live.turn(1)

    expect(body).to_have_attribute("data-state", "idle")
    assert words_of(live.page, "h1") == "カードかスマホを、ここに見せてください"


def test_two_cards_at_once_the_next_person_is_asked_to_wait(live: LiveBooth) -> None:
    live.see(card(1), card(2))
    live.see(card(1), card(2))

    expect(live.page.locator("#band")).to_contain_text("ちください")
    expect(live.page.locator("body")).to_have_attribute("data-state", "received")


def test_a_code_that_is_seen_and_not_read_is_coached_after_three_seconds(live: LiveBooth) -> None:
    states = []
    live.sights = [Sight((), Unread(60.0, 130.0)) for _ in range(60)]
    for _ in range(60):
        live.turn(66)
        states.append(live.face.board.now.showing.state)

    assert list(dict.fromkeys(states)) == ["idle", "seen", "hint"]
    assert 3_000 <= states.index("hint") * 66 <= 3_400
    expect(live.page.locator("body")).to_have_attribute("data-state", "hint")
    assert words_of(live.page, "h1") == "もう少し近づけてください"


def test_the_camera_has_gone_and_a_number_typed_by_keyboard_is_granted(live: LiveBooth) -> None:
    live.camera.state, live.camera.picture = CameraState.GONE, None
    live.turn()
    expect(live.page.locator("#camera")).to_contain_text("カメラがつながっていません")

    live.page.keyboard.type(printed(wire.member(1)).replace(" ", ""))
    with live.page.expect_response("**/typed"):
        live.page.keyboard.press("Enter")
    live.turn()

    expect(live.page.locator("body")).to_have_attribute("data-state", "received")
    expect(live.page.locator("#pad")).to_be_hidden()


def test_a_number_typed_on_the_pad_is_granted(live: LiveBooth) -> None:
    digits = printed(wire.member(1)).replace(" ", "")
    live.page.locator("#open-pad").click()
    for digit in digits[:3] + "9":
        live.page.locator(f"[data-key='{digit}']").click()
    live.page.locator("[data-key='delete']").click()
    for digit in digits[3:]:
        live.page.locator(f"[data-key='{digit}']").click()
    groups = [words.replace(" ", "") for words in live.page.locator(".group").all_text_contents()]
    with live.page.expect_response("**/typed"):
        live.page.locator("[data-key='enter']").click()
    live.turn()

    assert groups == [digits[:4], digits[4:8], digits[8:12], digits[12:]]
    expect(live.page.locator("body")).to_have_attribute("data-state", "received")


@pytest.mark.parametrize("between", [" ", "-", "ー", "–"])
def test_a_number_may_be_typed_as_it_is_printed(live: LiveBooth, between: str) -> None:
    number = printed(wire.member(1)).replace(" ", between)

    live.page.keyboard.type(number)
    with live.page.expect_response("**/typed"):
        live.page.keyboard.press("Enter")
    live.turn()

    expect(live.page.locator("body")).to_have_attribute("data-state", "received")


def test_a_mistyped_number_is_said_and_the_next_one_is_granted(live: LiveBooth) -> None:
    for number, state in (("11111111111111", "call_staff"), (str(wire.member(1)).zfill(14), "received")):
        live.page.keyboard.type(number)
        with live.page.expect_response("**/typed"):
            live.page.keyboard.press("Enter")
        live.turn()

        expect(live.page.locator("body")).to_have_attribute("data-state", state)


def test_the_pad_tells_what_is_missing_and_sends_nothing_until_it_is_there(page: Page) -> None:
    with opened(page) as booth:
        page.keyboard.type("403")
        expect(page.locator("#pad [data-left]:visible")).to_have_text("あと11けた")
        page.keyboard.press("Enter")
        expect(page.locator("#pad")).to_be_visible()
        page.keyboard.press("Escape")

        expect(page.locator("#pad")).to_be_hidden()
        assert booth.face.keys.take(0) is None


def test_the_pad_closes_by_itself_when_nobody_types_any_more(page: Page) -> None:
    page.clock.install()
    with opened(page) as booth:
        page.locator("#open-pad").click()
        pass_time(page, booth, 24_000)
        page.keyboard.type("4")
        pass_time(page, booth, 29_000)
        expect(page.locator("#pad")).to_be_visible()

        pass_time(page, booth, 2_000)

        expect(page.locator("#pad")).to_be_hidden()


def pass_time(page: Page, booth: BoothPage, milliseconds: int) -> None:
    """Turn the page's clock; now and then it hears of the booth, as in real time."""
    for number, start in enumerate(range(0, milliseconds, 6_000)):
        page.clock.fast_forward(min(6_000, milliseconds - start))
        show(page, booth, SCENES["waiting" if number % 2 else "idle"])


def test_a_result_closes_the_pad_of_whoever_went_away(page: Page) -> None:
    with opened(page) as booth:
        page.locator("#open-pad").click()

        show(page, booth, RESULTS["received"])

        expect(page.locator("#pad")).to_be_hidden()


JIS: Final = {":": "+", "+": "~", "*": "(", "=": "^"}
"""What a Japanese system makes of a US scanner's keys."""
US_PLACES: Final = {
    " ": ("Space", False), "$": ("Digit4", True), "%": ("Digit5", True), "*": ("Digit8", True), "+": ("Equal", True),
    "-": ("Minus", False), ".": ("Period", False), "/": ("Slash", False), ":": ("Semicolon", True),
}  # fmt: skip
JIS_PLACES: Final = {**US_PLACES, ":": ("Quote", False), "+": ("Semicolon", True), "*": ("Quote", True)}
BASE45: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def strokes(text: str, *, scanner: str, system: str) -> list[dict[str, object]]:
    """The key events of a scanner set to one layout on a system set to another; "ime" hides what the keys mean."""
    events = []
    for sign in text:
        places = US_PLACES if scanner == "us" else JIS_PLACES
        place = f"Digit{sign}" if sign.isdigit() else f"Key{sign}"
        code, shift = places.get(sign, (place, sign.isalpha()))
        key = JIS.get(sign, sign) if (scanner, system) == ("us", "jis") else sign
        events.append({"code": code, "shiftKey": shift, "key": "Process" if system == "ime" else key})
    return [*events, {"code": "Enter", "key": "Enter"}]


def scan_by_hand(page: Page, events: list[dict[str, object]]) -> None:
    page.evaluate(
        "events => events.forEach(e => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {...e, bubbles: true, cancelable: true})))",
        events,
    )


@pytest.mark.parametrize(("scanner", "system"), [("us", "us"), ("us", "jis"), ("jis", "jis"), ("us", "ime")])
@pytest.mark.parametrize("is_pad_open", [False, True])
def test_a_hand_held_scanner_is_understood_whatever_the_layouts(
    page: Page, scanner: str, system: str, *, is_pad_open: bool
) -> None:
    text = f"KP1:{BASE45}"
    with opened(page) as booth:
        if is_pad_open:
            page.locator("#open-pad").click()

        with page.expect_response("**/typed"):
            scan_by_hand(page, strokes(text, scanner=scanner, system=system))

        assert booth.face.keys.take(0) == Typed(code=text)
        expect(page.locator("#pad")).to_be_hidden()


def test_a_foreign_code_scanned_by_hand_is_answered_and_opens_no_pad(page: Page) -> None:
    text = "12345 HTTPS://POSTER.EXAMPLE/1"
    with opened(page) as booth:
        with page.expect_response("**/typed"):
            scan_by_hand(page, strokes(text, scanner="us", system="us"))

        assert booth.face.keys.take(0) == Typed(code=text)
        expect(page.locator("#pad")).to_be_hidden()


def test_a_scanned_card_is_granted(live: LiveBooth) -> None:
    with live.page.expect_response("**/typed"):
        scan_by_hand(live.page, strokes(card(1), scanner="us", system="jis"))
    live.turn()

    expect(live.page.locator("body")).to_have_attribute("data-state", "received")


def test_somebody_changes_the_language_and_the_next_person_finds_the_usual_one(page: Page) -> None:
    page.clock.install()
    with opened(page) as booth:
        show(page, booth, SCENES["idle"])
        page.get_by_role("link", name="Tiếng Việt").click()
        expect(page.locator("html")).to_have_attribute("lang", "vi")
        wait_for_board(page, booth)
        vietnamese = words_of(page, "h1")
        font = page.locator("h1").evaluate("e => getComputedStyle(e).fontFamily")

        pass_time(page, booth, 66_000)

        expect(page.locator("html")).to_have_attribute("lang", "ja")

    assert vietnamese == plain(read_catalogues()["vi"].say(Sentence.INVITE))
    assert "Be Vietnam Pro" in font


def test_a_booth_set_to_another_language_begins_in_it(page: Page) -> None:
    with booth_page(lang="en") as booth:
        page.goto(booth.address)
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.goto("about:blank")


def test_what_waits_is_told_calmly_since_when(page: Page) -> None:
    with opened(page) as booth:
        show(page, booth, SCENES["idle"])
        sent = words_of(page, "#waiting")

        show(page, booth, SCENES["waiting"])

        assert sent == "すべて送りました"
        assert words_of(page, "#waiting") == "37件、ここにあります 10:32から ポイントはだいじょうぶです。あとで送ります"
        assert page.locator("#waiting").get_attribute("data-count") == "37"


@pytest.mark.parametrize("state", [state for state in CameraState if state is not CameraState.GOOD])
def test_a_camera_that_is_not_well_is_said_with_what_to_do(page: Page, state: CameraState) -> None:
    with opened(page) as booth:
        show(page, booth, TROUBLES[f"camera_{state.value}"])

        expect(page.locator("#open-pad")).to_be_visible()
        assert len(page.locator("#camera p").all()) == (0 if state is CameraState.NONE else 3)


def test_the_camera_picture_comes_and_goes_with_the_camera(live: LiveBooth) -> None:
    picture = live.page.locator("#picture")
    for _ in range(3):
        with live.page.expect_response("**/picture.jpg*"):
            live.turn(500)
    expect(picture).to_be_visible()
    width = picture.evaluate("e => e.naturalWidth")

    live.camera.state, live.camera.picture = CameraState.BLACK, None
    live.turn()

    expect(picture).to_be_hidden()
    assert width == 480
    assert live.face.mirror.take() == b""


def test_the_picture_of_one_person_is_gone_before_the_next_one_comes(live: LiveBooth) -> None:
    picture = live.page.locator("#picture")
    for _ in range(3):
        with live.page.expect_response("**/picture.jpg*"):
            live.turn(500)
    expect(picture).to_be_visible()

    live.see(card(1))

    expect(picture).not_to_have_attribute("src", re.compile("."))


def test_what_lies_behind_the_number_pad_is_out_of_reach_of_the_keyboard(live: LiveBooth) -> None:
    live.page.locator("#open-pad").click()
    is_out_of_reach = live.page.evaluate("['header', 'main', 'footer'].map((e) => document.querySelector(e).inert)")

    live.page.keyboard.press("Escape")

    assert is_out_of_reach == [True, True, True]
    expect(live.page.locator("#open-pad")).to_be_focused()


def test_two_windows_show_the_same(page: Page, context: BrowserContext) -> None:
    other = context.new_page()
    with opened(page) as booth:
        go(other, booth, "en")
        show(page, booth, RESULTS["todays_limit"])
        wait_for_board(other, booth)

        states = [window.locator("body").get_attribute("data-state") for window in (page, other)]
        other.close()

    assert states == ["todays_limit", "todays_limit"]


def test_a_fourth_window_puts_the_first_to_rest_until_it_is_wanted_again(page: Page, context: BrowserContext) -> None:
    others = [context.new_page() for _ in range(3)]
    with opened(page) as booth:
        for other in others:
            go(other, booth)
        expect(page.locator("#elsewhere")).to_be_visible()
        assert violations(page) == []

        page.locator("#use-here").click()

        expect(page.locator("#elsewhere")).to_be_hidden()
        expect(others[0].locator("#elsewhere")).to_be_visible()
        show(page, booth, RESULTS["received"])
        for other in others:
            other.close()


def test_a_screen_whose_booth_was_closed_says_so_and_comes_back_by_itself(page: Page, complaints: Complaints) -> None:
    for words in DISCONNECTED:
        complaints.allow(words)
    with booth_page() as booth:
        go(page, booth)
        port = int(booth.address.rsplit(":", 1)[1].rstrip("/"))
    expect(page.locator("#closed")).to_be_visible()

    with booth_page(port=port, run="run 2") as again:
        expect(page.locator("body")).to_have_attribute("data-run", "run 2")
        expect(page.locator("#closed")).to_be_hidden()
        expect(page.locator("#lost")).to_be_hidden()
        show(page, again, RESULTS["received"])

        expect(page.locator("body")).to_have_attribute("data-state", "received")
        page.goto("about:blank")


def test_a_screen_whose_program_has_gone_without_a_word_says_so_and_comes_back(
    page: Page, complaints: Complaints
) -> None:
    for words in DISCONNECTED:
        complaints.allow(words)
    with opened(page) as booth:
        page.route("**/events*", lambda route: route.abort("connectionrefused"))
        break_off(booth)
        expect(page.locator("#lost")).to_be_visible()

        page.unroute("**/events*")

        expect(page.locator("#lost")).to_be_hidden()
        show(page, booth, RESULTS["received"])


def break_off(booth: BoothPage) -> None:
    """Let every stream end in the middle, as a program does that is killed."""
    for ticket in tuple(booth.streams._open):
        ticket.is_over, ticket.last_word = True, "beat"
    booth.face.board.nudge()


def test_a_stream_that_breaks_for_a_moment_is_taken_up_again_without_a_word(page: Page, complaints: Complaints) -> None:
    for words in DISCONNECTED:
        complaints.allow(words)
    with booth_page() as booth:
        go(page, booth)
        page.evaluate("window.isSame = true")
        with page.expect_request("**/events*"):
            break_off(booth)
        show(page, booth, RESULTS["received"])

        expect(page.locator("#lost")).to_be_hidden()
        assert page.evaluate("window.isSame")
        page.goto("about:blank")


def test_a_silent_stream_counts_as_broken(page: Page, complaints: Complaints) -> None:
    for words in DISCONNECTED:
        complaints.allow(words)
    page.clock.install()
    with opened(page):
        page.route("**/events*", lambda route: route.abort("connectionrefused"))

        page.clock.run_for(15_000)

        expect(page.locator("#lost")).to_be_visible()
