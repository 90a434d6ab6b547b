"""Takes the pictures and the film of the demo that the README shows, from one real run of `./kumapo demo`.

    .venv/bin/python tools/take_demo_film.py [FOLDER]      (docs/screens; needs the packages of the tests, and Chromium)

A browser follows the first booth's screen while the demo runs, and looks at the desk when all has arrived. Nothing is
staged but the choice of a story in which the demo kills the second booth, not the one that is watched.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from browser_page import LAUNCH_ARGUMENTS, WINDOW, chromium_path  # noqa: E402  # it stands in tests/support/

from demo.cast import write_story  # noqa: E402
from demo.conductor import SET_UP_SECONDS  # noqa: E402

SECONDS = 90
PATIENCE_SECONDS = 300.0
PAUSE_MS = 300
WATCHED = 0
"""The stand the browser follows, counted as in the story."""

WAITS, CUT, JOINED, CLOSED, OPEN = (
    "画面を開くか",
    "ケーブルを切りました",
    "ケーブルをつなぎました",
    "を閉じました",
    "Ctrl-C",
)
COLOURS = 40
FILM_SIZE = (640, 360)
FILM_MS, DESK_MS = 17_000, 3_000
FRAME_MS = 250
FILM_QUALITY = 55


class Seen(NamedTuple):
    """What the screen showed at one moment, and what the demo had said by then."""

    state: str
    kept: int
    is_cut: bool
    is_joined: bool
    picture: bytes


class Moment(NamedTuple):
    """A picture of the series: the first moment that is like this, or the last one."""

    name: str
    is_it: Callable[[Seen], bool]
    is_last: bool = False


MOMENTS = (
    Moment("invites", lambda seen: seen.state == "idle" and not seen.is_cut),
    Moment("received", lambda seen: seen.state == "received" and not seen.is_cut and seen.kept == 0),
    Moment("cut", lambda seen: seen.state == "received" and seen.is_cut and seen.kept > 1),
    Moment("kept", lambda seen: seen.state == "received" and seen.is_cut and not seen.is_joined, is_last=True),
    Moment("sent", lambda seen: seen.state == "received" and seen.is_joined and seen.kept == 0),
)


class Demo:
    """A running demo; `said` is what it has printed."""

    def __init__(self, seed: int) -> None:
        command = [sys.executable, str(ROOT / "kumapo_cli.py"), "demo", "--seconds", str(SECONDS), "--seed", str(seed)]
        self.said: list[str] = []
        self._screen, terminal = os.openpty()  # at a terminal the story waits until a screen is opened
        self._process = subprocess.Popen(command, stdin=terminal, stdout=terminal)
        os.close(terminal)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def has_said(self, words: str) -> bool:
        """Tell whether it has said this."""
        return any(words in line for line in self.said)

    def addresses(self, words: str = "http://") -> list[str]:
        """Return the addresses it has told that hold these words, in order."""
        return [line.strip() for line in self.said if line.startswith("    http://") and words in line]

    def wait_for(self, is_there: Callable[[], object]) -> None:
        """Return when what it has said makes `is_there` true."""
        with self._changed:
            if not self._changed.wait_for(is_there, PATIENCE_SECONDS):
                raise TimeoutError("\n".join(self.said[-20:]))

    def end(self) -> int:
        """End it as Ctrl-C does; return its status."""
        self._process.send_signal(signal.SIGINT)
        self._reader.join()
        return self._process.wait()

    def _read(self) -> None:
        with (
            os.fdopen(self._screen, encoding="utf-8") as lines,
            contextlib.suppress(OSError),
        ):  # EIO: the demo has ended
            for line in lines:
                sys.stderr.write(line)
                with self._changed:
                    self.said.append(line)
                    self._changed.notify_all()


def main(folder: Path) -> int:
    """Take all pictures and the film; return the demo's status."""
    demo = Demo(_seed())
    try:
        with _browser() as browser:
            demo.wait_for(lambda: demo.has_said(WAITS))
            page = browser.new_page(viewport=WINDOW, locale="ja-JP", timezone_id="Asia/Tokyo")
            page.goto(demo.addresses()[1 + WATCHED])
            seen = list(_watch(page, demo))
            demo.wait_for(lambda: demo.has_said(OPEN))
            desk = _take_desk(page, demo.addresses("sign-in")[-1])
    finally:
        status = demo.end()
    for moment in MOMENTS:
        found = [one.picture for one in seen if moment.is_it(one)]
        _write(folder / f"demo-{moment.name}.png", _as_palette(found[-1 if moment.is_last else 0]))
    _write(folder / "demo-desk.png", _as_palette(desk))
    _write(folder / "demo.webp", _film([one.picture for one in seen], desk))
    return status


def _seed() -> int:
    """The first story in which nothing happens to the watched stand but the cut."""
    for seed in itertools.count():
        story = write_story(Random(seed), SECONDS - SET_UP_SECONDS)  # noqa: S311  # the demo's own
        if WATCHED not in {story.killed_stand, story.wrong_stand}:
            return seed
    raise AssertionError


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(LAUNCH_ARGUMENTS))
        yield browser
        browser.close()


def _watch(page: Page, demo: Demo) -> Iterator[Seen]:
    """Look at the screen until its booth closes."""
    page.evaluate("document.fonts.ready")
    page.locator("#picture:not([hidden])").wait_for()
    while not demo.has_said(CLOSED) or not demo.has_said(JOINED):
        before = _shown(page)
        picture = page.screenshot()
        if _shown(page) == before and not demo.has_said(CLOSED):
            yield Seen(*before, demo.has_said(CUT), demo.has_said(JOINED), picture)
        page.wait_for_timeout(PAUSE_MS)


def _shown(page: Page) -> tuple[str, int]:
    """What the screen shows, and how many records it says are kept."""
    state, kept = page.evaluate("[document.body.dataset.state, document.getElementById('waiting').dataset.count]")
    return str(state), int(kept)


def _take_desk(page: Page, link: str) -> bytes:
    """Sign in at the desk and take the equation of each kiosk on its first page."""
    page.goto(link)
    page.get_by_label("担当番号").fill("3")
    page.get_by_role("button", name="窓口を開く").click()
    page.locator("#kiosks").evaluate("heading => heading.scrollIntoView()")
    page.evaluate("document.fonts.ready")
    return page.screenshot()


def _as_palette(png: bytes) -> bytes:
    out = BytesIO()
    with Image.open(BytesIO(png)) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _film(pictures: list[bytes], desk: bytes) -> bytes:
    """Frames evenly out of the whole run, and the desk at the end."""
    number = min(FILM_MS // FRAME_MS, len(pictures))
    chosen = [pictures[at * len(pictures) // number] for at in range(number)]
    first, *others = map(_small, [*chosen, desk])
    out = BytesIO()
    durations = [*[FILM_MS // number] * number, DESK_MS]
    first.save(
        out, "WEBP", save_all=True, append_images=others, duration=durations, loop=0, quality=FILM_QUALITY, method=6
    )
    return out.getvalue()


def _small(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as image:
        return image.convert("RGB").resize(FILM_SIZE, Image.Resampling.LANCZOS)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sys.stderr.write(f"{path}: {len(content):,} bytes\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens"))
