"""The desk's pages of single records: lists by what became of them, and each opened down to its decision and reason,
with the forms that decide on it and take a decision back.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from hub.acts.decisions import dismiss, release, reopen_decision
from hub.desk.base.acting import Asked, Errand, Page, do, errand, fresh
from hub.desk.base.forms import VersionForm
from hub.desk.base.moves import Effect
from hub.desk.base.reasons import may_all_be_released
from hub.desk.base.shapes import record_number
from hub.desk.held.forms import DecideForm, write_name
from hub.desk.kiosks.page import name_of
from hub.desk.kiosks.queries import KioskLine, kiosk_line
from hub.desk.records import queries
from hub.intake.reasons import Reason
from hub.served import served

RECORDS_A_PAGE = 100
SHORT_LISTS = ("duplicate", "held", "dismissed")
"""What is listed by itself. The rest is the rule, and stands among all records of its kiosk."""

records = Blueprint("records", __name__, url_prefix="/records")


@records.get("/<hex:kiosk>")
def page(kiosk: bytes) -> str:
    """A kiosk's records in the order in which it wrote them: all of them, or those that became one thing."""
    became, first_seq = request.args.get("became", ""), request.args.get("first", 1, type=record_number)
    if became and became not in SHORT_LISTS:
        abort(HTTPStatus.NOT_FOUND)
    with served().hub.store.reading() as connection:
        line = kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        limit = RECORDS_A_PAGE + 1
        found = (
            queries.records_that(connection, kiosk, became, first_seq, limit)
            if became
            else queries.records(connection, kiosk, first_seq, limit)
        )
    more = found[RECORDS_A_PAGE].seq if len(found) > RECORDS_A_PAGE else None
    following = url_for(".page", kiosk=kiosk, became=became or None, first=more) if more else None
    return render_template(
        "records/records.html", line=line, became=became, records=found[:RECORDS_A_PAGE], following=following
    )


@records.get("/<hex:kiosk>/<seq:seq>/<hex:mark>")
def record(kiosk: bytes, seq: int, mark: bytes) -> str:
    """One record, and the forms that decide on it."""
    return _record_page(kiosk, seq, mark, None, None)


@records.post("/<hex:kiosk>/<seq:seq>/<hex:mark>/decide")
def decide(kiosk: bytes, seq: int, mark: bytes) -> Page:
    """Release the record or dismiss it; one that was posted can be dismissed too."""
    form = DecideForm()
    if form.validate():
        back = url_for(".record", kiosk=kiosk, seq=seq, mark=mark)
        asked = Asked(form, _errand(kiosk, seq, mark), back, form.reason.data, about=_about(kiosk, seq))
        entries = ((seq, mark),)
        if form.decision.data == "release":
            done = do(asked, release, kiosk, entries, form.reasons.data)
        else:
            done = do(asked, dismiss, kiosk, entries)
        if isinstance(done, Effect):
            verb = "反映しました" if form.decision.data == "release" else "取り消しにしました"
            flash(f"{verb}。{done.said}")
            return redirect(back)
        if done is not None:
            return done
    return _record_page(kiosk, seq, mark, form, None), HTTPStatus.BAD_REQUEST


@records.post("/<hex:kiosk>/<seq:seq>/<hex:mark>/back")
def take_back(kiosk: bytes, seq: int, mark: bytes) -> Page:
    """Take the decision on the record back."""
    form = VersionForm(prefix="back")
    if form.validate():
        back = url_for(".record", kiosk=kiosk, seq=seq, mark=mark)
        of = errand(reopen_decision, _name(kiosk, seq, mark))
        asked = Asked(form, of, back, form.reason.data, about=_about(kiosk, seq))
        done = do(asked, reopen_decision, kiosk, ((seq, mark),), {(seq, mark): form.version.data})
        if isinstance(done, Effect):
            flash(f"決める前に戻しました。{done.said}")
            return redirect(back)
        if done is not None:
            return done
    return _record_page(kiosk, seq, mark, None, form), HTTPStatus.BAD_REQUEST


def _about(kiosk: bytes, seq: int) -> str:
    return f"端末「{name_of(kiosk)}」の記録 {seq:,} 番"


def _name(kiosk: bytes, seq: int, mark: bytes) -> str:
    return f"{kiosk.hex()} {write_name(seq, mark)}"


def _errand(kiosk: bytes, seq: int, mark: bytes) -> Errand:
    return Errand("decide", _name(kiosk, seq, mark))


def _read(kiosk: bytes, seq: int, mark: bytes) -> tuple[KioskLine, queries.Story]:
    with served().hub.store.reading() as connection:
        line = kiosk_line(connection, kiosk) or abort(HTTPStatus.NOT_FOUND)
        return line, queries.story_of(connection, kiosk, seq, mark) or abort(HTTPStatus.NOT_FOUND)


def _record_page(
    kiosk: bytes, seq: int, mark: bytes, decide_form: DecideForm | None, back_form: VersionForm | None
) -> str:
    line, told = _read(kiosk, seq, mark)
    one = told.line
    form = decide_form
    can_decide = one.became == "held" or (one.grant is not None and one.became in {"posted", "duplicate"})
    if form is None and can_decide:
        form = fresh(DecideForm, "", _errand(kiosk, seq, mark), seen=1, reasons=one.reasons)
    decision = one.decision
    if back_form is None and decision is not None and decision.kind != "reopen":
        of = errand(reopen_decision, _name(kiosk, seq, mark))
        back_form = fresh(VersionForm, "back", of, version=decision.version)
    return render_template(
        "records/record.html",
        kiosk=line,
        story=told,
        form=form,
        back_form=back_form,
        name=write_name(seq, mark),
        may_release=may_all_be_released(one.reasons),
        is_unknown=bool(one.reasons & Reason.MEMBER_UNKNOWN),
    )
