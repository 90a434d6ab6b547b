"""Takes a picture of every state of the participant's screen in every language, and writes the table that shows them.

    .venv/bin/python tools/take_screens.py [FOLDER]      (docs/screens; `./kumapo test` once brings what it needs)

The app, its server and the browser are real; what stands on the board, and before the camera, is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import wire_samples as wire  # noqa: E402  # it stands in tests/support/
from browser_page import LAUNCH_ARGUMENTS, chromium_path  # noqa: E402
from kiosk_screens import SCENES, Booth, booth_page  # noqa: E402

from demo.pictures import Booth as Camera  # noqa: E402
from kiosk.camera import Gray  # noqa: E402
from kiosk.catalogue import plain, read_catalogues  # noqa: E402
from sync.token import write_token  # noqa: E402

WIDTH, HEIGHT = 1280, 720
COLOURS = 48


class Shot(NamedTuple):
    """A picture to take: what it shows, the scene on the board, and what is done at the page for it."""

    name: str
    caption: str
    scene: str
    act: Callable[[Page, Booth], None] = lambda _page, _booth: None


def _open_pad(page: Page, _booth: Booth) -> None:
    page.locator("#open-pad").click()
    page.keyboard.type("4038192647")


def _lose(page: Page, _booth: Booth) -> None:
    page.route("**/events*", lambda route: route.abort("connectionrefused"))
    page.reload()
    page.locator("#lost").wait_for()
    page.unroute("**/events*")


def _close(page: Page, booth: Booth) -> None:
    booth.streams.end()
    page.locator("#closed").wait_for()


def _open_others(page: Page, booth: Booth) -> None:
    others = [page.context.new_page() for _ in range(3)]
    for other in others:
        other.goto(booth.address)
    page.locator("#elsewhere").wait_for()
    for other in others:
        other.close()


SHOTS = [
    Shot("idle", "nobody is there", "idle"),
    Shot("seen", "a code is in view", "seen"),
    Shot("hint", "it is in view for 3 s and cannot be read", "hint_closer"),
    Shot("received", "received", "received"),
    Shot("recorded", "recorded, points later", "recorded"),
    Shot("already_received", "already received", "already_received"),
    Shot("todays_limit", "today's limit", "todays_limit"),
    Shot("not_usable", "not usable here", "not_usable"),
    Shot("call_staff", "call staff", "call_staff"),
    Shot("others_wait", "two codes at once: the next person waits", "others_wait"),
    Shot("waiting", "37 records are kept here", "waiting"),
    Shot("camera_gone", "the camera has gone", "camera_gone"),
    Shot("number", "a number is typed", "camera_none", _open_pad),
    Shot("lost", "the booth's program is not running", "idle", _lose),
    Shot("closed", "the booth was closed", "idle", _close),
    Shot("elsewhere", "other windows of the screen are open", "idle", _open_others),
]


def main(folder: Path) -> None:
    """Take all pictures and write the table."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogues = read_catalogues()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(LAUNCH_ARGUMENTS))
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        for lang in catalogues:
            for shot in SHOTS:
                (folder / f"{shot.name}-{lang}.png").write_bytes(_as_palette(_take(page, shot, lang)))
        browser.close()
    own_names = {lang: plain(catalogue.language.own_name) for lang, catalogue in catalogues.items()}
    desk = sorted(path.stem for path in folder.glob("desk-*.png"))
    (folder / "README.md").write_text("\n".join([*_table(own_names), *_list(desk)]) + "\n", encoding="utf-8")


def _take(page: Page, shot: Shot, lang: str) -> bytes:
    scene = SCENES[shot.scene]
    with booth_page() as booth:
        booth.show(scene)
        booth.face.mirror.take()
        booth.face.mirror.offer(_picture(scene.state), booth.clock.monotonic_ms(), is_something_seen=False)
        page.goto(f"{booth.address}?lang={lang}")
        page.wait_for_function("document.fonts.status === 'loaded'")
        page.locator(f"body[data-state='{scene.state}']").wait_for()
        if scene.result is None and scene.camera.value == "good":
            page.locator("#picture:not([hidden])").wait_for()
        shot.act(page, booth)
        return page.screenshot()


@cache
def _picture(state: str) -> Gray:
    """What the camera sees: an empty place, or somebody who holds up a card."""
    place = Camera(np.random.default_rng(4))
    token = write_token(wire.MEMBER_KEY, wire.member(1), 1)
    seen = place.frame(None if state == "idle" else place.show(token, "card"))
    gray = cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.bilateralFilter(gray, 11, 40, 7), np.uint8)  # grain would double the bytes


def _as_palette(png: bytes) -> bytes:
    """Fewer colours, a third of the bytes."""
    out = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _table(own_names: dict[str, str]) -> Iterator[str]:
    yield "# The participant's screen"
    yield ""
    how = "`.venv/bin/python tools/take_screens.py` takes them from the real page, 1280 × 720"
    yield f"Every state in every language, as {how} (`./kumapo test` once brings what it needs)."
    yield ""
    yield f"| | {' | '.join(own_names.values())} |"
    yield f"|---|{'---|' * len(own_names)}"
    for shot in SHOTS:
        cells = [f"![{shot.name}, {own_name}]({shot.name}-{lang}.png)" for lang, own_name in own_names.items()]
        yield f"| {shot.caption} | {' | '.join(cells)} |"


def _list(names: list[str]) -> Iterator[str]:
    yield ""
    yield "# The desk"
    for name in names:
        yield ""
        yield f"![{name.removeprefix('desk-').replace('-', ' ')}]({name}.png)"


if __name__ == "__main__":
    if any(one.startswith("-") for one in sys.argv[1:]):
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens")
