"""The desk in a real Chromium, as the clerk meets it: by the link, the first page, down to a record, by keyboard alone,
on a phone and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from browser_page import Complaints, violations
from desk_scene import NEW_BOOTH, Scene, busy, without_clock
from desk_window import NARROW, WIDE, Window, desk_window
from hub_world import World
from playwright.sync_api import Locator, Page, expect
from wire_samples import sample_key

from hub.store.database import Store
from sync.certificate import kiosk_identity
from sync.enrolment import digits_to_compare

FIVE: Final = ("処理待ち", "反映済み", "重複", "要確認", "取り消し")
NUMBERS: Final = re.compile(r"(?<=/)(?:[0-9a-f]{16,}|\d+)(?=/|$)")


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


@pytest.fixture
def scene(world: World) -> Scene:
    return busy(world)


@pytest.fixture
def desk(world: World, page: Page) -> Iterator[Window]:
    """The desk, with somebody signed in."""
    with desk_window(world, page) as window:
        window.sign_in()
        yield window


def pair(cell: Locator) -> tuple[int, int]:
    """Return the grants and points of a cell of the equation."""
    numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", cell.inner_text())]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


def equation(page: Page, name: str) -> dict[str, tuple[int, int]]:
    """Return what stands in a kiosk's line: what it signed, and what became of that."""
    line = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
    return {word: pair(line.locator(f"[data-label='{word}']")) for word in ("端末が付けた", *FIVE)}


