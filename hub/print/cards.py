"""Draws member cards on A4 sheets, ten to a sheet with cut marks: a QR code, the number, and what to do with the card
in easy Japanese.

It takes cards with their codes' texts and gives PDF bytes. It signs nothing, knows no names, and reads nothing but its
fonts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Final, NamedTuple

import segno
from fpdf import FPDF
from fpdf.fonts import TTFFont

from config.fonts import FONTS
from hub.register.members import Card
from sync.member import printed

# All lengths in millimetres on A4, 210 × 297; a card has the size of a Japanese business card.
CARD_WIDTH, CARD_HEIGHT = 91.0, 55.0
COLUMNS, ROWS = 2, 5
LEFT, TOP = (210 - COLUMNS * CARD_WIDTH) / 2, (297 - ROWS * CARD_HEIGHT) / 2
CUT_MARK_LENGTH, CUT_MARK_GAP = 6.0, 1.5

CODE_VERSION = 6
MODULES, QUIET_MODULES = 41, 4
MODULE = 1.0
"""41 mm for the code, 49 with its quiet zone: what the card's height holds with 3 mm to cut beside the line."""

TEXT_LEFT = 51.5
TEXT_WIDTH = CARD_WIDTH - TEXT_LEFT - 3.5

INK, ACCENT, SOFT = (20, 28, 32), (0, 92, 99), (90, 100, 104)
_POINT = 25.4 / 72


class CardError(Exception):
    """A card that cannot be drawn as it should be; the text says why."""


class Ruby(NamedTuple):
    """A piece of text with its reading above it, "" for none."""

    text: str
    reading: str = ""


POINT_NAME = "クマポ"
ADVICE: Final[tuple[tuple[Ruby, ...], ...]] = (
    (Ruby("この"), Ruby("面", "めん"), Ruby("を カメラに")),
    (Ruby("見", "み"), Ruby("せてください。")),
    (Ruby("なくしたら "), Ruby("市役所", "しやくしょ"), Ruby("へ。")),
)
ENGLISH = "Show this side to the camera."


def card_sheet(cards: Sequence[Card], city: str, drawn: Callable[[int], object] = int) -> bytes:
    """Return the PDF of all cards, ten to a page. `drawn` is told after each page how many there are by then. Raises
    CardError where a code or a name does not fit the card.
    """
    if not cards:
        raise CardError("印刷するカードがありません / there are no cards to print")
    with _blank_document() as pdf:
        _refuse_missing_glyphs(pdf, city)
        for start in range(0, len(cards), COLUMNS * ROWS):
            pdf.add_page()
            _draw_cut_marks(pdf)
            for place, card in enumerate(cards[start : start + COLUMNS * ROWS]):
                row, column = divmod(place, COLUMNS)
                _draw_card(pdf, LEFT + column * CARD_WIDTH, TOP + row * CARD_HEIGHT, card, city)
            drawn(min(start + COLUMNS * ROWS, len(cards)))
        return bytes(pdf.output())


def missing_glyphs(text: str) -> set[str]:
    """Return the characters of `text` that one of the cards' fonts cannot draw."""
    with _blank_document() as pdf:
        return _missing(pdf, text)


def texts_on_card(city: str) -> str:
    """Return everything that is written on a card but for its number."""
    rubies = [ruby for line in ADVICE for ruby in line]
    return city + POINT_NAME + ENGLISH + "カード 0123456789" + "".join(ruby.text + ruby.reading for ruby in rubies)


@contextmanager
def _blank_document() -> Iterator[FPDF]:
    """An empty document with the cards' fonts, whose files are closed at the end."""
    pdf = FPDF(unit="mm", format="A4")
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.set_title("クマポ カード")
    pdf.set_lang("ja")
    pdf.add_font("BIZ", "", FONTS / "BIZUDPGothic-Regular.ttf")
    pdf.add_font("BIZ", "B", FONTS / "BIZUDPGothic-Bold.ttf")
    try:
        yield pdf
    finally:
        for font in _fonts(pdf):
            font.close()


def _fonts(pdf: FPDF) -> list[TTFFont]:
    return [font for font in pdf.fonts.values() if isinstance(font, TTFFont)]


def _missing(pdf: FPDF, text: str) -> set[str]:
    return {character for character in text for font in _fonts(pdf) if ord(character) not in font.cmap}


def _refuse_missing_glyphs(pdf: FPDF, city: str) -> None:
    missing = _missing(pdf, texts_on_card(city))
    if missing:
        raise CardError(f"カードの文字にない字です / the cards' font lacks: {' '.join(sorted(missing))}")


