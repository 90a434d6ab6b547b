"""Takes the pictures of the desk in docs/screens/ from the busy afternoon that the tests of the desk stand on.

    .venv/bin/python tools/take_desk_screens.py

It needs Chromium and the packages of the test lock. The same code gives the same pictures.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from desk_window import Window

ROOT = Path(__file__).resolve().parent.parent
SCREENS = ROOT / "docs" / "screens"
FLAT_COLOURS = 14
"""So many colours fill areas, and are kept as they are."""
EDGE_COLOURS = 9
"""So many stand for all between them, at the edges of letters: files of at most 80 kB."""


def main() -> int:
    """Take them all."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    with tempfile.TemporaryDirectory(prefix="kumapo-") as folder, browser_page() as page:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        SCREENS.mkdir(exist_ok=True)
        quiet(page, Path(folder))
        busy_afternoon(page, Path(folder))
    return 0


@contextmanager
def browser_page() -> Iterator[Page]:
    """A page of a browser started as the tests start it."""
    from browser_page import LAUNCH_ARGUMENTS, WINDOW, chromium_path

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(LAUNCH_ARGUMENTS))
        yield browser.new_page(viewport=WINDOW, locale="ja-JP", timezone_id="Asia/Tokyo")
        browser.close()


def quiet(page: Page, folder: Path) -> None:
    """Signing in, and a day with nothing to decide."""
    from desk_window import desk_window
    from hub_stores import migrated_sqlite_file, sqlite_store
    from hub_world import World

    with sqlite_store(migrated_sqlite_file(folder), folder) as store:
        world = World(store)
        booth = world.booth("見本会館 受付1")
        for person in range(12):
            booth.grant(person)
        booth.send()
        with desk_window(world, page) as desk:
            page.goto(desk.link)
            take(page, "sign-in")
            desk.sign_in()
            take(page, "nothing-to-decide")


def busy_afternoon(page: Page, folder: Path) -> None:
    """A day with much to decide, down to one record, decided."""
    from desk_scene import busy
    from desk_window import NARROW, WIDE, desk_window
    from hub_stores import sqlite_store
    from hub_world import World

    with sqlite_store(folder / "template.db", folder) as store:
        scene = busy(World(store))
        with desk_window(scene.world, page) as desk:
            desk.sign_in()
            take(page, "to-decide")
            page.set_viewport_size({"width": 360, "height": NARROW["height"]})
            take(page, "to-decide-phone", is_whole=False)
            page.set_viewport_size(WIDE)
            open_and_take(desk, "held", "/desk/held/")
            open_and_take(desk, "held-records", f"/desk/held/{scene.late.kiosk.hex()}/time")
            page.get_by_role("link", name="2 番を開く").click()
            page.wait_for_url("**/desk/records/**")
            take(page, "record")
            page.get_by_role("textbox", name="理由").fill("会場に電話で確かめた")
            page.get_by_role("button", name="反映する").click()
            page.get_by_role("status").wait_for()
            take(page, "record-decided")
            open_and_take(desk, "kiosk", f"/desk/kiosks/{scene.short.kiosk.hex()}")
            open_and_take(desk, "invitation", f"/desk/kiosks/invitations/{scene.invited.hex()}")
            open_and_take(desk, "let-in", f"/desk/kiosks/invitations/{scene.answered.hex()}")
            open_and_take(desk, "decisions", "/desk/acts")


def open_and_take(desk: Window, name: str, path: str) -> None:
    """Open a page and take its picture."""
    desk.open(path)
    take(desk.page, name)


def take(page: Page, name: str, *, is_whole: bool = True) -> None:
    """Write a picture of what the page shows, with few colours."""
    page.evaluate("document.fonts.ready")
    shown = Image.open(io.BytesIO(page.screenshot(full_page=is_whole))).convert("RGB")
    path = SCREENS / f"desk-{name}.png"
    few = shown.quantize(palette=few_colours(shown), dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    sys.stderr.write(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes\n")


def few_colours(shown: Image.Image) -> Image.Image:
    """A palette of the picture's most frequent colours and of some between them."""
    counted = sorted(shown.getcolors(shown.width * shown.height) or [], key=lambda one: (-one[0], one[1]))
    flat = [colour for _, colour in counted[:FLAT_COLOURS] if isinstance(colour, tuple)]
    between = shown.quantize(EDGE_COLOURS, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in flat for part in colour] + between[: 3 * EDGE_COLOURS])
    return palette


if __name__ == "__main__":
    sys.exit(main())
