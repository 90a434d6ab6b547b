"""From a form to an act: the number that makes it count once, the preview of one that takes points back, and what is
said where the hub refuses.

A number is bound to the form: to the person, the kind of act and its subject. A slip of the keyboard keeps it. The same
form sent again leads to the act that was done; a number that is used up or not ours leads to a fresh form.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from hub.acts.doing import ACTS, Done, is_number_for, kind_of, new_number, perform_within, preview
from hub.acts.refusals import ActRefused, Refusal
from hub.desk.base import visitor
from hub.desk.base.deeds import deed_of
from hub.desk.base.forms import ActForm
from hub.desk.base.reasons import why_of
from hub.ledger.posting import Moved
from hub.served import served
from hub.store.database import row

Page = Response | str | tuple[str, HTTPStatus]
FormT = TypeVar("FormT", bound=ActForm)

REFUSED = "refused"
"""The kind of a message that says that nothing was done."""

_BEGIN_ANEW = {Refusal.GROUND_CHANGED, Refusal.FORM_USED}
"""Where what the form shows is no longer so: the page is shown anew."""

_STANDS_OTHERWISE = {
    *(Refusal.KNOWN_ALREADY, Refusal.NOT_KNOWN, Refusal.NOT_OPEN, Refusal.NOT_ENDED),
    *(Refusal.LOST_ALREADY, Refusal.NOT_LOST, Refusal.NOBODY_WAITS, Refusal.LET_IN_ALREADY, Refusal.STANDS_SO),
}
"""Where somebody was quicker, the form may be gone from the page: the refusal is said at its head too."""


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
    """An act that a form asks for. `back` is the page with the form; `field` is where a refusal is said."""

    form: ActForm
    of: Errand
    back: str
    reason: str
    field: str = "reason"


def do(asked: Asked, function: Callable[..., Done[Any]], *arguments: Any, **named: Any) -> Done[Any] | Page | None:
    """Do an act. Return what was done; or a page to answer with; or None where it was refused beside a field.

    An act that takes points back is done only once the form carries what it takes; before, the answer is a page that
    says so.
    """
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


def number_in(form: ActForm, of: Errand) -> bytes | None:
    """Return the number that a form was sent with; None where it is none of ours for this person and errand."""
    try:
        number = bytes.fromhex(form.form_number.data or "")
    except ValueError:
        return None
    return number if is_number_for(served().hub, number, visitor.person(), *of) else None


def refuse(asked: Asked, number: bytes, refused: ActRefused) -> Page | None:
    """Say why an act was refused: beside the field, or on the page shown anew."""
    if refused.refusal in _STANDS_OTHERWISE:
        flash(f"できませんでした。{refused}", REFUSED)
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


def is_again(form: ActForm, of: Errand) -> bool:
    """Tell whether a form comes a second time: its act was done."""
    number = number_in(form, of)
    return number is not None and was_used(number) is not None


def _done(
    asked: Asked, number: bytes, function: Callable[..., Done[Any]], *arguments: Any, **named: Any
) -> Done[Any] | Page:
    shown = _shown(asked.form)
    if shown is None and ACTS[kind_of(function)].takes_points and was_used(number) is None:
        try:
            shown = preview(served().hub, visitor.person(), asked.reason, function, *arguments, **named)
        except ActRefused:
            if was_used(number) is None:  # else this very form was quicker: a double click
                raise
    if shown is not None and shown.points_taken and _shown(asked.form) is None:
        return _confirm_page(asked, kind_of(function), shown, has_grown=False)
    done = perform_within(served().hub, visitor.person(), number, asked.reason, shown, function, *arguments, **named)
    return done_before(number) if done.was_done_before else done


def _shown(form: ActForm) -> Moved | None:
    """Return what the form says was shown of grants and points taken back."""
    grants, points = form.shown_grants.data, form.shown_points.data
    return None if grants is None or points is None else Moved(taken=grants, net={0: -points})


def _shown_first(
    asked: Asked, function: Callable[..., Done[Any]], *arguments: Any, has_grown: bool, **named: Any
) -> Page | None:
    """Return the page that says what an act takes back now."""
    try:
        moved = preview(served().hub, visitor.person(), asked.reason, function, *arguments, **named)
    except ActRefused as refused:
        return refuse(asked, b"", refused)
    return _confirm_page(asked, kind_of(function), moved, has_grown=has_grown)


def _confirm_page(asked: Asked, kind: str, moved: Moved, *, has_grown: bool) -> str:
    """Return the page with the same form, all of it hidden, and what it takes back."""
    form = asked.form
    counted = {form.shown_grants.name: str(moved.taken), form.shown_points.name: str(moved.points_taken)}
    kept = [(name, value) for name, values in request.form.lists() if name not in counted for value in values]
    return render_template(
        "base/confirm.html",
        deed=deed_of(kind),
        moved=moved,
        fields=[*kept, *counted.items()],
        action=request.full_path.removesuffix("?"),
        back=asked.back,
        reason=asked.reason,
        has_grown=has_grown,
    )


def _number(of: Errand) -> str:
    return new_number(served().hub, visitor.person(), *of).hex()