def _draw_cut_marks(pdf: FPDF) -> None:
    """Short lines in the sheet's margin where the cuts go; nothing is drawn on the cards, so a cut a little off shows
    no line.
    """
    pdf.set_draw_color(*SOFT)
    pdf.set_line_width(0.15)
    right, bottom = LEFT + COLUMNS * CARD_WIDTH, TOP + ROWS * CARD_HEIGHT
    for column in range(COLUMNS + 1):
        x = LEFT + column * CARD_WIDTH
        pdf.line(x, TOP - CUT_MARK_GAP - CUT_MARK_LENGTH, x, TOP - CUT_MARK_GAP)
        pdf.line(x, bottom + CUT_MARK_GAP, x, bottom + CUT_MARK_GAP + CUT_MARK_LENGTH)
    for row in range(ROWS + 1):
        y = TOP + row * CARD_HEIGHT
        pdf.line(LEFT - CUT_MARK_GAP - CUT_MARK_LENGTH, y, LEFT - CUT_MARK_GAP, y)
        pdf.line(right + CUT_MARK_GAP, y, right + CUT_MARK_GAP + CUT_MARK_LENGTH, y)


def _draw_card(pdf: FPDF, left: float, top: float, card: Card, city: str) -> None:
    _draw_code(pdf, left + 2, top + (CARD_HEIGHT - (MODULES + 2 * QUIET_MODULES) * MODULE) / 2, card.token)
    x = left + TEXT_LEFT
    pdf.set_text_color(*INK)
    _write(pdf, x, top + 9.6, city, "", 8.5)
    pdf.set_text_color(*ACCENT)
    _write(pdf, x, top + 18.2, POINT_NAME, "B", 22)
    pdf.set_text_color(*INK)
    for line, part in enumerate(_two_lines(card.member)):
        _write(pdf, x, top + 27.2 + 6.6 * line, part, "B", 16.5)
    for line, rubies in enumerate(ADVICE):
        _write_rubies(pdf, x, top + 40.2 + 4.3 * line, rubies, 7)
    pdf.set_text_color(*SOFT)
    _write(pdf, x, top + 52.2, ENGLISH, "", 4.8)
    _write(pdf, left + CARD_WIDTH - 3.5 - 8.5, top + 9.6, f"カード {card.issue}", "", 5, 8.5)


def _two_lines(member: int) -> tuple[str, str]:
    """Return the number as two lines, 4-4 and 4-2."""
    digits = printed(member)
    return digits[:9], digits[10:]


def _draw_code(pdf: FPDF, left: float, top: float, token: str) -> None:
    """Draw the code as squares, black on the white of the paper; its quiet zone stays empty."""
    try:
        code = segno.make(token, version=CODE_VERSION, error="m", boost_error=False, micro=False)
    except segno.DataOverflowError as error:
        raise CardError(f"コードが大きすぎます / the code does not fit: {len(token)} characters") from error
    pdf.set_fill_color(0, 0, 0)
    edge = QUIET_MODULES * MODULE
    for row, modules in enumerate(code.matrix):
        for column, length in _dark_runs(modules):
            pdf.rect(left + edge + column * MODULE, top + edge + row * MODULE, length * MODULE, MODULE, style="F")


def _dark_runs(modules: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first column, length) of each run of dark modules: fewer rectangles, and no hairlines between them."""
    column = 0
    for dark, run in groupby(modules):
        length = len(list(run))
        if dark:
            yield column, length
        column += length


def _write_rubies(pdf: FPDF, x: float, baseline: float, rubies: Sequence[Ruby], size: float) -> None:
    for ruby in rubies:
        _write(pdf, x, baseline, ruby.text, "", size)
        width = pdf.get_string_width(ruby.text)
        if ruby.reading:
            pdf.set_font("BIZ", "", size * 0.5)
            beside = (width - pdf.get_string_width(ruby.reading)) / 2
            pdf.text(x + beside, baseline - size * _POINT * 0.98, ruby.reading)
        x += width


def _write(pdf: FPDF, x: float, baseline: float, text: str, style: str, size: float, room: float = TEXT_WIDTH) -> None:
    """Write one line, smaller where it would not fit its room."""
    pdf.set_font("BIZ", style, size)
    width = pdf.get_string_width(text)
    if width > room:
        pdf.set_font("BIZ", style, size * room / width)
    pdf.text(x, baseline, text)
