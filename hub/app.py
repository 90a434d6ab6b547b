"""Puts the hub's routes together into one Flask app: the wire for kiosks, the desk for the clerk. Decides nothing
itself.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from config.fonts import FONTS
from hub.desk.base.gate import Gate
from hub.desk.base.shapes import HexConverter, SeqConverter
from hub.desk.routes import desk
from hub.served import Office, Served, serve_with
from hub.service import Hub
from hub.serving import NotLoopback, loopback
from hub.wire.routes import wire
from sync.batch import LENGTH_LIMIT

FORM_LIMIT = 256 * 1024
"""Bytes; the largest form is a page of 100 entries to decide on, some 10 kB."""

_SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(hub: Hub, gate: Gate | None = None, office: Office | None = None) -> Flask:
    """Return the app for `hub`. Without a gate it makes its own, whose link nobody has: the desk stays shut."""
    app = Flask("hub", template_folder="desk", static_folder="desk/base/static")
    app.config.update(
        MAX_CONTENT_LENGTH=LENGTH_LIMIT,
        SECRET_KEY=hub.random_bytes(32),
        SESSION_COOKIE_HTTPONLY=True,
        # Browsers keep cookies by host, not by port: two hubs on one machine must not take each other's.
        SESSION_COOKIE_NAME=f"kumapo_desk_{hub.random_bytes(4).hex()}",
        SESSION_COOKIE_PATH="/desk",
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_FIELD_NAME="form_key",
        WTF_CSRF_TIME_LIMIT=None,  # a form left open over lunch is still the clerk's form
    )
    app.url_map.converters.update(hex=HexConverter, seq=SeqConverter)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    serve_with(app, Served(hub, gate or Gate(hub.random_bytes), office or Office()))
    app.before_request(_refuse_foreign_names)  # both before the guard against forged forms, which reads the form
    app.before_request(_limit_forms)
    CSRFProtect(app).exempt(wire)
    app.register_blueprint(wire)
    app.register_blueprint(desk)
    app.register_blueprint(Blueprint("fonts", __name__, static_folder=FONTS, static_url_path="/fonts"))
    app.add_url_rule("/", "front", lambda: redirect(url_for("desk.front")))
    app.after_request(_add_safe_headers)
    return app


def _refuse_foreign_names() -> Response | None:
    """Answer to loopback names only: a page elsewhere that makes its own name lead to this machine gets nothing.

    Flask's TRUSTED_HOSTS would do, but it takes no IPv6 address (Werkzeug 3.1).
    """
    try:
        loopback(urlsplit(f"//{request.host}").hostname or "")
    except (NotLoopback, ValueError):
        return Response("not this hub\n", HTTPStatus.BAD_REQUEST, mimetype="text/plain")
    return None


def _limit_forms() -> None:
    """Only the wire takes megabytes."""
    if request.blueprint != wire.name:
        request.max_content_length = FORM_LIMIT


def _add_safe_headers(response: AnyResponse) -> AnyResponse:
    response.headers.update(_SAFE_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
