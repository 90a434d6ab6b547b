"""The desk's pages of what is held: by kiosk and first reason, opened down to the record, and the decisions on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from hub.acts.decisions import dismiss, release
from hub.acts.doing import kind_of
from hub.acts.members import make_known
from hub.desk.base.acting import (
    REFUSED,
    Asked,
    Errand,
    Page,
    do,
    done_before,
    errand,
    fresh,
    number_in,
    was_used,
)
from hub.desk.base.forms import ReasonForm
from hub.desk.base.moves import Effect
from hub.desk.base.reasons import Why, why_named, why_of
from hub.desk.base.shapes import whole
from hub.desk.held import queries
from hub.desk.held.forms import DecideForm, write_name
from hub.desk.held.queries import Group
from hub.desk.kiosks.page import name_of
from hub.desk.kiosks.queries import kiosk_line
from hub.served import served
from sync.member import printed

ENTRIES_A_PAGE = 100
NUMBERS_A_PAGE = 100

held = Blueprint("held", __name__, url_prefix="/held")


@held.get("/")
def page() -> str:
    """Everything that waits for a decision, by kiosk and reason."""
    with served().hub.store.reading() as connection:
        groups = queries.held_groups(connection)
        unknown = queries.unknown_count(connection)
    return render_template("held/held.html", groups=groups, unknown=unknown)


@held.get("/<hex:kiosk>/<name>")
def group(kiosk: bytes, name: str) -> str:
    """One kiosk's records that are held for one reason before others."""
    why, meant = _meant(kiosk, name)
    form = fresh(DecideForm, "", _errand(meant), seen=0)
    return _group_page(why, meant, form, request.args.get("from", 0, type=whole))


@held.post("/<hex:kiosk>/<name>")
def decide(kiosk: bytes, name: str) -> Page:
    """Release or dismiss some of them, or all."""
    why, meant = _meant(kiosk, name)
    form = DecideForm()
    if form.validate():
        answer = _decide(meant, form)
        if answer is not None:
            return answer
    return _group_page(why, meant, form, 0), HTTPStatus.BAD_REQUEST


@held.get("/unknown-members")
def unknown_members() -> str:
    """The numbers nobody knows that have grants waiting."""
    return _unknown_page(_first(), {})


@held.post("/unknown-members/<int:member>")
def know_member(member: int) -> Page:
    """Make such a number known; its grants are judged again."""
    form, back = ReasonForm(prefix=f"m{member}"), url_for(".unknown_members", **_from(_first()))
    if form.validate():
        asked = Asked(form, errand(make_known, member), back, form.reason.data, about=printed(member))
        done = do(asked, make_known, member)
        if isinstance(done, Effect):
            flash(f"番号 {printed(member)} を登録しました。{done.said}")
            return redirect(back)
        if done is not None:
            return done
    return _unknown_page(_first(), {member: form}), HTTPStatus.BAD_REQUEST


def _meant(kiosk: bytes, name: str) -> tuple[Why, Group]:
    """Return which group an address means."""
    why = why_named(name) or abort(HTTPStatus.NOT_FOUND)
    boot = request.args.get("boot", b"", type=bytes.fromhex)
    return why, Group(kiosk, why.reason, boot if why.reason & queries.BY_BOOT else b"")


def _errand(meant: Group) -> Errand:
    return Errand("decide", f"{meant.kiosk.hex()} {int(meant.reason)} {meant.boot.hex()}")


def _decide(meant: Group, form: DecideForm) -> Page | None:
    """Carry the decision out and say what came of it."""
    function = release if form.decision.data == "release" else dismiss
    back = _address(meant)
    chosen = form.chosen()
    if form.everything.data:
        with served().hub.store.reading() as connection:
            chosen, mark = queries.shown(connection, meant)
        if form.shown.data != mark:
            return _not_as_seen(meant, form, kind_of(function))
    about = f"端末「{name_of(meant.kiosk)}」の要確認「{why_of(int(meant.reason)).title.ja}」 {len(chosen):,}件"
    asked = Asked(form, _errand(meant), back, form.reason.data, about=about)
    more = (form.reasons.data,) if function is release else ()
    done = do(asked, function, meant.kiosk, chosen, *more)
    return _said(meant.kiosk, chosen, form.decision.data, done) if isinstance(done, Effect) else done


def _not_as_seen(meant: Group, form: DecideForm, kind: str) -> Page:
    """Answer where "all" is not what the clerk has seen: because this very form has decided it, or something came."""
    number = number_in(form, _errand(meant))
    used = was_used(number) if number is not None else None
    if number is not None and used is not None and (used.kind, used.entries) == (kind, form.seen.data):
        return done_before(number)
    flash("そのあいだに中身が変わりました。もう一度ごらんください。まだ何も決めていません。", REFUSED)
    return redirect(_address(meant))


def _said(kiosk: bytes, chosen: tuple[tuple[int, bytes], ...], decision: str, done: Effect) -> Page:
    """Say what came of a decision, and lead to where it is seen."""
    with served().hub.store.reading() as connection:
        left = queries.still_held(connection, kiosk) & {entry_hash for _, entry_hash in chosen}
    verb = "反映しました" if decision == "release" else "取り消しにしました"
    still = f"{len(left):,}件は、ほかの理由でまだ要確認です。" if left else ""
    flash(f"{len(chosen) - len(left):,}件を{verb}。{still}{done.said}")
    if len(chosen) == 1:
        seq, entry_hash = chosen[0]
        return redirect(url_for("desk.records.record", kiosk=kiosk, seq=seq, mark=entry_hash))
    return redirect(url_for("desk.held.page"))


def _address(meant: Group) -> str:
    name = why_of(int(meant.reason)).name
    return url_for("desk.held.group", kiosk=meant.kiosk, name=name, boot=meant.boot.hex() or None)


def _group_page(why: Why, meant: Group, form: DecideForm, first: int) -> str:
    with served().hub.store.reading() as connection:
        line = kiosk_line(connection, meant.kiosk)
        entries = queries.held_entries(connection, meant, ENTRIES_A_PAGE, max(0, first))
        extent, mark = queries.extent(connection, meant), queries.shown(connection, meant).mark
    if line is None:
        abort(HTTPStatus.NOT_FOUND)
    form.seen.data, form.shown.data, form.reasons.data = extent.entries, mark, extent.reasons
    following = first + ENTRIES_A_PAGE if first + ENTRIES_A_PAGE < extent.entries else None
    return render_template(
        "held/held_group.html",
        line=line,
        why=why,
        meant=meant,
        entries=entries,
        extent=extent,
        form=form,
        following=following,
        name_of=write_name,
    )


def _first() -> int:
    """Return the number that the page of unknown numbers begins with, as its address says."""
    return request.args.get("from", 0, type=whole)


def _from(first: int) -> dict[str, Any]:  # as url_for takes them
    """Return what an address says of where a page begins."""
    return {"from": first} if first else {}


def _unknown_page(first: int, shown: dict[int, ReasonForm]) -> str:
    with served().hub.store.reading() as connection:
        found = queries.unknown_members(connection, first, NUMBERS_A_PAGE + 1)
        count = queries.unknown_count(connection)
    numbers = [
        (*one, shown.get(one[0]) or fresh(ReasonForm, f"m{one[0]}", errand(make_known, one[0])))
        for one in found[:NUMBERS_A_PAGE]
    ]
    following = found[NUMBERS_A_PAGE][0] if len(found) > NUMBERS_A_PAGE else None
    return render_template(
        "held/unknown_members.html", numbers=numbers, count=count, here=_from(first), following=following
    )
