"""The desk's pages of members and their cards. A member is a number here; who it is stands elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from hub.acts import members as acts
from hub.acts.doing import Done
from hub.desk.base.acting import Asked, Page, do, errand, fresh
from hub.desk.base.forms import ActForm, ReasonForm, choices
from hub.desk.base.moves import Effect
from hub.desk.base.numbers import read_member
from hub.desk.base.shapes import whole
from hub.desk.members import queries
from hub.desk.members.forms import AddMembersForm, CardForm, FindMemberForm
from hub.desk.members.printing import printing
from hub.served import served
from sync.member import NUMBER_LIMIT, printed

members = Blueprint("members", __name__, url_prefix="/members")
members.register_blueprint(printing)

JOINS_SHOWN = 10
EARNED_A_PAGE = 100
ADDED = "番号とカードを作る"
"""The reason that stands in the list of acts where nobody has to give one."""


@members.get("/")
def page() -> Page:
    """How many there are; finding one; adding more."""
    add_form: AddMembersForm = fresh(AddMembersForm, "add", errand(acts.add_members))
    if "number" not in request.args:
        return _page(FindMemberForm(formdata=None), add_form)
    form = FindMemberForm(request.args)
    if form.validate():
        return redirect(url_for(".member", member=read_member(form.number.data)))
    return _page(form, add_form), HTTPStatus.BAD_REQUEST


@members.post("/")
def add() -> Page:
    """Add members, each with a first card."""
    form = AddMembersForm(prefix="add")
    if form.validate():
        asked = Asked(form, errand(acts.add_members), url_for(".page"), ADDED, "count")
        done = do(asked, acts.add_members, form.count.data)
        if isinstance(done, Effect):
            flash(f"{form.count.data:,}人分の番号とカードを作りました。下の一覧から印刷できます。")
            return redirect(url_for(".page"))
        if done is not None:
            return done
    return _page(FindMemberForm(formdata=None), form), HTTPStatus.BAD_REQUEST


@members.get("/<int(max=99999999999999):member>")
def member(member: int) -> str:
    """One member: cards, points, what they were for."""
    return _member_page(member, {})


@members.post("/<int(max=99999999999999):member>/lost")
def lost(member: int) -> Page:
    """List a card as lost and make the next one."""
    form = CardForm(prefix="lost")
    said = "紛失を届け出て、次のカードを用意しました。端末に知らせるには、端末設定を新しくしてください。"
    return _act(member, "lost", form, acts.lose_card, lambda: (form.issue.data,), said, "issue")


@members.post("/<int(max=99999999999999):member>/found")
def found(member: int) -> Page:
    """Take a card off the list of lost ones."""
    form = CardForm(prefix="found")
    said = "見つかったカードを、使えるカードに戻しました。端末に知らせるには、端末設定を新しくしてください。"
    return _act(member, "found", form, acts.find_card, lambda: (form.issue.data,), said, "issue")


@members.post("/<int(max=99999999999999):member>/end")
def end(member: int) -> Page:
    """End the account."""
    said = f"{printed(member)} の利用を終えました。"
    return _act(member, "end", ReasonForm(prefix="end"), acts.end_account, tuple, said)


@members.post("/<int(max=99999999999999):member>/reopen")
def reopen(member: int) -> Page:
    """Take the member back; what was held because the account had ended is judged anew."""
    said = f"{printed(member)} の利用を再開しました。"
    return _act(member, "reopen", ReasonForm(prefix="reopen"), acts.reopen_account, tuple, said)


@members.post("/<int(max=99999999999999):member>/unknown")
def make_unknown(member: int) -> Page:
    """Take a number back that was made known by mistake."""
    said = f"{printed(member)} の登録を取り消しました。"
    return _act(member, "unknown", ReasonForm(prefix="unknown"), acts.make_unknown, tuple, said)


def _act(
    member: int,
    name: str,
    form: ActForm,
    function: Callable[..., Done[Any]],
    arguments: Callable[[], tuple[Any, ...]],
    said: str,
    field: str = "reason",
) -> Page:
    """Do what a form of a member's page asks for, and show the page."""
    _file(member)
    if form.validate():
        back = url_for(".member", member=member)
        asked = Asked(form, errand(function, member), back, form["reason"].data, field, printed(member))
        done = do(asked, function, member, *arguments())
        if isinstance(done, Effect):
            flash(said + done.said)
            return redirect(back)
        if done is not None:
            return done
    return _member_page(member, {name: form}), HTTPStatus.BAD_REQUEST


def _file(member: int) -> queries.MemberFile:
    if not 0 < member < NUMBER_LIMIT:
        abort(HTTPStatus.NOT_FOUND, queries.NOT_KNOWN)
    with served().hub.store.reading() as connection:
        return queries.member_file(connection, member) or abort(HTTPStatus.NOT_FOUND, queries.NOT_KNOWN)


def _page(find: FindMemberForm, add_form: AddMembersForm) -> str:
    with served().hub.store.reading() as connection:
        counts, joins = queries.member_counts(connection), queries.newest_joins(connection, JOINS_SHOWN)
    return render_template("members/members.html", counts=counts, joins=joins, find_form=find, add_form=add_form)


def _member_page(member: int, shown: dict[str, ActForm]) -> str:
    file, first = _file(member), request.args.get("from", 0, type=whole)
    with served().hub.store.reading() as connection:
        earned = queries.earned(connection, member, EARNED_A_PAGE + 1, first)
    following = first + EARNED_A_PAGE if len(earned) > EARNED_A_PAGE else None
    forms: dict[str, ActForm] = {
        "lost": fresh(CardForm, "lost", errand(acts.lose_card, member)),
        "found": fresh(CardForm, "found", errand(acts.find_card, member)),
        "end": fresh(ReasonForm, "end", errand(acts.end_account, member)),
        "reopen": fresh(ReasonForm, "reopen", errand(acts.reopen_account, member)),
        "unknown": fresh(ReasonForm, "unknown", errand(acts.make_unknown, member)),
        "known": fresh(ReasonForm, f"m{member}", errand(acts.make_known, member)),
        **shown,
    }
    for name, is_lost in (("lost", False), ("found", True)):
        forms[name]["issue"].choices = choices(
            (one.issue, f"{one.issue}枚目") for one in reversed(file.cards) if (one.lost_ms is not None) == is_lost
        )
    return render_template(
        "members/member.html", file=file, earned=earned[:EARNED_A_PAGE], first=first, following=following, forms=forms
    )
