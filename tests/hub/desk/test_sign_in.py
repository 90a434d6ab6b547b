"""Coming in by the link, and going: one browser, once; a double click is one."""

from __future__ import annotations

import pytest
from desk_browser import Desk
from hub_world import World

from hub.desk.base.gate import Gate


def test_the_link_opens_the_desk_once(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)
    link = desk.link
    seen = desk.get(link)

    opened = desk.submit(seen, "/sign-in", operator="7")

    other = Desk(world.hub, signed_in=False, app=desk.app)
    again = other.submit(other.get(link), "/sign-in", operator="8")
    assert (opened.status, opened.path) == (200, "/desk/")
    assert desk.gate.unused_key is None
    assert (again.status, "このリンクは使えません" in again.text) == (403, True)
    assert other.get("/desk/").path == "/desk/sign-in"
    assert desk.get("/desk/").path == "/desk/"


def test_opening_the_link_uses_nothing_up(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)

    for _ in range(3):
        desk.get(desk.link)

    assert desk.sign_in().path == "/desk/"


@pytest.mark.parametrize("key", ["", "0" * 32, "日本語", "x" * 5_000])
def test_a_wrong_key_opens_nothing_and_leaves_the_right_one_good(world: World, key: str) -> None:
    desk = Desk(world.hub, signed_in=False)
    page = desk.get(desk.link)

    refused = desk.submit(page, "/sign-in", key=key, operator="1")

    assert refused.status == 403
    assert desk.sign_in().path == "/desk/"


@pytest.mark.parametrize("operator", ["", "0", "10000", "見本1"])
def test_who_signs_in_says_a_number_and_keeps_the_link_until_then(world: World, operator: str) -> None:
    desk = Desk(world.hub, signed_in=False)

    refused = desk.submit(desk.get(desk.link), "/sign-in", operator=operator)

    assert refused.status == 403
    assert desk.gate.unused_key is not None


def test_a_double_click_on_the_sign_in_lets_the_clerk_in(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)
    page = desk.get(desk.link)
    second_click = desk.twin()

    first = desk.submit(page, "/sign-in", operator="7")
    world.now_ms += 59_000
    second = second_click.submit(page, "/sign-in", operator="7")

    assert (first.path, second.path) == ("/desk/", "/desk/")
    assert desk.get("/desk/").path == second_click.get("/desk/").path == "/desk/"


def test_a_second_click_that_comes_with_the_new_cookie_lets_the_clerk_in_too(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)
    page = desk.get(desk.link)
    desk.submit(page, "/sign-in", operator="7")

    again = desk.submit(page, "/sign-in", operator="7")

    assert (again.status, again.path) == (200, "/desk/")


def test_the_link_is_used_up_for_another_browser_and_after_a_minute(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)
    link = desk.link
    page = desk.get(link)
    late = desk.twin()
    stranger = Desk(world.hub, signed_in=False, app=desk.app)
    seen = stranger.get(link)
    desk.submit(page, "/sign-in", operator="7")

    other = stranger.submit(seen, "/sign-in", operator="8")
    world.now_ms += 61_000
    again = late.submit(page, "/sign-in", operator="7")

    assert (other.status, again.status) == (403, 403)
    assert stranger.get("/desk/").path == "/desk/sign-in"


def test_a_double_click_after_signing_out_opens_nothing(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)
    page = desk.get(desk.link)
    second_click = desk.twin()
    desk.submit(desk.submit(page, "/sign-in", operator="7"), "/sign-out")

    refused = second_click.submit(page, "/sign-in", operator="7")

    assert refused.status == 403
    assert second_click.get("/desk/").path == "/desk/sign-in"


def test_signing_out_closes_the_desk_for_every_copy_of_the_cookie(world: World) -> None:
    desk = Desk(world.hub)
    name = desk.app.config["SESSION_COOKIE_NAME"]
    cookie = desk.client.get_cookie(name, path="/desk")
    assert cookie is not None
    page = desk.get("/desk/")

    desk.submit(page, "/sign-out")

    desk.client.set_cookie(name, cookie.value, path="/desk")
    assert desk.get("/desk/").path == "/desk/sign-in"
    assert desk.gate.admit("anything") is None


def test_who_has_signed_out_is_told_where_a_new_link_comes_from(world: World) -> None:
    desk = Desk(world.hub)

    page = desk.submit(desk.get("/desk/"), "/sign-out")

    assert "センターを起動しなおすと新しいリンクが出ます" in page.text


def test_the_session_cookie_is_for_this_desk_alone(world: World) -> None:
    desk = Desk(world.hub, signed_in=False)

    answer = desk.client.get(desk.link)

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/desk" in cookie
    assert "Domain" not in cookie


def test_two_hubs_on_one_machine_do_not_take_each_others_cookies(world: World) -> None:
    one, other = Desk(world.hub), Desk(world.hub)

    names = {desk.app.config["SESSION_COOKIE_NAME"] for desk in (one, other)}

    assert len(names) == 2
    assert one.app.secret_key != other.app.secret_key


def test_a_new_gate_has_a_new_link(world: World) -> None:
    assert Gate(world.hub.random_bytes).unused_key != Gate(world.hub.random_bytes).unused_key
