"""From a form to an act: the number that makes it count once, the preview of one that takes points back, and what is
said where the hub refuses.

A number is bound to the form: to the person, the kind of act and its subject. A slip of the keyboard keeps it. The same
form sent again leads to the act that was done; a number that is used up or not ours leads to a fresh form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from flask import flash, g, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from hub.acts.doing import ACTS, Done, is_number_for, kind_of, new_number, perform_within, preview
from hub.acts.refusals import ActRefused, Refusal
from hub.desk.base import visitor
from hub.desk.base.deeds import deed_of
from hub.desk.base.forms import ActForm, moment_of
from hub.desk.base.moves import Effect, Moves, Watched
from hub.desk.base.reasons import why_of
from hub.desk.base.shapes import moment
from hub.ledger.posting import Moved
from hub.served import served
from hub.store.database import row

Page = Response | str | tuple[str, HTTPStatus]
FormT = TypeVar("FormT", bound=ActForm)

REFUSED = "refused"
"""The kind of a message that says that nothing was done."""

_BEGIN_ANEW = {Refusal.GROUND_CHANGED, Refusal.FORM_USED, Refusal.HOLE_ACCEPTED}
"""Where what the form shows is no longer so: the page is shown anew."""

LEFT = "leave_it"
"""What the second button of the page that asks again is called: it sends the form back as it was typed."""


class Errand(NamedTuple):
    """What a form is for: the kind of act and its subject."""

    kind: str
    subject: str = ""


def errand(function: Callable[..., Done[Any]], subject: object = "") -> Errand:
    """Return the errand of an act on a subject, which may be bytes, a number or a text."""
    return Errand(kind_of(function), subject.hex() if isinstance(subject, bytes) else str(subject))


def fresh(form_class: Callable[..., FormT], prefix: str, of: Errand, **shown: Any) -> FormT:
    """Return an empty form with a number of its own."""
    form = form_class(formdata=None, prefix=prefix, **shown)
    form.form_number.data = _number(of)
    return form


class Asked(NamedTuple):
    """An act that a form asks for. `back` is the page with the form; `field` is where a refusal is said; `about` names
    its subject, and `changes` what becomes otherwise, where the page that asks again can say so.
    """

    form: ActForm
    of: Errand
    back: str
    reason: str
    field: str = "reason"
    about: str = ""
    changes: Sequence[str] = ()


def do(asked: Asked, function: Callable[..., Done[Any]], *arguments: Any, **named: Any) -> Effect | Page | None:
    """Do an act. Return what came of it; or a page to answer with; or None where the form is to be shown again: it was
    refused beside a field, or the clerk has left it.

    An act that takes points back is done only once the form carries what it takes; before, the answer is a page that
    says so.
    """
    if LEFT in request.form:
        leave(asked.form)
        return None
    number = number_in(asked.form, asked.of)
    if number is None:
        flash("この画面は古いか、ほかの人のものです。いまの内容をごらんください。", REFUSED)
        return redirect(asked.back)
    try:
        return _done(asked, number, function, *arguments, **named)
    except ActRefused as refused:
        if refused.refusal is Refusal.TAKES_MORE:
            return _shown_first(asked, function, *arguments, has_grown=True, **named)
        return refuse(asked, number, refused)


def leave(form: ActForm) -> None:
    """Note that nothing was done with a form, and that it is to be shown as it was typed."""
    form.is_left = True
    g.is_left = True
    flash("まだ何も行っていません。書いたものは、そのまま残しています。")


def number_in(form: ActForm, of: Errand) -> bytes | None:
    """Return the number that a form was sent with; None where it is none of ours for this person and errand."""
    try:
        number = bytes.fromhex(form.form_number.data or "")
    except ValueError:
        return None
    return number if is_number_for(served().hub, number, visitor.person(), *of) else None


def refuse(asked: Asked, number: bytes, refused: ActRefused) -> Page | None:
    """Say why an act was refused: beside the field, or on the page shown anew."""
    if refused.refusal not in _BEGIN_ANEW:
        asked.form.refuse(asked.field, str(refused) + _instead(refused))
        return None
    text = str(refused)
    if refused.refusal is Refusal.FORM_USED:
        address = url_for("desk.acts.act", number=number)
        text = Markup('{} <a href="{}">行われた処理を見る</a>').format(text, address)
    flash(text, REFUSED)
    return redirect(asked.back)


def _instead(refused: ActRefused) -> str:
    """Return for which reason another act is needed, and which, where the refusal tells."""
    needed = refused.details.get("needed")
    if not isinstance(needed, int) or not needed:
        return ""
    why = why_of(needed)
    return f"(「{why.title.ja}」: {deed_of(why.acts[0]).title.ja})"


def done_before(number: bytes) -> Response:
    """Lead to the act that a form has done."""
    flash("この処理はもう行われています。もう一度は行っていません。")
    return redirect(url_for("desk.acts.act", number=number))


def was_used(number: bytes) -> Any | None:  # a row
    """Return the act that was done under a form's number, if any."""
    with served().hub.store.reading() as connection:
        return row(connection, "SELECT kind, kiosk, entries FROM act WHERE act = :act", act=number)


