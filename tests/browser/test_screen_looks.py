"""How the participant's screen looks and sounds in a real browser: every state, in every language, on every display."""

from __future__ import annotations

from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser_page import AXE_RULES, Complaints
from kiosk_screens import KEPT, OUTCOMES, REASONS, RESULTS, SCENES, booth_page
from kiosk_window import DISCONNECTED, LANGUAGES, go, opened, show, words_of
from playwright.sync_api import Page, expect

from kiosk.board import RESULT_MS

SIZES: Final = ((1280, 720), (1024, 600), (800, 480))
CHOSEN_SCENES: Final = {
    name: SCENES[name]
    for name in (
        "idle",
        "seen",
        "hint_closer",
        *RESULTS,
        "others_wait",
        "everything_at_once",
        "camera_gone",
        "camera_none",
    )
}
"""One of each kind, where a test takes long."""


def test_each_result_has_its_colour_its_sign_its_word_and_its_sound(page: Page) -> None:
    seen = {}
    with opened(page) as booth:
        show(page, booth, SCENES["idle"])
        show(page, booth, SCENES["seen"])
        for number, (name, outcome) in enumerate(OUTCOMES.items(), start=1):
            scene = RESULTS[name]
            assert scene.result is not None
            scan = scene.result.scan._replace(number=number)
            show(page, booth, scene._replace(result=scene.result._replace(scan=scan)))

            expect(page.locator("body")).to_have_attribute("data-scan", str(number))
            expect(page.locator("body")).to_have_attribute("data-sounded", name)
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            seen[name] = (colour, page.locator(".sign").inner_html(), words_of(page, "h1"))
            assert outcome is scene.result.scan.outcome

    assert seen.keys() == OUTCOMES.keys()
    for aspect in range(3):
        assert len({look[aspect] for look in seen.values()}) == len(OUTCOMES)


def test_the_sounds_are_six_different_patterns_of_notes(page: Page) -> None:
    page.add_init_script(
        "window.notes = []; const Tone = window.OscillatorNode;"
        " window.OscillatorNode = class extends Tone { constructor(context, options) { super(context, options);"
        " this.pitch = options.frequency; }"
        " start(at) { notes.push([Math.round(this.pitch), Math.round((at - this.context.currentTime) * 100)]);"
        " super.start(at); } };"
    )
    patterns = set()
    with opened(page) as booth:
        for number, scene in enumerate(RESULTS.values(), start=1):
            assert scene.result is not None
            page.evaluate("notes.length = 0")
            show(
                page,
                booth,
                scene._replace(result=scene.result._replace(scan=scene.result.scan._replace(number=number))),
            )
            patterns.add(str(page.evaluate("notes")))

    assert len(patterns) == len(RESULTS)
    assert "[]" not in patterns


def test_event_activity_points_and_the_clock_are_always_in_view(page: Page) -> None:
    with opened(page) as booth:
        for name, showing in CHOSEN_SCENES.items():
            show(page, booth, showing._replace(standing=KEPT))

            for selector in ("#place .event", "#place .activity", "#place .points", "#waiting", "#clock"):
                expect(page.locator(selector), name).to_be_in_viewport(ratio=1)


def test_the_demos_mark_stands_over_everything(page: Page) -> None:
    with opened(page) as booth:
        show(page, booth, SCENES["everything_at_once"])

        expect(page.locator(".demo")).to_be_visible()


