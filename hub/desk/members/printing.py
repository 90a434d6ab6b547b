"""Card sheets. A few are drawn at once; many are made beside, and a page says how far that is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from hub.desk.base.acting import REFUSED
from hub.desk.base.forms import DeskForm
from hub.desk.base.jobs import Job, JobFailed
from hub.desk.members import queries
from hub.register.members import cards_of
from hub.served import served
from hub.service import Hub
from sync.envelope import MEMBER

AT_ONCE = 100
"""So many cards take about a second."""
REFRESH_SECONDS = 2

printing = Blueprint("printing", __name__)


@printing.get("/<int(max=99999999999999):member>/card.pdf")
def card(member: int) -> Response:
    """The newest card of one member, to print: of a number in use."""
    with served().hub.store.reading() as connection:
        file = queries.member_file(connection, member) or abort(HTTPStatus.NOT_FOUND, queries.NOT_KNOWN)
    if file.state != "open":
        flash("この番号は利用中ではないので、カードを印刷できません。", REFUSED)
        return redirect(url_for("desk.members.member", member=member))
    return _sheet([member], f"card-{member}.pdf")


@printing.get("/cards/<hex:act>.pdf")
def cards_of_join(act: bytes) -> Response:
    """The card sheets of the members who were added in one go."""
    found = _joined(act)
    if len(found) > AT_ONCE:
        return redirect(url_for(".prepare", act=act))
    return _sheet(found, "cards.pdf")


@printing.get("/cards/<hex:act>")
def prepare(act: bytes) -> str:
    """Before many cards are drawn: how many, and a button."""
    return render_template("members/prepare.html", act=act, count=len(_joined(act)), form=DeskForm(formdata=None))


@printing.post("/cards/<hex:act>")
def start(act: bytes) -> Response:
    """Begin to draw many cards. It changes nothing in the books, so that it needs no act."""
    members, hub, city = _joined(act), served().hub, served().office.city
    work = partial(_draw, hub, members, city)
    key = served().jobs.start(hub.random_bytes(8).hex(), act.hex(), len(members), work)
    return redirect(url_for(".progress", key=key))


@printing.get("/printing/<key>")
def progress(key: str) -> FlaskResponse:
    """How far the drawing is; then the sheets."""
    job = _job(key)
    is_over = job.is_over  # asked once: it may end meanwhile
    answer = FlaskResponse(
        render_template("members/progress.html", key=key, job=job, is_over=is_over), mimetype="text/html"
    )
    if not is_over:
        answer.headers["Refresh"] = str(REFRESH_SECONDS)
    return answer


@printing.get("/printing/<key>/cards.pdf")
def printed_cards(key: str) -> FlaskResponse:
    """The sheets that were made beside."""
    return _pdf(_job(key).result or abort(HTTPStatus.NOT_FOUND), "cards.pdf")


def _sheet(members: list[int], name: str) -> Response:
    """Return the sheets of a few members' newest cards, or the page of members with what is in the way."""
    try:
        return _pdf(_draw(served().hub, members, served().office.city, int), name)
    except JobFailed as failed:
        flash(str(failed), REFUSED)
        return redirect(url_for("desk.members.page"))


def _draw(hub: Hub, members: list[int], city: str, told: Callable[[int], object]) -> bytes:
    """Draw the newest card of each member. Raises JobFailed."""
    from hub.print.cards import CardError, card_sheet  # slow to import, and a hub without a printer never needs it

    with hub.store.reading() as connection:
        cards = cards_of(connection, members, hub.keyring.signer(MEMBER))
    try:
        return card_sheet(cards, city, told)
    except CardError as error:
        raise JobFailed(str(error)) from error


def _joined(act: bytes) -> list[int]:
    with served().hub.store.reading() as connection:
        return queries.joined_by(connection, act) or abort(HTTPStatus.NOT_FOUND)


def _job(key: str) -> Job:
    return served().jobs.find(key) or abort(HTTPStatus.NOT_FOUND)


def _pdf(content: bytes, name: str) -> FlaskResponse:
    sheet = FlaskResponse(content, mimetype="application/pdf")
    sheet.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return sheet