def _done(
    asked: Asked, number: bytes, function: Callable[..., Done[Any]], *arguments: Any, **named: Any
) -> Effect | Page:
    shown, kind, watched = _shown(asked.form), kind_of(function), Watched(function)
    if shown is None and ACTS[kind].takes_points and was_used(number) is None:
        try:
            shown = preview(served().hub, visitor.person(), asked.reason, watched, *arguments, **named)
        except ActRefused:
            if was_used(number) is None:  # else this very form was quicker: a double click
                raise
    if shown is not None and shown.points_taken and _shown(asked.form) is None:
        return _confirm_page(asked, kind, watched.tried, has_grown=False)
    done = perform_within(served().hub, visitor.person(), number, asked.reason, shown, watched, *arguments, **named)
    if done.was_done_before:
        return done_before(number)
    return Effect(done.act, done.made, kind, watched.moves)


def _shown(form: ActForm) -> Moved | None:
    """Return what the form says was shown of grants and points taken back."""
    grants, points = form.shown_grants.data, form.shown_points.data
    return None if grants is None or points is None else Moved(taken=grants, net={0: -points})


def _shown_first(
    asked: Asked, function: Callable[..., Done[Any]], *arguments: Any, has_grown: bool, **named: Any
) -> Page | None:
    """Return the page that says what an act takes back now."""
    watched = Watched(function)
    try:
        preview(served().hub, visitor.person(), asked.reason, watched, *arguments, **named)
    except ActRefused as refused:
        return refuse(asked, b"", refused)
    return _confirm_page(asked, kind_of(function), watched.tried, has_grown=has_grown)


def _confirm_page(asked: Asked, kind: str, moves: Moves, *, has_grown: bool) -> str:
    """Return the page with the same form, all of it hidden, and what it moves. Its second form sends the first page's
    form back as it was typed.
    """
    form, moved = asked.form, moves.moved
    counted = {form.shown_grants.name: str(moved.taken), form.shown_points.name: str(moved.points_taken)}
    kept = [(name, value) for name, values in request.form.lists() if name not in counted for value in values]
    return render_template(
        "base/confirm.html",
        deed=deed_of(kind),
        asked=asked,
        changes=asked.changes or typed_in(form),
        moves=moves,
        fields=[*kept, *counted.items()],
        kept=[*kept, (LEFT, "1")],
        action=request.full_path.removesuffix("?"),
        has_grown=has_grown,
    )


def typed_in(form: ActForm) -> list[str]:
    """Return what a clerk has typed beside the reason: numbers, moments and words, each with its label."""
    said = []
    for field in form:
        shown = field.widget.input_type if hasattr(field.widget, "input_type") else "hidden"
        is_said = shown in {"text", "datetime-local"} and bool(field.label.text) and field.short_name != "reason"
        if is_said and field.data is not None:
            said.append(f"{field.label.text}: {_written(field.data)}")
    return said


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return moment(moment_of(value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _number(of: Errand) -> str:
    return new_number(served().hub, visitor.person(), *of).hex()