AXE_OPTIONS: Final = {
    "runOnly": {"type": "tag", "values": AXE_RULES},
    "rules": {"color-contrast-enhanced": {"enabled": True}},  # 7:1
    "resultTypes": ["violations"],
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_on_any_screen_and_every_contrast_is_seven_to_one(
    page: Page, complaints: Complaints, lang: str
) -> None:
    for words in DISCONNECTED:
        complaints.allow(words)
    found = {}
    with booth_page() as booth:
        go(page, booth, lang)
        page.evaluate(Axe().axe_script)
        for name, showing in CHOSEN_SCENES.items():
            show(page, booth, showing)
            found[name] = faults_by_axe(page)
        page.keyboard.type("4038")
        found["pad"] = faults_by_axe(page)
    expect(page.locator("#closed")).to_be_visible()
    found["closed"] = faults_by_axe(page)
    page.evaluate("closed.hidden = true, lost.hidden = false")
    found["lost"] = faults_by_axe(page)

    assert {name: faults for name, faults in found.items() if faults} == {}


def test_axe_would_find_a_contrast_below_seven_to_one(page: Page) -> None:
    with opened(page) as booth:
        show(page, booth, SCENES["idle"])
        page.evaluate(Axe().axe_script)
        page.locator("h1").evaluate("e => { e.style.color = '#777'; }")

        assert "color-contrast-enhanced" in str(faults_by_axe(page))


def faults_by_axe(page: Page) -> list[str]:
    """What axe, already in the page, finds wrong with it."""
    found = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
    return [f"{rule['id']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_overflows_on_any_display(page: Page, lang: str) -> None:
    faults = []
    with opened(page, lang) as booth:
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            for name, showing in {**SCENES, **REASONS}.items():
                show(page, booth, showing)
                faults += [f"{name} {width}×{height}: {fault}" for fault in overflows(page)]
            page.keyboard.type("40381926473918")
            faults += [f"pad {width}×{height}: {fault}" for fault in overflows(page)]
            page.keyboard.press("Escape")

    assert faults == []


def overflows(page: Page) -> list[str]:
    """Places whose words do not fit, and words outside the window; names of events may be cut short."""
    return list(
        page.evaluate(
            """() => {
              const root = document.documentElement, out = [];
              if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) out.push('the whole page');
              const places = 'main, footer, header, nav a, button,'
                + ' .words, .invitation, .note, .trouble, .sheet, .aside';
              for (const place of document.querySelectorAll(`${places}, h1, h2, p`)) {
                if (place.offsetParent === null || place.closest('#place')) continue;
                const { left, top, right, bottom } = place.getBoundingClientRect();
                if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1)
                  out.push(`outside: ${place.textContent.trim()}`);
                const { scrollWidth, clientWidth, scrollHeight, clientHeight } = place;
                if (place.matches(places) && (scrollWidth > clientWidth + 1 || scrollHeight > clientHeight + 4))
                  out.push(`too full: ${place.tagName} ${place.className}`);
              }
              const end = document.querySelector('main').getBoundingClientRect().bottom + 1;
              for (const text of document.querySelectorAll('main h1, main p'))
                if (text.offsetParent && text.getBoundingClientRect().bottom > end)
                  out.push(`below: ${text.textContent}`);
              return out;
            }"""
        )
    )


def test_everything_to_touch_is_large_enough_on_a_small_display(page: Page) -> None:
    page.set_viewport_size({"width": 800, "height": 480})
    with opened(page) as booth:
        show(page, booth, SCENES["idle"])
        before = page.locator("nav a, #open-pad").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
        page.locator("#open-pad").click()
        keys = page.locator("#pad button").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")

    assert min(before) >= 44
    assert min(keys) >= 48


def test_nothing_moves_for_people_who_want_no_movement(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    with opened(page) as booth:
        show(page, booth, RESULTS["received"])

        running = page.evaluate("document.getAnimations().length")

    assert running == 0


def test_the_quiet_line_shows_what_is_left_of_the_eight_seconds(page: Page) -> None:
    with opened(page) as booth:
        booth.clock.turn(6_000)
        show(page, booth, RESULTS["received"])

        [duration, delay] = page.evaluate(
            "document.getAnimations().map(a => [a.effect.getTiming().duration, a.effect.getTiming().delay])[0]"
        )

    assert (duration, delay) == (RESULT_MS, -6_000)
