"""The desk's pages on paper: what they show, and that each sheet can be filed."""

from __future__ import annotations

from collections.abc import Iterator

import pypdfium2
import pytest
from desk_scene import Scene, busy
from desk_window import Window, desk_window
from hub_world import World
from playwright.sync_api import Page

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


def words_on_paper(page: Page) -> list[str]:
    """The words of each sheet of a page that is printed."""
    with pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True)) as document:
        return [document[number].get_textpage().get_text_range() for number in range(len(document))]


def test_a_printed_event_can_be_filed(scene: Scene, desk: Window) -> None:
    desk.open(f"/desk/events/{scene.world.event}")

    (sheet,) = words_on_paper(desk.page)

    assert "2026年11月14日(土) 9:00" in sheet
    assert "見本の付与枠" in sheet
    assert "お手伝い" in sheet
    assert "50ポイント・イベントで1回" in sheet
    assert "見本駅前" in sheet
    assert "見本まつり・2026年11月16日(月) 9:00 印刷" in sheet
    assert "さがす" not in sheet


def test_every_sheet_says_what_it_is_and_when_it_was_printed(scene: Scene, desk: Window) -> None:
    desk.open("/desk/")

    sheets = words_on_paper(desk.page)

    assert len(sheets) > 1
    assert all("いまの様子・2026年11月16日(月) 9:00 印刷" in sheet for sheet in sheets)


def test_on_paper_the_first_page_shows_sentences_and_figures_and_no_buttons(scene: Scene, desk: Window) -> None:
    with pypdfium2.PdfDocument(desk.page.pdf(prefer_css_page_size=True)) as document:
        sizes = {tuple(round(side) for side in document[number].get_size()) for number in range(len(document))}
    text = "".join(words_on_paper(desk.page))

    assert sizes == {(842, 595)}  # A4, landscape, in points
    assert "2026年11月16日(月) 9:00 現在" in text
    assert "登録のない番号への付与が" in text
    assert "見本会館 受付1" in text
    assert "920" in text
    assert "サインアウト" not in text
