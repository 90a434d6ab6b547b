"""The desk's page of organisations and their allotments."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for

from hub.acts import organisations as acts
from hub.acts.doing import Done
from hub.desk.base.acting import Asked, Errand, Page, do, errand, fresh
from hub.desk.base.forms import ActForm, VersionForm, choices
from hub.desk.base.moves import Effect
from hub.desk.offices.forms import AllotmentForm, ChangeAllotmentForm, ChangeOrganisationForm, OrganisationForm
from hub.desk.offices.queries import OrganisationLine, allotments, organisations
from hub.served import served

offices = Blueprint("offices", __name__, url_prefix="/organisations")

ADDED = "団体を登録する"
"""The reason that stands in the list of acts where nobody has to give one."""


@offices.get("/")
def page() -> str:
    """All organisations with their allotments."""
    return _page({})


@offices.post("/")
def add() -> Page:
    """Add an organisation."""
    form = OrganisationForm(prefix="organisation")
    said = f"団体「{(form.name.data or '').strip()}」を加えました。"
    asked = _asked(form, errand(acts.add_organisation), ADDED, "name")
    return _act("organisation", asked, acts.add_organisation, lambda: (form.name.data.strip(), form.kind.data), said)


@offices.post("/allotments")
def allot() -> Page:
    """Give an organisation an allotment for this fiscal year."""
    form = AllotmentForm(prefix="allotment")
    said = f"付与枠「{(form.name.data or '').strip()}」({form.points.data or 0:,}ポイント)を作りました。"
    asked = _asked(form, errand(acts.add_allotment), form.reason.data, "organisation")
    return _act(
        "allotment",
        asked,
        acts.add_allotment,
        lambda: (form.organisation.data, form.name.data.strip(), form.points.data),
        said,
    )


@offices.post("/allotments/raise")
def add_points() -> Page:
    """Add points to an allotment."""
    form = ChangeAllotmentForm(prefix="raise")
    said = f"付与枠「{_allotment_name(form)}」に {form.points.data or 0:,} ポイントを追加しました。"
    return _change("raise", form, acts.raise_allotment, said)


@offices.post("/allotments/lower")
def take_points() -> Page:
    """Take points out of an allotment, as far as it holds them."""
    form = ChangeAllotmentForm(prefix="lower")
    said = f"付与枠「{_allotment_name(form)}」から {form.points.data or 0:,} ポイントを減らしました。"
    return _change("lower", form, acts.lower_allotment, said)


@offices.post("/<int(max=9007199254740991):organisation>/change")
def change(organisation: int) -> Page:
    """Call an organisation otherwise, or say anew what it does."""
    name = f"change-{organisation}"
    form = ChangeOrganisationForm(prefix=name)
    asked = _asked(form, errand(acts.change_organisation, organisation), form.reason.data, "name")

    def told() -> tuple[Any, ...]:
        return (organisation, form.version.data, form.name.data.strip(), form.kind.data)

    return _act(name, asked, acts.change_organisation, told, "団体を変更しました。")


@offices.post("/<int(max=9007199254740991):organisation>/close")
def close(organisation: int) -> Page:
    """Begin nothing new for an organisation."""
    return _turn(organisation, "close", acts.close_organisation, "団体を終了にしました。これまでの付与はそのままです。")


@offices.post("/<int(max=9007199254740991):organisation>/reopen")
def reopen(organisation: int) -> Page:
    """Open a closed organisation again."""
    return _turn(organisation, "reopen", acts.reopen_organisation, "団体を再開しました。")


def _turn(organisation: int, word: str, function: Callable[..., Done[Any]], said: str) -> Page:
    name = f"{word}-{organisation}"
    form = VersionForm(prefix=name)
    asked = _asked(form, errand(function, organisation), form.reason.data, "reason")
    return _act(name, asked, function, lambda: (organisation, form.version.data), said)


def _change(name: str, form: ChangeAllotmentForm, function: Callable[..., Done[Any]], said: str) -> Page:
    asked = _asked(form, errand(function), form.reason.data, "points")
    return _act(name, asked, function, lambda: (form.allotment.data, form.points.data), said)


def _allotment_name(form: ChangeAllotmentForm) -> str:
    with served().hub.store.reading() as connection:
        return next((one.name for one in allotments(connection) if one.allotment == form.allotment.data), "")


def _asked(form: ActForm, of: Errand, reason: str | None, field: str) -> Asked:
    return Asked(form, of, url_for(".page"), reason or "", field)


def _act(
    name: str, asked: Asked, function: Callable[..., Done[Any]], arguments: Callable[[], tuple[Any, ...]], said: str
) -> Page:
    """Do what a form of this page asks for, and show the page."""
    if asked.form.validate():
        done = do(asked, function, *arguments())
        if isinstance(done, Effect):
            flash(said)
            return redirect(asked.back)
        if done is not None:
            return done
    return _page({name: asked.form}), HTTPStatus.BAD_REQUEST


def _page(shown: dict[str, ActForm]) -> str:
    with served().hub.store.reading() as connection:
        offices_now, allotments_now = organisations(connection), allotments(connection)
    forms: dict[str, ActForm] = {
        "organisation": fresh(OrganisationForm, "organisation", errand(acts.add_organisation)),
        "allotment": fresh(AllotmentForm, "allotment", errand(acts.add_allotment)),
        "raise": fresh(ChangeAllotmentForm, "raise", errand(acts.raise_allotment)),
        "lower": fresh(ChangeAllotmentForm, "lower", errand(acts.lower_allotment)),
        **dict(map(_changing, offices_now)),
        **dict(map(_turning, offices_now)),
        **shown,
    }
    forms["allotment"]["organisation"].choices = choices(
        (one.organisation, one.name) for one in offices_now if one.kind != "serves" and one.is_open
    )
    for name in ("raise", "lower"):
        forms[name]["allotment"].choices = choices(
            (one.allotment, f"{one.name}({one.organisation_name}・残り {one.left:,})") for one in allotments_now
        )
    return render_template(
        "offices/organisations.html", organisations=offices_now, allotments=allotments_now, forms=forms
    )


def _changing(one: OrganisationLine) -> tuple[str, ActForm]:
    name, of = f"change-{one.organisation}", errand(acts.change_organisation, one.organisation)
    return name, fresh(ChangeOrganisationForm, name, of, version=one.version, name=one.name, kind=one.kind)


def _turning(one: OrganisationLine) -> tuple[str, ActForm]:
    """Return the form that closes an organisation, or opens a closed one again."""
    function, word = (acts.close_organisation, "close") if one.is_open else (acts.reopen_organisation, "reopen")
    name = f"{word}-{one.organisation}"
    return name, fresh(VersionForm, name, errand(function, one.organisation), version=one.version)
