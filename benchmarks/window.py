"""A real Chromium on a booth's page, that notes when each result was drawn, by the clock that Python reads too.

Chromium and playwright come with what the tests need; where either is missing, there is no window.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NamedTuple

from kumapo_doctor import find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page

ARGUMENTS: Final = (
    "--no-sandbox",  # as root Chromium's sandbox refuses to start
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
SIZE: Final = (1280, 720)
ASKED: Final = 40

NOTE_WHAT_IS_DRAWN: Final = """() => {
  const body = document.body;
  let last = body.dataset.scan;
  window.drawn = [];
  new MutationObserver(() => {
    const { scan, state } = body.dataset;
    if (scan === last) return;
    last = scan;
    // The first of the two runs before the change is drawn, the second after it.
    requestAnimationFrame(() => requestAnimationFrame(
      () => window.drawn.push([Number(scan), state, performance.timeOrigin + performance.now()])));
  }).observe(body, { attributes: true, attributeFilter: ["data-scan"] });
}"""
NOW: Final = "() => performance.timeOrigin + performance.now()"
FIGURES_OF_DRAWN: Final = "() => window.drawn"


class Drawn(NamedTuple):
    """A result that somebody could see, and since when (wall clock)."""

    scan: int
    state: str
    at_ms: float


class Window:
    """An open page of a booth."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.ahead_ms, self.doubt_ms = _clock_of(page)
        """How far Chromium's clock is ahead of Python's, and by how much that may be wrong."""
        page.evaluate(NOTE_WHAT_IS_DRAWN)

    @property
    def camera(self) -> str:
        """How the camera is, as the page has it."""
        return str(self._page.evaluate("document.body.dataset.camera"))

    def drawn(self) -> list[Drawn]:
        """Return every result drawn so far, by Python's clock."""
        noted = self._page.evaluate(FIGURES_OF_DRAWN)
        return [Drawn(int(scan), str(state), at_ms - self.ahead_ms) for scan, state, at_ms in noted]


@contextmanager
def window(address: str) -> Iterator[Window | None]:
    """Open the page at `address` in a Chromium of its own; None where there is none to open."""
    path = find_chromium()
    if path is None or find_spec("playwright") is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, locale="ja-JP")
            page.goto(address)
            yield Window(page)
        finally:
            browser.close()


def _clock_of(page: Page) -> tuple[float, float]:
    """Ask for the time again and again; the quickest answer tells it best."""
    asked = []
    for _ in range(ASKED):
        before = time.time() * 1000
        theirs = float(page.evaluate(NOW))
        after = time.time() * 1000
        asked.append(((after - before) / 2, theirs - (before + after) / 2))
    doubt, ahead = min(asked)
    return ahead, doubt
