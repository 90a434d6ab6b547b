"""Cards on paper: what is printed is rendered as a printer would and read back as a booth would."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from wire_samples import MEMBER_KEY, keys_for, member

from hub.print.cards import (
    CARD_HEIGHT,
    CARD_WIDTH,
    LEFT,
    TOP,
    CardError,
    card_sheet,
    missing_glyphs,
    texts_on_card,
)
from hub.register.members import Card
from kiosk.decode import CodeReader
from sync.envelope import MEMBER
from sync.member import printed
from sync.token import LENGTH_LIMIT, read_token, write_token

ROOT = Path(__file__).parents[3]
DPI = 150
A4_MM = (210, 297)


def card(person: int, issue: int = 1) -> Card:
    return Card(member(person), issue, write_token(MEMBER_KEY, member(person), issue))


@contextmanager
def opened(sheet: bytes) -> Iterator[Any]:
    """Open a PDF as a printer does."""
    document = pypdfium2.PdfDocument(io.BytesIO(sheet))
    try:
        yield document
    finally:
        document.close()


def pictures(sheet: bytes, dpi: int = DPI) -> list[NDArray[np.uint8]]:
    """Render each page, gray."""
    with opened(sheet) as document:
        return [
            np.asarray(page.render(scale=dpi / 72, grayscale=True).to_numpy()).squeeze().copy() for page in document
        ]


def words(sheet: bytes) -> list[str]:
    """The text on each page."""
    with opened(sheet) as document:
        found = []
        for page in document:
            text = page.get_textpage()
            found.append(text.get_text_range())
            text.close()
        return found


def cut_out(picture: NDArray[np.uint8], place: int, dpi: int = DPI) -> NDArray[np.uint8]:
    """One card of a page, cut along the marks."""
    row, column = divmod(place, 2)
    pixels = dpi / 25.4
    left, top = LEFT + column * CARD_WIDTH, TOP + row * CARD_HEIGHT
    edges = [round(edge * pixels) for edge in (top, top + CARD_HEIGHT, left, left + CARD_WIDTH)]
    return picture[edges[0] : edges[1], edges[2] : edges[3]]


def test_every_card_of_a_sheet_is_read_back_as_the_card_that_was_meant() -> None:
    cards = [card(person, 1 + person % 3) for person in range(1, 13)]

    pages = pictures(card_sheet(cards, "熊谷市"))

    reader = CodeReader()
    read = [reader.read(np.ascontiguousarray(cut_out(pages[place // 10], place % 10))) for place in range(12)]
    assert len(pages) == 2
    assert read == [[one.token] for one in cards]
    tokens = [read_token(texts[0], keys_for(MEMBER, MEMBER_KEY)) for texts in read]
    assert [(one.member, one.issue) for one in tokens] == [(one.member, one.issue) for one in cards]


@pytest.mark.parametrize("dpi", [60, 300])
def test_a_poor_printer_and_a_good_one_are_read_alike(dpi: int) -> None:
    cards = [card(person) for person in range(1, 11)]

    picture = pictures(card_sheet(cards, "熊谷市"), dpi)[0]

    reader = CodeReader()
    read = [reader.read_still(np.ascontiguousarray(cut_out(picture, place, dpi))) for place in range(10)]
    assert read == [[one.token] for one in cards]


def test_the_code_is_large_and_its_quiet_zone_is_empty() -> None:
    picture = cut_out(pictures(card_sheet([card(1)], "熊谷市"), 254)[0], 0, 254)  # ten pixels a millimetre

    dark = np.argwhere(picture[:, :510] < 128)

    top, left = dark.min(axis=0)
    bottom, right = dark.max(axis=0)
    code_mm = ((bottom - top + 1) / 10, (right - left + 1) / 10)
    quiet_mm = 4 * code_mm[0] / 41
    assert code_mm == pytest.approx((41, 41), abs=0.2)
    assert min(code_mm) >= 32
    assert top / 10 >= quiet_mm
    assert left / 10 >= quiet_mm
    assert (picture.shape[0] - 1 - bottom) / 10 >= quiet_mm
    beside = picture[top : bottom + 1, right + 1 : right + 1 + round(quiet_mm * 10) - 1]
    assert np.min(beside) > 250


def test_the_page_is_a4_and_nothing_is_drawn_on_a_cut() -> None:
    sheet = card_sheet([card(person) for person in range(1, 11)], "熊谷市")

    picture = pictures(sheet, 254)[0]

    assert [round(side / 10) for side in picture.shape] == [A4_MM[1], A4_MM[0]]
    for row in range(6):
        y = round((TOP + row * CARD_HEIGHT) * 10)
        assert np.min(picture[y - 5 : y + 6, round(LEFT * 10) + 2 : round((LEFT + 2 * CARD_WIDTH) * 10) - 2]) > 200
    for column in range(3):
        x = round((LEFT + column * CARD_WIDTH) * 10)
        assert np.min(picture[round(TOP * 10) + 2 : round((TOP + 5 * CARD_HEIGHT) * 10) - 2, x - 5 : x + 6]) > 200
    assert np.min(picture[: round(TOP * 10) - 10]) < 200  # the marks themselves


def test_the_number_and_the_citys_name_stand_on_the_card() -> None:
    page = words(card_sheet([card(1, 2)], "見本市"))[0]

    digits = printed(member(1))
    assert digits[:9] in page
    assert digits[10:] in page
    for text in ("見本市", "クマポ", "カード 2", "カメラに", "めん", "しやくしょ", "Show this side"):
        assert text in page


def test_no_character_of_a_card_lacks_its_glyph() -> None:
    assert missing_glyphs(texts_on_card("熊谷市")) == set()
    assert missing_glyphs("髙﨑市 邉 々ヶ〒①") <= {"〒"}


def test_no_character_of_the_desk_itself_lacks_its_glyph() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "hub").rglob("*.html")))
    # numbers.py lists the dashes that keyboards make: they are read and never shown
    sources = sorted({*(ROOT / "hub" / "desk").rglob("*.py")} - {ROOT / "hub" / "desk" / "base" / "numbers.py"})
    words = "".join(path.read_text(encoding="utf-8") for path in sources)

    assert len(pages) > 10_000
    assert missing_glyphs(pages + words) - {"\n"} == set()


def test_a_name_that_cannot_be_printed_is_refused_with_the_characters() -> None:
    with pytest.raises(CardError) as refused:
        card_sheet([card(1)], "\U00020bb7野市")

    assert "\U00020bb7" in str(refused.value)


def test_a_long_city_name_stays_on_its_card() -> None:
    sheet = card_sheet([card(1), card(2)], "見本" * 20)

    picture = cut_out(pictures(sheet, 254)[0], 0, 254)

    assert np.min(picture[:, -30:]) > 200


def test_a_code_that_does_not_fit_is_refused() -> None:
    with pytest.raises(CardError):
        card_sheet([Card(member(1), 1, "A" * (LENGTH_LIMIT + 1))], "熊谷市")


def test_a_sheet_without_cards_is_refused() -> None:
    with pytest.raises(CardError):
        card_sheet([], "熊谷市")