def sum_of_five(found: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return (sum(found[word][0] for word in FIVE), sum(found[word][1] for word in FIVE))


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as somebody without a mouse does; it must show that it has it."""
    for _ in range(80):
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {target}")


def kinds_of_page(desk: Window) -> list[str]:
    """Return the paths of the desk's pages found by following links from the first, one of each kind."""
    waiting, seen, paths = ["/desk/"], {"/desk/"}, []
    while waiting:
        path = waiting.pop(0)
        desk.open(path)
        paths.append(path)
        for link in desk.page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            found = link.removeprefix(desk.url).partition("#")[0]
            kind = NUMBERS.sub("…", found)
            if kind not in seen and not found.endswith(".pdf"):
                seen.add(kind)
                waiting.append(found)
    return paths


# the first page


def test_by_the_link_one_comes_to_a_first_page_that_has_nothing_to_decide_today(world: World, page: Page) -> None:
    with desk_window(world, page) as desk:
        desk.sign_in()

        expect(page.get_by_role("heading", level=1)).to_contain_text("いまの様子")
        expect(page.get_by_text("きょう決めることはありません。")).to_be_visible()
        expect(page.get_by_text("2026年11月14日(土) 9:00 現在")).to_be_visible()
        assert page.locator(".todos").count() == 0


def test_a_link_that_was_used_says_so(world: World, page: Page, complaints: Complaints) -> None:
    complaints.allow("403 (FORBIDDEN)")
    with desk_window(world, page) as desk:
        used = desk.link
        desk.sign_in()
        page.get_by_role("button", name="サインアウト").click()
        page.wait_for_url("**/desk/sign-in")

        page.goto(used)
        page.get_by_role("button", name="窓口を開く").click()

        expect(page.get_by_role("alert")).to_contain_text("このリンクは使えません")
        assert violations(page) == []


def test_the_first_page_says_what_there_is_to_decide_and_each_sentence_leads_there(scene: Scene, desk: Window) -> None:
    sentences = desk.page.locator(".todos a")
    expect(sentences).to_have_count(7)

    headings = []
    for number in range(7):
        leads_to = sentences.nth(number).get_attribute("href")
        sentences.nth(number).click()
        desk.page.wait_for_url(f"{desk.url}{leads_to}")
        headings.append(desk.page.get_by_role("heading", level=1).inner_text().replace("\n", " "))
        desk.page.go_back()

    assert [heading.split(" ")[0] for heading in headings] == [
        *("端末「見本通り", f"端末「{NEW_BOOTH}」を登録する", "端末「見本公園"),
        *("登録のない番号", "ポイントが決まりと違う", "端末枠をこえた付与", "時刻がイベントの外"),
    ]


def test_each_kiosks_equation_holds_in_count_and_points(scene: Scene, desk: Window) -> None:
    names = ("見本会館 受付1", "見本公園 入口", "見本通り 屋台", "見本小学校 体育館", "見本駅前")

    found = {name: equation(desk.page, name) for name in names}

    assert found["見本会館 受付1"] == {
        "端末が付けた": (18, 920),
        "処理待ち": (0, 0),
        "反映済み": (13, 650),
        "重複": (0, 0),
        "要確認": (4, 220),
        "取り消し": (1, 50),
    }
    assert {name: sum_of_five(line) for name, line in found.items()} == {
        name: line["端末が付けた"] for name, line in found.items()
    }
    total = equation(desk.page, "合計")
    assert total["端末が付けた"] == sum_of_five(total) == (38, 1_920)


# down to the record


def test_a_held_record_is_opened_from_the_first_page_and_posted_with_a_reason(scene: Scene, desk: Window) -> None:
    page = desk.page
    page.get_by_role("link", name="時刻がイベントの日時に合わない付与が 2件").click()
    page.get_by_role("link", name="2 番を開く").click()
    expect(page.locator(".outcome")).to_contain_text("要確認")

    page.get_by_role("textbox", name="理由").fill("会場に電話で確かめた")
    page.get_by_role("button", name="反映する").click()

    expect(page.get_by_role("status")).to_contain_text("反映しました")
    expect(page.locator(".outcome")).to_contain_text("反映済み")
    expect(page.locator("section", has_text="人が決めたこと")).to_contain_text("会場に電話で確かめた")
    expect(page.locator("section", has_text="人が決めたこと")).to_contain_text("担当 3")
    page.get_by_role("link", name="いまの様子").click()
    after = equation(page, "見本小学校 体育館")
    assert (after["反映済み"], after["要確認"], after["端末が付けた"]) == ((1, 50), (1, 50), (2, 100))
    assert sum_of_five(after) == after["端末が付けた"]
    assert scene.world.balance(scene.world.members[30]) == 50


def test_chosen_records_are_dismissed_and_listed_with_their_reason(scene: Scene, desk: Window) -> None:
    page = desk.page
    desk.open(f"/desk/held/{scene.late.kiosk.hex()}/time")
    page.get_by_label("記録 2 番をえらぶ").check()
    page.get_by_role("textbox", name="理由").fill("練習だった")

    page.get_by_role("button", name="取り消しにする").click()
    expect(page.get_by_role("status")).to_contain_text("1件を取り消しにしました")
    page.get_by_role("link", name="いまの様子").click()
    page.get_by_role("row").filter(has_text="見本小学校 体育館").locator("[data-label='取り消し'] a").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("端末「見本小学校 体育館」の取り消し")
    expect(page.get_by_role("row").filter(has_text="練習だった")).to_contain_text("窓口で取り消しにしました")
    assert scene.world.verdicts(scene.late) == {"held": (1, 50), "dismissed": (1, 50)}


def test_a_decision_without_a_reason_is_not_sent(scene: Scene, desk: Window) -> None:
    page = desk.page
    desk.open(f"/desk/held/{scene.late.kiosk.hex()}/time")
    page.get_by_label("記録 2 番をえらぶ").check()

    page.get_by_role("button", name="取り消しにする").click()

    expect(page.get_by_role("textbox", name="理由")).to_be_focused()
    assert page.get_by_role("textbox", name="理由").evaluate("field => field.validity.valueMissing")
    assert scene.world.verdicts(scene.late) == {"held": (2, 100)}


def test_what_the_hub_refuses_stands_at_the_head_and_beside_the_field(
    scene: Scene, desk: Window, complaints: Complaints
) -> None:
    complaints.allow("400 (BAD REQUEST)")
    page = desk.page
    desk.open(f"/desk/held/{scene.late.kiosk.hex()}/time")
    page.get_by_role("textbox", name="理由").fill("何もえらばない")

    page.get_by_role("button", name="取り消しにする").click()

    expect(page.get_by_role("alert")).to_contain_text("できませんでした。1件以上えらんでください")
    expect(page.locator("#entries-wrong")).to_be_visible()
    expect(page.get_by_role("textbox", name="理由")).to_have_value("何もえらばない")
    assert violations(page) == []


# the registers


def test_an_organisation_is_added_by_keyboard_alone(world: World, desk: Window) -> None:
    page = desk.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="本文へ")).to_be_in_viewport()
    tab_to(page, page.get_by_role("link", name="団体と付与枠").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("団体と付与枠")

    form = page.locator("form", has=page.get_by_role("heading", name="団体を加える"))
    tab_to(page, form.get_by_label("名前"))
    page.keyboard.type("見本団体2")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(form.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator(".plain li", has_text="見本団体2")).to_contain_text("協力団体")


def test_an_allotment_an_event_and_numbers_are_made_and_a_kiosk_is_invited(world: World, desk: Window) -> None:
    page = desk.page
    desk.open("/desk/organisations/")
    allot = page.locator("form", has=page.get_by_role("heading", name="付与枠を作る"))
    allot.get_by_label("名前").fill("清掃活動")
    allot.get_by_label("ポイント").fill("5,000")
    allot.get_by_label("理由").fill("令和8年度の予算")
    allot.get_by_role("button").click()
    expect(page.get_by_role("row").filter(has_text="清掃活動")).to_contain_text("5,000")

    page.get_by_role("link", name="イベント", exact=False).first.click()
    page.get_by_role("link", name="イベントを加える").click()
    page.get_by_label("名前").first.fill("見本清掃")
    page.get_by_label("始まり").fill("2026-11-20T09:00")
    page.get_by_label("終わり").fill("2026-11-20T12:00")
    first = page.get_by_role("group", name="活動 1")
    first.get_by_label("活動", exact=False).first.fill("ごみ拾い")
    first.get_by_role("textbox", name="ポイント").fill("100")
    page.get_by_role("button", name="加える").click()
    expect(page.get_by_text("見本清掃").first).to_be_visible()

    page.get_by_role("link", name="利用者とカード").first.click()
    page.get_by_label("人数").fill("3")
    page.get_by_role("button", name="作る").click()
    expect(page.get_by_role("status")).to_contain_text("3人分の番号とカードを作りました")

    page.get_by_role("link", name="端末").first.click()
    page.get_by_label("端末の名前").fill("見本図書館")
    page.get_by_role("button", name="コードを出す").click()
    expect(page.get_by_role("img", name="端末に見せるコード")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("見本図書館")


def test_a_kiosk_is_let_in_after_its_characters_were_compared(scene: Scene, desk: Window) -> None:
    page = desk.page
    page.get_by_role("link", name=f"端末「{NEW_BOOTH}」が登録を待っています").click()
    key = sample_key(NEW_BOOTH).public
    expect(page.locator(".digits")).to_have_text(digits_to_compare(key))

    page.get_by_label("見本まつり").check()
    page.get_by_label("端末枠").fill("300")
    page.get_by_label("予備").fill("100")
    page.get_by_role("checkbox", name="16文字").check()
    page.get_by_role("button", name="登録する", exact=False).first.click()

    expect(page.get_by_role("status")).to_contain_text(f"端末「{NEW_BOOTH}」を登録しました")
    assert kiosk_identity(key).hex() in page.url


# everybody can use it


def test_every_page_can_be_used_by_everybody_at_a_desk_and_on_a_small_phone(scene: Scene, desk: Window) -> None:
    paths = kinds_of_page(desk)

    found, too_wide = [], []
    for path in paths:
        desk.open(path)
        for window in (WIDE, NARROW):
            desk.page.set_viewport_size(window)
            found += [(path, window["width"], violation) for violation in violations(desk.page)]
        if desk.page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]:
            too_wide.append(path)

    assert len(paths) >= 24
    assert found == []
    assert too_wide == []


def test_a_page_with_every_act_open_can_be_used_by_everybody(scene: Scene, desk: Window) -> None:
    kiosks = (without_clock(scene.world), scene.gap, scene.short)
    paths = [f"/desk/kiosks/{booth.kiosk.hex()}" for booth in kiosks]
    paths += [f"/desk/members/{scene.world.members[0]}", "/desk/organisations/", f"/desk/events/{scene.world.event}"]

    desk.page.emulate_media(reduced_motion="reduce")  # what opens fades in; its colours count once it is there
    found, too_wide = [], []
    for path in paths:
        desk.open(path)
        desk.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        for window in (WIDE, NARROW):
            desk.page.set_viewport_size(window)
            found += [(path, window["width"], violation) for violation in violations(desk.page)]
        if desk.page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]:
            too_wide.append(path)

    assert found == []
    assert too_wide == []


