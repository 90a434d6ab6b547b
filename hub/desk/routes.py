"""The desk: the clerk's pages, Japanese first. Here are signing in and out; the other pages hang below it, a folder for
each subject. Every page but the sign-in is for whoever came in by the link; every form is guarded against forged
requests.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from hub.desk.acts.routes import acts
from hub.desk.base import visitor, wording
from hub.desk.base.forms import DeskForm, SignInForm
from hub.desk.base.refused import refused_forms
from hub.desk.base.shapes import FILTERS
from hub.desk.events.routes import events
from hub.desk.front.routes import front, trust_clock
from hub.desk.held.routes import held
from hub.desk.kiosks.routes import kiosks
from hub.desk.members.routes import members
from hub.desk.offices.routes import offices
from hub.desk.records.routes import records
from hub.served import served
from hub.store.database import StoreError

desk = Blueprint("desk", __name__, url_prefix="/desk")
for part in (held, kiosks, records, offices, events, members, acts):
    desk.register_blueprint(part)
desk.get("/")(front)
desk.post("/clock")(trust_clock)
for name, shape in FILTERS.items():
    desk.add_app_template_filter(shape, name)

_OPEN_TO_ALL = {"desk.sign_in", "desk.try_sign_in"}


@desk.before_request
def _only_by_the_link() -> Response | None:
    if request.endpoint in _OPEN_TO_ALL or visitor.is_known():
        return None
    if request.method != "GET":
        abort(HTTPStatus.FORBIDDEN)
    return redirect(url_for("desk.sign_in"))


@desk.after_request
def _left_is_not_refused(answer: Response) -> Response:
    """A form that the clerk has left is shown again; nothing was wrong with it."""
    if g.get("is_left") and answer.status_code == HTTPStatus.BAD_REQUEST:
        answer.status_code = HTTPStatus.OK
    return answer


@desk.app_context_processor
def _what_every_page_has() -> dict[str, object]:
    return {
        "wording": wording,
        "office": served().office,
        "is_demo": served().hub.is_demo,
        "shown_ms": served().hub.wall_ms(),
        "refused_forms": refused_forms,
        "sign_out_form": DeskForm(formdata=None, prefix="out") if visitor.is_known() else None,
    }


@desk.get("/sign-in")
def sign_in() -> str:
    """The page behind the link. Opening it uses nothing up: browsers open links by themselves."""
    visitor.come_to_the_door()
    return render_template("base/sign_in.html", form=SignInForm(formdata=None, key=request.args.get("key", "")))


@desk.post("/sign-in")
def try_sign_in() -> Response | tuple[str, HTTPStatus]:
    """Use the link up and let its bearer in."""
    form = SignInForm()
    if form.validate() and visitor.enter(form.key.data or "", form.operator.data):
        return redirect(url_for("desk.front"))
    return render_template("base/sign_in.html", form=form, is_refused=not form.operator.errors), HTTPStatus.FORBIDDEN


@desk.post("/sign-out")
def sign_out() -> Response:
    """Leave; the next start of the hub prints a new link."""
    visitor.leave()
    return redirect(url_for("desk.sign_in"))


@desk.app_errorhandler(CSRFError)
def _form_too_old(_error: CSRFError) -> tuple[str, int] | Response:
    if request.endpoint == "desk.try_sign_in" and visitor.is_known():  # the second of two clicks
        return redirect(url_for("desk.front"))
    text = "画面が古くなっていました。前のページを開きなおして、もう一度お願いします。"
    return _error_page(HTTPStatus.BAD_REQUEST, text, "This page was out of date. Please open it again.")


@desk.app_errorhandler(StoreError)
def _busy(error: StoreError) -> tuple[str, int]:
    return _error_page(HTTPStatus.SERVICE_UNAVAILABLE, str(error), "")


@desk.app_errorhandler(HTTPException)
def _any_other(error: HTTPException) -> tuple[str, int] | HTTPException:
    texts = {
        HTTPStatus.FORBIDDEN: ("サインインが必要です。", "Please sign in first."),
        HTTPStatus.NOT_FOUND: ("このページはありません。", "There is no such page."),
        HTTPStatus.METHOD_NOT_ALLOWED: ("このページはありません。", "There is no such page."),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("送る内容が大きすぎます。", "Too much at once."),
        HTTPStatus.INTERNAL_SERVER_ERROR: (
            "センターの不具合です。いまの処理は行われていません。端末の記録には影響しません。",
            "The hub failed; nothing was done. Kiosk records are safe.",
        ),
    }
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    ja, en = texts.get(status, ("うまくいきませんでした。", status.phrase))
    if error.description != type(error).description:  # said by the page that was asked for
        ja, _, en = (error.description or "").partition(" / ")
    return _error_page(status, ja, en)


def _error_page(status: HTTPStatus, ja: str, en: str) -> tuple[str, int]:
    return render_template("base/error.html", ja=ja, en=en), status
