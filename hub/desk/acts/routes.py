"""The desk's list of acts, and each act by itself: who, when, why, what, and how it is taken back."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from hub.acts.decisions import reopen_decision
from hub.desk.acts import queries
from hub.desk.base.acting import REFUSED, Asked, Page, do, done_before, errand, fresh, number_in, was_used
from hub.desk.base.deeds import deed_of
from hub.desk.base.forms import VersionForm
from hub.desk.base.moves import Effect
from hub.desk.base.shapes import moment, whole
from hub.served import served

ACTS_A_PAGE = 100
RECORDS_SHOWN = 200

acts = Blueprint("acts", __name__, url_prefix="/acts")


@acts.get("/")
def page() -> str:
    """What persons have done, the newest first."""
    before = queries.FIRST
    before_ms = request.args.get("before", type=whole)
    if before_ms is not None:
        before = (before_ms, request.args.get("act", b"", type=bytes.fromhex))
    with served().hub.store.reading() as connection:
        found = queries.acts(connection, ACTS_A_PAGE + 1, before)
    older = found[ACTS_A_PAGE - 1] if len(found) > ACTS_A_PAGE else None
    return render_template("acts/acts.html", acts=found[:ACTS_A_PAGE], older=older)


@acts.get("/<hex:number>")
def act(number: bytes) -> str:
    """One act."""
    return _act_page(number, None)


@acts.post("/<hex:number>/back")
def take_back(number: bytes) -> Page:
    """Take back what the act has decided on records, as far as nothing newer was decided. The form carries how many
    records that were when it was shown.
    """
    line = _line(number)
    if line.kiosk is None:
        abort(HTTPStatus.NOT_FOUND)
    form, of = VersionForm(prefix="back"), errand(reopen_decision, number)
    with served().hub.store.reading() as connection:
        standing = [one for one in queries.decided_by(connection, line.kiosk, number) if one.stands]
    sent = number_in(form, of)
    if sent is not None and was_used(sent) is not None:
        return done_before(sent)
    if form.validate():
        if len(standing) != form.version.data:
            flash("そのあいだに、別の決定がありました。いまの内容をごらんください。", REFUSED)
            return redirect(url_for(".act", number=number))
        seen = {(one.seq, one.hash): one.version for one in standing}
        entries = tuple(seen)
        what = f"{moment(line.done_ms)} の「{deed_of(line.kind).title.ja}」 {len(entries):,}件"
        about = f"端末「{line.kiosk_name}」・{what}"
        asked = Asked(form, of, url_for(".act", number=number), form.reason.data, about=about)
        done = do(asked, reopen_decision, line.kiosk, entries, seen)
        if isinstance(done, Effect):
            flash(f"{len(entries):,}件を、決める前に戻しました。{done.said}")
            return redirect(url_for(".act", number=done.act))
        if done is not None:
            return done
    return _act_page(number, form), HTTPStatus.BAD_REQUEST


def _line(number: bytes) -> queries.ActLine:
    with served().hub.store.reading() as connection:
        return queries.act_numbered(connection, number) or abort(HTTPStatus.NOT_FOUND)


def _act_page(number: bytes, form: VersionForm | None) -> str:
    line = _line(number)
    with served().hub.store.reading() as connection:
        decided = queries.decided_by(connection, line.kiosk, number) if line.kiosk else []
        left = queries.left_to_judge(connection, number)
        run = queries.range_of(connection, line.kiosk, number) if line.kiosk else None
        meant = queries.meant_by(connection, line.kiosk, number) if line.kiosk else ""
    standing = sum(one.stands and one.kind != "reopen" for one in decided)
    if form is None:
        form = fresh(VersionForm, "back", errand(reopen_decision, number), version=standing)
    return render_template(
        "acts/act.html",
        act=line,
        decided=decided[:RECORDS_SHOWN],
        count=len(decided),
        left=left,
        run=run,
        meant=meant,
        standing=standing,
        form=form if standing else None,
    )
