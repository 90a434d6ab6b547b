"""Every form of the desk, sent twice: done once, and the second time the act that was done is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any, NamedTuple

import pytest
from desk_browser import Desk, Page
from desk_look import kiosk_path
from desk_scene import STRANGER, Scene, busy, without_clock
from hub_world import HELP, VISIT, World

from hub.acts.decisions import dismiss
from hub.acts.doing import Done
from hub.acts.events import call_off_event
from hub.acts.journal import accept_hole, give_up_tail, replace_range, say_boot_start
from hub.acts.kiosks import stop_kiosk
from hub.acts.members import end_account, lose_card
from hub.acts.organisations import close_organisation
from hub.own_clock import Doubt, mark_doubted
from hub.store.database import Store, rows

NO_ACTS = {"desk.try_sign_in", "desk.sign_out", "desk.members.printing.start"}
"""Forms that change nothing in the books: coming, going, drawing cards."""


class Sent(NamedTuple):
    """A form: on which page, where it goes, what is typed, and what must have been done before."""

    page: str
    ending: str
    typed: dict[str, str | list[str]]


Ask = Callable[[Scene], Sent]


def on_kiosk(ending: str, booth: str = "short", **typed: str | list[str]) -> Ask:
    return lambda scene: Sent(kiosk_path(getattr(scene, booth)), ending, {"reason": "見本", **typed})


def on(page: str, ending: str, **typed: str | list[str]) -> Ask:
    return lambda _: Sent(page, ending, typed)


def on_member(ending: str, **typed: str) -> Ask:
    return lambda scene: Sent(f"/desk/members/{scene.world.members[0]}", ending, {"reason": "見本", **typed})


def after(ask: Ask, function: Callable[..., Done[Any]], arguments: Callable[[Scene], Iterable[object]]) -> Ask:
    """The same once an act was done."""

    def asked(scene: Scene) -> Sent:
        scene.world.do(function, *arguments(scene))
        return ask(scene)

    return asked


def record_of(scene: Scene) -> str:
    return f"/desk/records/{scene.late.kiosk.hex()}/2/{scene.late.entries[1].hash.hex()}"


def dismissed(scene: Scene) -> tuple[object, ...]:
    return (scene.late.kiosk, ((2, scene.late.entries[1].hash),))


def on_act_of_dismissal(scene: Scene) -> Sent:
    act = scene.world.do(dismiss, *dismissed(scene)).act
    return Sent(f"/desk/acts/{act.hex()}", "/back", {"reason": "見本"})


def asked_about_its_day(scene: Scene) -> Sent:
    booth = without_clock(scene.world)
    return Sent(kiosk_path(booth), f"/boots/{booth.boot.hex()}", {"started": "2026-11-16T08:50", "reason": "見本"})


def answered(scene: Scene) -> Sent:
    booth = without_clock(scene.world)
    scene.world.do(say_boot_start, booth.kiosk, booth.boot, booth.started_ms)
    return Sent(kiosk_path(booth), f"/boots/{booth.boot.hex()}/back", {"reason": "見本"})


def with_doubted_clock(scene: Scene) -> Sent:
    with scene.world.store.transaction() as connection:
        mark_doubted(connection, Doubt.SET_BACK)
    return Sent("/desk/", "/clock", {"reason": "見本"})


def replaced(scene: Scene) -> tuple[object, ...]:
    return (scene.gap.kiosk, 2, 4, scene.world.event, VISIT, scene.world.event, HELP)


FORMS: dict[str, Ask] = {
    "desk.trust_clock": with_doubted_clock,
    "desk.held.decide": lambda scene: Sent(
        f"/desk/held/{scene.late.kiosk.hex()}/time",
        "/time",
        {"everything": "y", "decision": "release", "reason": "見本"},
    ),
    "desk.held.know_member": on("/desk/held/unknown-members", f"/{STRANGER}", reason="見本"),
    "desk.records.decide": lambda scene: Sent(record_of(scene), "/decide", {"decision": "dismiss", "reason": "見本"}),
    "desk.records.take_back": after(
        lambda scene: Sent(record_of(scene), "/back", {"reason": "見本"}), dismiss, dismissed
    ),
    "desk.acts.take_back": on_act_of_dismissal,
    "desk.kiosks.invite": on("/desk/kiosks/", "/invitations", name="見本図書館2"),
    "desk.kiosks.approve": lambda scene: Sent(
        f"/desk/kiosks/invitations/{scene.answered.hex()}", "/approve", {"total": "50", "is_same": "y"}
    ),
    "desk.kiosks.decline": lambda scene: Sent(f"/desk/kiosks/invitations/{scene.answered.hex()}", "/decline", {}),
    "desk.kiosks.renew_settings": after(
        on("/desk/kiosks/", "/kiosks/settings"),
        lose_card,
        lambda scene: (scene.world.members[0], 1),
    ),
    "desk.kiosks.renew_one": lambda scene: Sent(kiosk_path(scene.short), "/settings", {}),
    "desk.kiosks.rename": on_kiosk("/name", name="見本会館 受付2"),
    "desk.kiosks.top_up": on_kiosk("/top-up", points="1,000"),
    "desk.kiosks.lower_share": on_kiosk("/lower-share", "silent", points="10"),
    "desk.kiosks.assign_event": lambda scene: Sent(
        kiosk_path(scene.short), "/events", {"event": another_event(scene), "reason": "見本"}
    ),
    "desk.kiosks.remove_event": on_kiosk("/events/remove"),
    "desk.kiosks.accept_gap": on_kiosk("/gap", "gap"),
    "desk.kiosks.take_back_gap": after(
        on_kiosk("/gap/5/back", "gap"), accept_hole, lambda scene: (scene.gap.kiosk, 5, 7)
    ),
    "desk.kiosks.give_up_tail": on_kiosk("/tail", "gap"),
    "desk.kiosks.take_back_tail": after(
        on_kiosk("/tail/12/back", "gap"), give_up_tail, lambda scene: (scene.gap.kiosk, 12, 13)
    ),
    "desk.kiosks.replace_range": on_kiosk("/replace", "gap", first="2", last="4", signed="1.1", meant="1.2.0"),
    "desk.kiosks.take_back_replacement": after(on_kiosk("/replace/1/back", "gap"), replace_range, replaced),
    "desk.kiosks.say_boot_start": asked_about_its_day,
    "desk.kiosks.take_back_boot_start": answered,
    "desk.kiosks.stop": on_kiosk("/stop"),
    "desk.kiosks.withdraw": on_kiosk("/withdraw", believed="4"),
    "desk.kiosks.resume": after(on_kiosk("/resume"), stop_kiosk, lambda scene: (scene.short.kiosk,)),
    "desk.offices.add": on("/desk/organisations/", "/organisations/", name="見本団体2"),
    "desk.offices.allot": on("/desk/organisations/", "/allotments", name="清掃", points="3,000", reason="見本"),
    "desk.offices.add_points": on("/desk/organisations/", "/raise", points="500", reason="見本"),
    "desk.offices.take_points": on("/desk/organisations/", "/lower", points="500", reason="見本"),
    "desk.offices.change": on("/desk/organisations/", "/1/change", name="見本団体", reason="見本"),
    "desk.offices.close": on("/desk/organisations/", "/1/close", reason="見本"),
    "desk.offices.reopen": after(
        on("/desk/organisations/", "/1/reopen", reason="見本"),
        close_organisation,
        lambda _: (1, 1),
    ),
    "desk.events.add": on(
        "/desk/events/new",
        "/events/new",
        **{
            "name": "見本の清掃",
            "starts": "2026-11-20T09:00",
            "ends": "2026-11-20T12:00",
            "activities-0-name": "清掃",
            "activities-0-points": "50",
        },
    ),
    "desk.events.change": on(
        "/desk/events/1",
        "/events/1",
        **{
            "ends": "2026-11-14T08:59",
            "activities-0-slots": "午前\n午後",
            "activities-0-occasion_by": "2",
            "activities-2-name": "清掃",
            "activities-2-points": "5",
            "starts": "2026-11-14T08:00",
            "reason": "見本",
        },
    ),
    "desk.events.call_off": on("/desk/events/1", "/call-off", reason="見本"),
    "desk.events.take_up": after(on("/desk/events/1", "/take-up", reason="見本"), call_off_event, lambda _: (1, 1)),
    "desk.members.add": on("/desk/members/", "/members/", count="12"),
    "desk.members.lost": on_member("/lost"),
    "desk.members.found": after(on_member("/found"), lose_card, lambda scene: (scene.world.members[0], 1)),
    "desk.members.end": on_member("/end"),
    "desk.members.reopen": after(on_member("/reopen"), end_account, lambda scene: (scene.world.members[0],)),
    "desk.members.make_unknown": on_member("/unknown"),
}


def another_event(scene: Scene) -> str:
    without_clock(scene.world)
    return "2"


def picture(world: World) -> dict[str, set[tuple[object, ...]]]:
    """Every row of every table."""
    with world.store.reading() as connection:
        tables = rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table'")
        return {one.name: {tuple(row) for row in rows(connection, f"SELECT * FROM {one.name}")} for one in tables}


def send(desk: Desk, sent: Sent) -> tuple[Callable[[], Page], Page]:
    """Fill the form in and press its button, and that of the page that says what it takes back, if there is one.
    Return how to press the last button again, and the last answer.
    """
    page = desk.get(sent.page)
    answer = desk.submit(page, sent.ending, **sent.typed)
    if "の付与が変わります" not in answer.text:
        return partial(desk.submit, page, sent.ending, **sent.typed), answer
    return partial(desk.submit, answer, sent.ending), desk.submit(answer, sent.ending)


@pytest.fixture
def scene(sqlite: Store) -> Scene:
    return busy(World(sqlite))


def test_every_form_of_the_desk_is_tried_here(scene: Scene) -> None:
    rules = Desk(scene.world.hub).app.url_map.iter_rules()

    posting = {
        rule.endpoint for rule in rules if "POST" in (rule.methods or set()) and rule.endpoint.startswith("desk.")
    }

    assert posting - NO_ACTS == FORMS.keys()


@pytest.mark.parametrize("endpoint", FORMS)
def test_a_form_sent_twice_is_done_once(scene: Scene, endpoint: str) -> None:
    world, desk = scene.world, Desk(scene.world.hub)
    sent = FORMS[endpoint](scene)
    before = picture(world)

    again, first = send(desk, sent)
    after_first = picture(world)
    second = again()

    assert first.status == 200, first.text
    assert len(after_first["act"]) > len(before["act"])
    assert picture(world) == after_first
    assert "もう一度は行っていません" in second.text or "もうすべて新しくなっています" in second.text


@pytest.mark.parametrize(
    "endpoint", ["desk.kiosks.stop", "desk.offices.add_points", "desk.members.add", "desk.events.call_off"]
)
def test_clicks_at_the_same_moment_are_done_once(scene: Scene, endpoint: str) -> None:
    world, desk = scene.world, Desk(scene.world.hub)
    sent = FORMS[endpoint](scene)
    page, before, ready = desk.get(sent.page), picture(world)["act"], Barrier(3)

    def click(_: int) -> Page:
        browser = desk.twin()
        ready.wait()
        return browser.submit(page, sent.ending, **sent.typed)

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(click, range(3)))

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len(picture(world)["act"] - before) == 1
    assert sum("もう一度は行っていません" in answer.text for answer in answers) == 2
