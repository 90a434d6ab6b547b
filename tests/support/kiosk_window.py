"""The participant's screen in a browser, for tests: opened, given a scene, read as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kiosk_screens import Booth, booth_page
from playwright.sync_api import Page

from kiosk.board import Showing
from kiosk.catalogue import read_catalogues

LANGUAGES: Final = tuple(read_catalogues())
DISCONNECTED: Final = (
    "ERR_EMPTY_RESPONSE",
    "ERR_CONNECTION_REFUSED",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_RESET",
)
"""What a browser complains of when a test takes the server away."""


@contextmanager
def opened(page: Page, lang: str = "ja", **options: Any) -> Iterator[Booth]:
    """Open the screen of a board in the browser."""
    with booth_page(**options) as booth:
        go(page, booth, lang)
        yield booth
        page.goto("about:blank")  # so that the end of the server is no complaint


def go(page: Page, booth: Booth, lang: str = "ja") -> None:
    page.goto(f"{booth.address}?lang={lang}")
    wait_for_board(page, booth)


def show(page: Page, booth: Booth, showing: Showing) -> None:
    """Put a scene on the board and wait until the page shows it."""
    booth.show(showing)
    wait_for_board(page, booth)


def wait_for_board(page: Page, booth: Booth) -> None:
    page.wait_for_function(
        "version => document.body.dataset.version === version", arg=str(booth.face.board.now.version)
    )


def words_of(page: Page, selector: str) -> str:
    """The words in a place, without their furigana."""
    return str(
        page.locator(selector).evaluate(
            "e => { const copy = e.cloneNode(true); copy.querySelectorAll('rt').forEach(r => r.remove());"
            " return copy.textContent.trim().replace(/\\s+/g, ' '); }"
        )
    )
