"""The desk's forms in a real Chromium: what Enter does, how a refusal is found, and the way back from the page that
asks again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_page import Complaints, violations
from desk_scene import Scene, busy
from desk_window import Window, desk_window
from hub_world import World
from playwright.sync_api import Page, expect

from hub.store.database import Store


@pytest.fixture
def scene(sqlite: Store) -> Scene:
    return busy(World(sqlite))


@pytest.fixture
def desk(scene: Scene, page: Page) -> Iterator[Window]:
    """The desk, with somebody signed in."""
    with desk_window(scene.world, page) as window:
        window.sign_in()
        yield window


def test_enter_in_a_reason_decides_nothing_and_no_empty_button_is_seen(scene: Scene, desk: Window) -> None:
    page = desk.page
    paths = [
        f"/desk/held/{scene.late.kiosk.hex()}/time",
        f"/desk/records/{scene.late.kiosk.hex()}/2/{scene.late.entries[1].hash.hex()}",
    ]

    for path in paths:
        desk.open(path)
        for box in page.get_by_role("checkbox").all()[:1]:
            box.check()
        page.get_by_role("textbox", name="理由").fill("まだ考えている")
        page.get_by_role("textbox", name="理由").press("Enter")
        page.wait_for_timeout(200)
        assert page.get_by_role("textbox", name="理由").input_value() == "まだ考えている"
        assert all(button.inner_text() for button in page.locator("button:visible").all())

    assert scene.world.verdicts(scene.late) == {"held": (2, 100)}


def test_from_the_head_of_a_long_page_one_comes_to_the_wrong_field_by_one_link(
    scene: Scene, desk: Window, complaints: Complaints
) -> None:
    complaints.allow("400 (BAD REQUEST)")
    page = desk.page
    desk.open(f"/desk/kiosks/{scene.short.kiosk.hex()}")
    page.locator("summary", has_text="端末を失効にする").click()
    page.locator("#withdraw-believed").fill("99")
    page.locator("#withdraw-reason").fill("盗まれた")

    page.get_by_role("button", name="失効にする").click()
    expect(page.get_by_role("alert")).to_be_in_viewport()
    found = violations(page)
    page.get_by_role("link", name="直すところへ").click()

    expect(page.locator("#withdraw-believed")).to_be_in_viewport()
    expect(page.locator("#withdraw-believed")).to_have_value("99")
    assert found == []


def test_who_leaves_the_page_that_asks_again_is_back_at_the_form_as_typed(scene: Scene, desk: Window) -> None:
    page = desk.page
    desk.open(f"/desk/kiosks/{scene.short.kiosk.hex()}")
    page.locator("summary", has_text="端末を失効にする").click()
    page.locator("#withdraw-believed").fill("4")
    page.locator("#withdraw-reason").fill("盗まれた")
    page.get_by_role("button", name="失効にする").click()

    page.get_by_role("button", name="やめる").click()

    expect(page.locator("#withdraw-believed")).to_be_in_viewport()
    expect(page.locator("#withdraw-believed")).to_have_value("4")
    expect(page.locator("#withdraw-reason")).to_have_value("盗まれた")
    assert scene.world.verdicts(scene.short)["posted"] == (13, 650)
