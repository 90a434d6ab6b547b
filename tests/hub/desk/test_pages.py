"""All pages of the desk at once, found by following links: who may open them, which words never stand on them, and that
what people type stays text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from desk_browser import FORM_KEY, Desk, Page
from desk_scene import Scene, busy, without_clock
from flask import Flask
from hub_stores import sqlite_store
from hub_world import HELP, VISIT, World, sample_keyring
from werkzeug.routing import Rule

from hub.acts.decisions import dismiss
from hub.acts.events import call_off_event
from hub.acts.journal import accept_hole, give_up_tail, replace_range, say_boot_start
from hub.acts.kiosks import stop_kiosk
from hub.acts.members import end_account, lose_card
from hub.acts.organisations import add_organisation
from hub.desk.acts.queries import acts
from hub.served import Office
from hub.service import Hub
from hub.store.database import Store, row, rows
from sync.citytime import city_day
from sync.keys import DEMO_LABEL

INNER_WORDS: Final = (
    *("epoch", "fork", "verdict", "token", "chain", "hash", "envelope", "batch", "cursor", "nonce", "manifest"),
    *("bucket", "payload", "entry", "fence", "revoke", "cbor", "sqlite", "exception", "csrf"),
)
"""Words of the code that no screen may show (the last column of the table of words is what people read)."""

PAYLOADS: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><b onmouseover=alert(1)>",
    '" onfocus=alert(1) autofocus="',
    "' onclick=alert(1) x='",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</option></select><h1>x</h1>",
    "<!-- <a href=x>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=//x><input name=y>",
    "<iframe srcdoc=x>",
    "<style>*{display:none}</style>",
    "<base href=//x>",
    "<meta http-equiv=refresh content=0>",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    "&lt;b&gt; &amp;amp; &#60;i&#62;",
    "</li></ul></main><p>x",
)


def every_page(desk: Desk, first: str = "/desk/") -> Iterator[Page]:
    """Follow every link from the front page; card sheets are left out."""
    seen, waiting = {first}, [first]
    while waiting:
        page = desk.get(waiting.pop())
        yield page
        fresh = [link.partition("#")[0] for link in page.links if not link.endswith(".pdf")]
        waiting += [link for link in dict.fromkeys(fresh) if link not in seen]
        seen.update(fresh)


def posting_rules(app: Flask) -> list[Rule]:
    """Every address of the desk that a form may go to."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("desk.")]
    return [rule for rule in rules if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}]


def address_of(app: Flask, rule: Rule, scene: Scene) -> str:
    """An address of that rule that leads to something."""
    with scene.world.store.reading() as connection:
        newest = next(one.act for one in acts(connection, 100) if one.kind == "add members")
    values = {
        "kiosk": scene.short.kiosk,
        "enrolment": scene.answered,
        "name": "share",
        "member": scene.world.members[0],
        "number": newest if "acts" in rule.endpoint else scene.world.event,
        "act": newest,
        "organisation": scene.world.organisation,
        "first": 5,
        "version": 1,
        "boot": scene.short.boot,
        "seq": 2,
        "mark": scene.short.entries[1].hash,
    }
    with app.test_request_context():
        return app.url_map.bind("127.0.0.1").build(rule.endpoint, {name: values[name] for name in rule.arguments})


