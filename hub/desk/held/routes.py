"""The desk's pages of what is held: by kiosk and reason, opened down to the entry, and the decisions on it."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.acts import decisions
from hub.acts.accounts import make_known
from hub.acts.decisions import ActRefused
from hub.desk.base import closer, overview, visitor
from hub.desk.base.forms import DecideForm, ReasonForm
from hub.desk.base.shapes import whole
from hub.desk.base.wording import Reason, reason_named, reason_of
from hub.served import served

ENTRIES_A_PAGE = 100

held = Blueprint("held", __name__, url_prefix="/held")

Page = Response | str | tuple[str, HTTPStatus]


@held.get("/")
def page() -> str:
    """Everything that waits for a decision, by kiosk and reason."""
    with served().hub.store.reading() as connection:
        groups = overview.held_groups(connection)
    return render_template("held/held.html", groups=[(group, reason_of(group.reason)) for group in groups])


@held.get("/<hex:kiosk>/<name>")
def group(kiosk: bytes, name: str) -> str:
    """One kiosk's entries that are held for one reason."""
    return _group_page(kiosk, _reason(name), DecideForm(formdata=None), request.args.get("from", 0, type=whole))


@held.post("/<hex:kiosk>/<name>")
def decide(kiosk: bytes, name: str) -> Page:
    """Release or dismiss some of them, or all."""
    reason, form = _reason(name), DecideForm()
    if form.validate():
        try:
            return _decide(kiosk, reason, form)
        except ActRefused as error:
            form.refuse("reason", str(error))
    return _group_page(kiosk, reason, form, 0), HTTPStatus.BAD_REQUEST


@held.get("/unknown-members")
def unknown_members() -> str:
    """The numbers nobody knows that have grants waiting."""
    return _unknown_page({})


@held.post("/unknown-members/<int:member>")
def know_member(member: int) -> Page:
    """Make such a number known; its grants are judged again."""
    form = ReasonForm(prefix=f"m{member}")
    if form.validate():
        try:
            make_known(served().hub, member, form.reason.data, visitor.done_by())
        except ActRefused as error:
            form.refuse("reason", str(error))
        else:
            flash("番号を登録し、保留していた付与を見なおしました。")
            return redirect(url_for("desk.held.unknown_members"))
    return _unknown_page({member: form}), HTTPStatus.BAD_REQUEST


def _reason(name: str) -> Reason:
    return reason_named(name) or abort(HTTPStatus.NOT_FOUND)


def _decide(kiosk: bytes, reason: Reason, form: DecideForm) -> Page:
    """Carry the decision out and say what came of it. What was chosen must still be what the clerk has seen."""
    hub = served().hub
    with hub.store.reading() as connection:
        before = closer.held_hashes(connection, kiosk, reason.inner)
    if form.everything.data and form.seen.data != len(before):
        raise ActRefused("そのあいだに件数が変わりました。もう一度ごらんください / the number has changed meanwhile")
    chosen = before if form.everything.data else [bytes.fromhex(entry) for entry in form.entries.data]
    act = decisions.release if form.decision.data == "release" else decisions.dismiss
    act(hub, kiosk, chosen, form.reason.data, visitor.done_by())
    with hub.store.reading() as connection:
        left = set(closer.held_hashes(connection, kiosk, "%")) & set(chosen)
    done = "反映しました" if act is decisions.release else "取り消しにしました"
    flash(
        f"{len(chosen) - len(left):,}件を{done}。"
        + (f"{len(left):,}件は、ほかの理由でまだ要確認です。" if left else "")
    )
    if len(chosen) == 1:
        return redirect(_address_of(kiosk, chosen[0]))
    return redirect(url_for("desk.held.page"))


def _address_of(kiosk: bytes, chosen: bytes) -> str:
    """Return where one record's page is, which now shows the decision."""
    with served().hub.store.reading() as connection:
        seq = closer.number_of(connection, kiosk, chosen)
    return url_for("desk.records.record", kiosk=kiosk, seq=seq, mark=chosen)


def _group_page(kiosk: bytes, reason: Reason, form: DecideForm, first: int) -> str:
    with served().hub.store.reading() as connection:
        line = overview.kiosk_line(connection, kiosk)
        entries = closer.held_entries(connection, kiosk, reason.inner, ENTRIES_A_PAGE, max(0, first))
        count, points = closer.held_points(connection, kiosk, reason.inner)
    if line is None:
        abort(HTTPStatus.NOT_FOUND)
    form.seen.data = count
    following = first + ENTRIES_A_PAGE if first + ENTRIES_A_PAGE < count else None
    return render_template(
        "held/held_group.html",
        line=line,
        reason=reason,
        entries=entries,
        count=count,
        points=points,
        form=form,
        following=following,
    )


def _unknown_page(shown: dict[int, ReasonForm]) -> str:
    with served().hub.store.reading() as connection:
        found = closer.unknown_members(connection)
    numbers = [(*one, shown.get(one[0]) or ReasonForm(formdata=None, prefix=f"m{one[0]}")) for one in found]
    return render_template("held/unknown_members.html", numbers=numbers)
