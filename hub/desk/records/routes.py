"""The desk's pages of single records: lists by what became of them, and each opened down to its decision and reason."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, render_template, request, url_for

from hub.desk.base import overview, story
from hub.desk.base.forms import DecideForm
from hub.desk.base.shapes import whole
from hub.desk.base.wording import reason_of
from hub.served import served

RECORDS_A_PAGE = 100
SHORT_LISTS = ("duplicate", "held", "dismissed")
"""What is listed by itself. The rest is the rule, and stands among all records of its kiosk."""

records = Blueprint("records", __name__, url_prefix="/records")


@records.get("/<hex:kiosk>")
def page(kiosk: bytes) -> str:
    """A kiosk's records in the order in which it wrote them: all of them, or those that became one thing."""
    became, first_seq = request.args.get("became", ""), request.args.get("first", 1, type=whole)
    if became and became not in SHORT_LISTS:
        abort(HTTPStatus.NOT_FOUND)
    with served().hub.store.reading() as connection:
        line = overview.kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        limit = RECORDS_A_PAGE + 1
        found = (
            story.records_that(connection, kiosk, became, first_seq, limit)
            if became
            else story.records(connection, kiosk, first_seq, limit)
        )
    more = found[RECORDS_A_PAGE].seq if len(found) > RECORDS_A_PAGE else None
    following = url_for(".page", kiosk=kiosk, became=became or None, first=more) if more else None
    return render_template(
        "records/records.html", line=line, became=became, records=found[:RECORDS_A_PAGE], following=following
    )


@records.get("/<hex:kiosk>/<int(max=9007199254740991):seq>/<hex:mark>")
def record(kiosk: bytes, seq: int, mark: bytes) -> str:
    """One record, and where it is held the form that decides it."""
    with served().hub.store.reading() as connection:
        line = overview.kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        told = story.story_of(connection, kiosk, seq, mark) or abort(HTTPStatus.NOT_FOUND)
    form = DecideForm(formdata=None, seen=0) if told.line.became == "held" else None
    return render_template("records/record.html", kiosk=line, story=told, reason=reason_of(told.line.why), form=form)