def test_what_an_act_takes_back_is_shown_by_keyboard_alone_and_then_done(scene: Scene, desk: Window) -> None:
    page = desk.page
    desk.open(f"/desk/records/{scene.short.kiosk.hex()}/3/{scene.short.entries[2].hash.hex()}")
    tab_to(page, page.get_by_role("textbox", name="理由"))
    page.keyboard.type("別の人だった")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1件の付与が変わります。1人が 50ポイントを失います。")).to_be_visible()
    found = violations(page)
    page.set_viewport_size(NARROW)
    found += violations(page)

    tab_to(page, page.get_by_role("button", name="取り戻して行う"))
    page.keyboard.press("Enter")

    expect(page.locator(".outcome")).to_contain_text("取り消し")
    assert found == []
    assert scene.world.balance(scene.world.members[1]) == 0


def test_an_act_is_opened_and_done_by_keyboard_alone(scene: Scene, desk: Window) -> None:
    page = desk.page
    desk.open(f"/desk/kiosks/{scene.late.kiosk.hex()}")

    tab_to(page, page.locator("summary", has_text="端末枠を追加する"))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("1,000")
    page.keyboard.press("Tab")
    page.keyboard.type("人が多い")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("端末枠に 1,000 ポイントを追加しました")


def test_two_quick_clicks_sign_in_once_and_let_the_clerk_in(world: World, page: Page) -> None:
    with desk_window(world, page) as desk:
        page.goto(desk.link)

        page.get_by_role("button", name="窓口を開く").dblclick()

        page.wait_for_url(f"{desk.url}/desk/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("いまの様子")


def test_pages_that_are_not_there_can_be_read_by_everybody(desk: Window, complaints: Complaints) -> None:
    complaints.allow("404 (NOT FOUND)")

    desk.open("/desk/nothing")

    expect(desk.page.get_by_role("heading", level=1)).to_have_text("このページはありません。")
    assert violations(desk.page) == []
