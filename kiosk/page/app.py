"""The routes of the participant's screen: the page, its events, the camera picture, and what was typed at it.

It decides nothing: it shows what the board holds and hands on what was typed. Nothing personal is in any answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from flask import Blueprint, Flask, Response, abort, current_app, render_template, request, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

from config.fonts import FONTS
from kiosk.board import Showing
from kiosk.catalogue import Catalogue
from kiosk.face import Face
from kiosk.page.parts import parts_of, speaking
from kiosk.page.streams import Streams
from kiosk.typed import Typed

BODY_LIMIT = 2_048
"""Bytes; a member's code is at most 154 characters."""
FONT_SECONDS = 86_400

_SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_EXTENSION = "kumapo_screen"

page = Blueprint("page", __name__, template_folder="templates", static_folder="static")


class Screen(NamedTuple):
    """What a page is made from. `run` is another word in every run of the program, so that open pages renew
    themselves; `lang` is the language of a page that asks for none.
    """

    face: Face
    streams: Streams
    catalogues: Mapping[str, Catalogue]
    lang: str
    run: str


def create_app(screen: Screen) -> Flask:
    """Return the app that shows `screen`."""
    app = Flask("kiosk.page", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=BODY_LIMIT)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions[_EXTENSION] = screen
    app.before_request(_refuse_foreign_names)
    app.after_request(_add_safe_headers)
    app.register_blueprint(page)
    return app


@page.get("/")
def show_page() -> str:
    """Answer with the whole page, so that it shows something before its first event."""
    screen, catalogue = _screen(), _catalogue()
    now = screen.face.board.now.showing
    return render_template(
        "page.html",
        **speaking(catalogue),
        parts=parts_of(now, catalogue),
        showing=now,
        language=catalogue.language,
        languages=[other.language for other in screen.catalogues.values()],
        default_lang=screen.lang,
        run=screen.run,
    )


@page.get("/events")
def show_events() -> Response:
    """Answer with server-sent events for as long as the page is open."""
    app, screen, catalogue = current_app._get_current_object(), _screen(), _catalogue()  # type: ignore[attr-defined]  # noqa: SLF001  # Flask's own way to the app behind the name

    def render(showing: Showing) -> dict[str, str]:
        with app.app_context():
            return parts_of(showing, catalogue)

    return Response(screen.streams.open(screen.run, render), mimetype="text/event-stream")


@page.get("/picture.jpg")
def show_picture() -> Response:
    """Answer with the newest camera picture, or with nothing."""
    jpeg = _screen().face.mirror.take()
    return Response(jpeg, HTTPStatus.OK if jpeg else HTTPStatus.NO_CONTENT, mimetype="image/jpeg")


@page.post("/typed")
def take_typed() -> Response:
    """Hand on what was typed or scanned by hand at the page. Other pages may not type."""
    if request.origin != request.host_url.rstrip("/"):
        abort(HTTPStatus.FORBIDDEN)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        abort(HTTPStatus.FORBIDDEN)
    try:
        typed = msgspec.json.decode(request.get_data(), type=Typed)
    except msgspec.DecodeError:
        abort(HTTPStatus.BAD_REQUEST)
    return Response(status=HTTPStatus.NO_CONTENT if _screen().face.keys.put(typed) else HTTPStatus.SERVICE_UNAVAILABLE)


@page.get("/fonts/<name>")
def show_font(name: str) -> Response:
    """Answer with a vendored font."""
    return send_from_directory(FONTS, name, max_age=FONT_SECONDS)


def _screen() -> Screen:
    screen: Screen = current_app.extensions[_EXTENSION]
    return screen


def _catalogue() -> Catalogue:
    """The language that was asked for, if there is such a one."""
    screen = _screen()
    return screen.catalogues.get(request.args.get("lang", "")) or screen.catalogues[screen.lang]


def _refuse_foreign_names() -> Response | None:
    """Answer to loopback names only: a page elsewhere that makes its own name lead to this machine gets nothing.

    Flask's TRUSTED_HOSTS would do, but it takes no IPv6 address (Werkzeug 3.1).
    """
    if _is_loopback(request.host):
        return None
    return Response("not this booth\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _add_safe_headers(response: AnyResponse) -> AnyResponse:
    response.headers.update(_SAFE_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
