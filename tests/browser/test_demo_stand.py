"""A booth of the demo as people watch it in a browser: real processes, a real cut, a real kill -9."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any

import pytest
from browser_page import Complaints
from playwright.sync_api import Page, expect

from config.clock import SystemClock
from demo.cast import Part, write_story
from demo.evidence import counted_at_hub
from demo.narrator import Narrator
from demo.stage import Stage
from demo.stand import Code, Stand, is_typed
from demo.town import ACTIVITY

PATIENCE_SECONDS = 120.0  # only a failing test waits so long
BACK_MS = 30_000
"""A booth comes back within ten paces of the hub, which are ten seconds in the demo; the rest is for a busy machine."""

Play = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def play() -> Iterator[Play]:
    """What runs a coroutine to its end, in a loop of its own: the browser has the one of this thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE_SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def stage(play: Play, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A hub and its kiosks, enrolled; the first one has visitors."""
    story = write_story(Random(3), 8, stands=(0,))
    silent = Narrator(SystemClock(), lambda _: None)
    stage = Stage(tmp_path_factory.mktemp("demo"), story, silent, SystemClock(), Random(3))
    try:
        play(stage.set_up())
        yield stage
    finally:
        play(stage.strike())


@pytest.fixture
def stand(play: Play, stage: Stage) -> Iterator[Stand]:
    """The first stand, open at today's event."""
    stand = stage.stands[0]
    play(stand.open(stage.town.events[0], ACTIVITY))
    yield stand
    stand.cable.join()
    if stand.kiosk is not None and stand.kiosk.is_running:
        assert play(stand.close()) == 0


@pytest.fixture
def visitors(stage: Stage, stand: Stand) -> list[Code]:
    """People who have not been at the first stand yet."""
    codes = [code for visit, code in stage.codes.items() if visit.part is Part.VISITOR]
    return codes[sum("typed" not in scan for scan in stand.scans) :]


def test_one_watches_people_come_the_cable_cut_the_power_gone_and_everything_sent(
    page: Page, complaints: Complaints, play: Play, stage: Stage, stand: Stand, visitors: list[Code]
) -> None:
    complaints.allow("net::ERR_")  # the booth is killed while the page is open
    address = stand.page
    page.goto(address)

    play(stand.show(visitors[0]))
    expect(page.locator("body")).to_have_attribute("data-state", "received")
    expect(page.locator("#waiting.sent")).to_be_visible()
    stand.cable.cut()
    kept = [play(stand.show(code))["waiting"] for code in visitors[1:3]]
    expect(page.locator("#waiting.kept")).to_have_attribute("data-count", str(kept[1]))
    play(stand.kill())
    expect(page.locator("#lost")).to_be_visible()
    play(stand.open(stage.town.events[0], ACTIVITY))
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("#waiting.kept")).to_have_attribute("data-count", str(kept[1] + 1))  # and that it was opened
    stand.cable.join()
    expect(page.locator("#waiting.sent")).to_be_visible(timeout=BACK_MS)

    assert stand.page == page.url == address
    assert kept[1] == kept[0] + 1 >= 2
    assert counted_at_hub(stage.town.store)[stage.identities[0]] == len(stand.scans) >= 3


def test_who_types_a_number_meanwhile_does_not_answer_for_the_person_at_the_camera(
    page: Page, play: Play, stage: Stage, stand: Stand, visitors: list[Code]
) -> None:
    page.goto(stand.page)

    page.keyboard.type(f"{stage.town.member(stage.story.people + 1):014d}")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "received")
    scan = play(stand.show(visitors[0]))
    page.close()

    assert [is_typed(one) for one in stand.scans[-2:]] == [True, False]
    assert scan == stand.scans[-1]
