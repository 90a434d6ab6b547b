"""The desk's pages of members and their cards. A member is a number here; who it is stands elsewhere."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.acts import accounts
from hub.acts.decisions import ActRefused
from hub.desk.base import registers, visitor
from hub.desk.base.forms import AddMembersForm, DeskForm, FindMemberForm, LostCardForm, ReasonForm, choices
from hub.register.reference import add_members, cards_of
from hub.served import served
from sync.envelope import MEMBER
from sync.member import NUMBER_LIMIT, printed, typed

members = Blueprint("members", __name__, url_prefix="/members")

JOINS_SHOWN = 10

Page = Response | str | tuple[str, HTTPStatus]


@members.get("/")
def page() -> Page:
    """How many there are; finding one; adding more."""
    if "number" not in request.args:
        return _page(FindMemberForm(formdata=None), AddMembersForm(formdata=None, prefix="add"))
    form = FindMemberForm(request.args)
    if form.validate():
        return redirect(url_for(".member", member=typed(form.number.data)))
    return _page(form, AddMembersForm(formdata=None, prefix="add")), HTTPStatus.BAD_REQUEST


@members.post("/")
def add() -> Page:
    """Add members, each with a first card."""
    form = AddMembersForm(prefix="add")
    if not form.validate():
        return _page(FindMemberForm(formdata=None), form), HTTPStatus.BAD_REQUEST
    hub, count = served().hub, form.count.data
    now_ms = hub.wall_ms()
    hub.store.run(lambda connection: add_members(connection, count, now_ms, _random_below))
    flash(f"{count:,}人分の番号とカードを作りました。下の一覧から印刷できます。")
    return redirect(url_for(".page"))


@members.get("/cards/<int:since_ms>.pdf")
def cards_of_join(since_ms: int) -> Response:
    """The card sheets of the members who were added in one go."""
    with served().hub.store.reading() as connection:
        found = registers.joined_at(connection, since_ms)
    return _sheet(found, f"cards-{since_ms}.pdf") if found else abort(HTTPStatus.NOT_FOUND)


@members.get("/<int:member>")
def member(member: int) -> str:
    """One member: cards, points, what they were for."""
    return _member_page(member, {})


@members.get("/<int:member>/card.pdf")
def card(member: int) -> Response:
    """The newest card of one member, to print."""
    _file(member)
    return _sheet([member], f"card-{member}.pdf")


@members.post("/<int:member>/lost")
def lost(member: int) -> Page:
    """List a card as lost and make the next one."""
    form = _with_cards(_file(member), LostCardForm(prefix="lost"))
    if form.validate():
        try:
            issue = accounts.lose_card(served().hub, member, form.issue.data, form.reason.data, visitor.done_by())
        except ActRefused as error:
            form.refuse("issue", str(error))
        else:
            flash(
                f"紛失を届け出て、{issue}枚目のカードを用意しました。端末に知らせるには、端末設定を新しくしてください。"
            )
            return redirect(url_for(".member", member=member))
    return _member_page(member, {"lost": form}), HTTPStatus.BAD_REQUEST


@members.post("/<int:member>/end")
def end(member: int) -> Page:
    """End the account."""
    _file(member)
    form = ReasonForm(prefix="end")
    if form.validate():
        try:
            accounts.end_account(served().hub, member, form.reason.data, visitor.done_by())
        except ActRefused as error:
            form.refuse("reason", str(error))
        else:
            flash(f"{printed(member)} の利用を終えました。")
            return redirect(url_for(".member", member=member))
    return _member_page(member, {"end": form}), HTTPStatus.BAD_REQUEST


def _random_below(limit: int) -> int:
    """Return a random number below `limit`. Of 128 bits the few that do not divide evenly weigh nothing."""
    return int.from_bytes(served().hub.random_bytes(16), "big") % limit


def _file(member: int) -> registers.MemberFile:
    if not 0 < member < NUMBER_LIMIT:
        abort(HTTPStatus.NOT_FOUND)
    with served().hub.store.reading() as connection:
        return registers.member_file(connection, member) or abort(HTTPStatus.NOT_FOUND)


def _sheet(found: list[int], name: str) -> Response:
    from hub.print.cards import card_sheet  # drawing is slow to import, and a hub without a printer never needs it

    hub = served().hub
    with hub.store.reading() as connection:
        cards = cards_of(connection, found, hub.keyring.signer(MEMBER))
    sheet = Response(card_sheet(cards, served().office.city), mimetype="application/pdf")
    sheet.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return sheet


def _page(find: FindMemberForm, add_form: AddMembersForm) -> str:
    with served().hub.store.reading() as connection:
        counts, joins = registers.member_counts(connection), registers.newest_joins(connection, JOINS_SHOWN)
    return render_template("members/members.html", counts=counts, joins=joins, find_form=find, add_form=add_form)


def _member_page(member: int, shown: dict[str, DeskForm]) -> str:
    file = _file(member)
    forms = {
        "lost": _with_cards(file, LostCardForm(formdata=None, prefix="lost")),
        "end": ReasonForm(formdata=None, prefix="end"),
        **shown,
    }
    return render_template("members/member.html", file=file, forms=forms)


def _with_cards(file: registers.MemberFile, form: LostCardForm) -> LostCardForm:
    form.issue.choices = choices((one.issue, f"{one.issue}枚目") for one in reversed(file.cards) if one.lost_ms is None)
    return form