def picture(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with world.store.reading() as connection:
        tables = rows(connection, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {one.name: [tuple(found) for found in rows(connection, f"SELECT * FROM {one.name}")] for one in tables}


def visible(page: Page) -> str:
    """The words of a page and of the attributes that people meet, addresses included."""
    attributes = [value or "" for _, given in page.tags for name, value in given.items() if name != "d"]
    return " ".join([page.text, *attributes]).lower()


# who may do what


def test_every_form_without_its_key_is_refused_and_changes_nothing(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    addresses = {address_of(desk.app, rule, scene) for rule in posting_rules(desk.app)}
    before = picture(scene.world)

    answers = {address: desk.client.post(address, data={"reason": "x"}).status_code for address in addresses}
    forged = {address: desk.client.post(address, data={FORM_KEY: "IjEi.Z.Z"}).status_code for address in addresses}

    refused = dict.fromkeys(addresses, 400) | {"/desk/sign-in": 302}  # who is in already is shown the desk
    assert len(addresses) >= 20
    assert answers == refused
    assert forged == refused
    assert picture(scene.world) == before


def test_every_form_without_a_session_is_refused_and_changes_nothing(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    stranger = Desk(scene.world.hub, signed_in=False, app=desk.app)
    key = stranger.get("/desk/sign-in?key=0").form("/sign-in").fields[FORM_KEY]
    addresses = {address_of(desk.app, rule, scene) for rule in posting_rules(desk.app)}
    before = picture(scene.world)

    answers = {
        address: stranger.client.post(address, data={FORM_KEY: key, "reason": "x"}).status_code for address in addresses
    }

    assert answers == dict.fromkeys(addresses, 403)
    assert picture(scene.world) == before


def test_a_key_of_another_session_is_refused(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    stranger = Desk(scene.world.hub, signed_in=False, app=desk.app)
    key = stranger.get("/desk/sign-in?key=0").form("/sign-in").fields[FORM_KEY]
    address = f"/desk/kiosks/{scene.short.kiosk.hex()}/stop"

    answer = desk.client.post(address, data={f"stop-{FORM_KEY}": key, "stop-reason": "x"})

    assert answer.status_code == 400
    assert "画面が古くなっていました" in answer.text


def test_every_page_without_a_session_leads_to_the_sign_in(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    stranger = Desk(scene.world.hub, signed_in=False, app=desk.app)

    pages = [page.path for page in every_page(desk)]

    assert len(pages) > 25
    assert {stranger.get(path).path for path in pages} == {"/desk/sign-in"}
    assert stranger.client.get("/desk/members/cards/01.pdf").status_code == 302


def test_every_post_form_carries_its_key_and_every_get_form_none(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    forms = [(page.path, form) for page in every_page(desk) for form in page.forms]

    assert {form.method for _, form in forms} == {"GET", "POST"}
    assert {path for path, form in forms if bool(form.keys) != (form.method == "POST")} == set()


def test_what_is_not_there_is_said_kindly(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    paths = ("/desk/nothing", "/desk/kiosks/00", "/desk/kiosks/abc", "/desk/held/0011223344556677/share")
    more = ("/desk/events/99", "/desk/members/99999999999999999999", "/desk/held/00/nonsense")

    pages = [desk.get(path) for path in (*paths, *more)]

    assert {page.status for page in pages} == {404}
    assert all("このページはありません" in page.text for page in pages)


# the pages themselves


def with_everything_said(scene: Scene) -> None:
    """Let persons have said something of everything there is to say."""
    world, dark = scene.world, without_clock(scene.world)
    world.do(accept_hole, scene.gap.kiosk, 5, 7)
    world.do(give_up_tail, scene.gap.kiosk, 12, 13)
    world.do(replace_range, scene.gap.kiosk, 2, 2, world.event, VISIT, world.event, HELP)
    world.do(say_boot_start, dark.kiosk, dark.boot, dark.started_ms)
    world.do(lose_card, world.members[0], 1)
    world.do(end_account, world.members[1])
    world.do(dismiss, scene.late.kiosk, ((2, scene.late.entries[1].hash),))
    world.do(stop_kiosk, scene.short.kiosk)
    world.do(call_off_event, world.event, 1)
    dark.boot = bytes(range(1, 17))
    dark.grant(36, event=2, activity=HELP, occasion=city_day(world.now_ms), points=100)
    dark.send()


def test_every_page_opens_on_either_engine(store: Store) -> None:
    scene = busy(World(store))
    with_everything_said(scene)
    desk = Desk(scene.world.hub)

    pages = {page.path: page.status for page in every_page(desk)}

    assert set(pages.values()) == {200}
    endings = ("/acts/", "/recount", "/members/", "/share", "/day", "/two-lines", "/events/new", "/unknown-members")
    for ending in endings:
        assert any(path.endswith(ending) for path in pages), ending


def test_no_page_shows_an_inner_word(scene: Scene) -> None:
    desk = Desk(scene.world.hub)
    page = desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time")
    desk.submit(page, "/time", everything="y", decision="release", reason="確かめた")

    found = {
        (page.path, word)
        for page in every_page(desk)
        for word in INNER_WORDS
        if re.search(rf"(?<![a-z]){word}", visible(page))
    }

    assert found == set()


def test_every_page_is_whole_html_without_script_or_foreign_address(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    for page in every_page(desk):
        tags = Counter(tag for tag, _ in page.tags)
        addresses = [value or "" for _, given in page.tags for name, value in given.items() if name in {"href", "src"}]
        assert (tags["html"], tags["main"], tags["h1"], tags["title"]) == (1, 1, 1, 1), page.path
        assert not {"script", "style", "iframe", "object", "embed"} & tags.keys(), page.path
        assert all(address.startswith(("/", "#")) for address in addresses), page.path
        assert not [name for _, given in page.tags for name in given if name.startswith("on") or name == "style"]
        assert ("html", {"lang": "ja"}) in page.tags


def test_every_field_has_its_label_and_every_id_stands_once(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    for page in every_page(desk):
        ids = [given["id"] for _, given in page.tags if "id" in given]
        labels = {given.get("for") for tag, given in page.tags if tag == "label"}
        fields = [
            given.get("id")
            for tag, given in page.tags
            if tag in {"select", "textarea"} or (tag == "input" and given.get("type") != "hidden")
        ]
        assert len(ids) == len(set(ids)), (page.path, Counter(ids).most_common(2))
        assert set(fields) <= labels, page.path


def test_an_error_stands_beside_its_field_and_what_was_typed_stays(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    page = desk.submit(desk.get("/desk/kiosks/"), "/invitations", name="見本図書館", address="nowhere")

    wrong = next(given for _, given in page.tags if given.get("aria-invalid") == "true")
    assert wrong["id"] == "invite-address"
    assert wrong["value"] == "nowhere"
    described = (wrong["aria-describedby"] or "").split()
    assert set(described) <= {given.get("id") for _, given in page.tags}
    assert 'value="見本図書館"' in page.html


def test_every_act_says_how_it_is_taken_back(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    pages = [
        desk.get(f"/desk/kiosks/{scene.gap.kiosk.hex()}"),
        desk.get(f"/desk/held/{scene.late.kiosk.hex()}/time"),
        desk.get("/desk/organisations/"),
        desk.get(f"/desk/members/{scene.world.members[0]}"),
    ]

    assert all("で元に戻せます" in page.text for page in pages)
    assert not any("この処理は取り消せません" in page.text for page in pages)


def test_a_demo_says_so_on_every_page(sqlite: Store) -> None:
    world = World(sqlite)
    world.hub = Hub(sqlite, sample_keyring(DEMO_LABEL), lambda: world.now_ms, world.hub.random_bytes)
    desk = Desk(world.hub)

    pages = list(every_page(desk))

    assert len(pages) >= 7
    assert all("デモ用のセンターです" in page.text for page in pages)


def test_the_citys_name_is_what_the_office_was_told(world: World) -> None:
    desk = Desk(world.hub, office=Office(city="見本市", address="http://127.0.0.1:9999"))

    page = desk.get("/desk/kiosks/")

    assert "見本市・窓口" in page.text
    assert page.form("/invitations").fields["invite-address"] == "http://127.0.0.1:9999"


# what people type


def type_everywhere(desk: Desk, world: World, payload: str) -> None:
    """Name an organisation, an allotment, an event, an activity and a kiosk so, and give it as a reason."""
    offices = desk.submit(desk.get("/desk/organisations/"), "/organisations/", name=payload)
    newest = offices.form("/allotments").offered["allotment-organisation"][-1]
    offices = desk.submit(offices, "/allotments", organisation=newest, name=payload, points="5", reason="予算")
    offices = desk.submit(offices, "/raise", allotment=newest, points="5", reason=payload)
    event = {"name": payload, "starts": "2026-11-20T09:00", "ends": "2026-11-20T12:00", "allotment": newest}
    row_0 = {"activities-0-name": payload, "activities-0-points": "5"}
    told = desk.submit(desk.get("/desk/events/new"), "/events/new", **event, **row_0)
    assert told.status == 200, told.text
    desk.submit(desk.get("/desk/kiosks/"), "/invitations", name=payload, address="http://127.0.0.1:1")
    booth = world.booth(payload, total=500)
    booth.grant(0, points=70)
    booth.send()
    desk.submit(desk.get(f"/desk/kiosks/{booth.kiosk.hex()}"), "/top-up", points="5", reason=payload)
    desk.submit(desk.get(f"/desk/members/{world.members[1]}"), "/lost", reason=payload)


def shapes(pages: list[Page]) -> set[tuple[str, frozenset[str]]]:
    """Every kind of tag with the names of its attributes."""
    return {(tag, frozenset(given)) for page in pages for tag, given in page.tags}


def test_what_people_type_stays_text_on_every_page(sqlite_template: Path, tmp_path: Path) -> None:
    with sqlite_store(sqlite_template, tmp_path) as one, sqlite_store(sqlite_template, tmp_path) as other:
        harmless, attacked = World(one), World(other)
        desks = Desk(harmless.hub), Desk(attacked.hub)
        for number, payload in enumerate(PAYLOADS):
            type_everywhere(desks[0], harmless, f"見本{number}")
            type_everywhere(desks[1], attacked, payload)

        expected, pages = shapes(list(every_page(desks[0]))), list(every_page(desks[1]))

    assert shapes(pages) == expected
    for payload in PAYLOADS:
        assert sum(re.sub(r"\s+", " ", payload) in page.text for page in pages) >= 8, payload


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_refused_is_shown_again_as_text(world: World, payload: str) -> None:
    desk = Desk(world.hub)
    page = desk.get("/desk/organisations/")

    harmless = desk.submit(page, "/raise", points="x", reason="見本")
    attacked = desk.submit(page, "/raise", points=payload, reason=payload)

    assert shapes([attacked]) == shapes([harmless])
    assert [given["value"] for _, given in attacked.tags if given.get("name") == "raise-reason"] == [payload]


def test_a_form_far_too_large_is_refused(scene: Scene) -> None:
    desk = Desk(scene.world.hub)

    answer = desk.client.post("/desk/organisations/", data={"organisation-name": "x" * 600_000})

    assert answer.status_code == 413
    with scene.world.store.reading() as connection:
        assert row(connection, "SELECT count(*) AS organisations FROM organisation").organisations == 1


def test_an_organisation_that_only_serves_gets_no_allotment(world: World) -> None:
    world.do(add_organisation, "見本協力店会", "serves")

    form = Desk(world.hub).get("/desk/organisations/").form("/allotments")

    assert form.offered["allotment-organisation"] == ["1"]
