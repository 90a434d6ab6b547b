"""The desk's page of organisations and their allotments."""

from __future__ import annotations

from http import HTTPStatus

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.acts.decisions import record
from hub.desk.base import overview, registers, visitor
from hub.desk.base.forms import AllotmentForm, DeskForm, OrganisationForm, RaiseForm, choices
from hub.register.reference import add_allotment, add_organisation, raise_allotment
from hub.served import served

offices = Blueprint("offices", __name__, url_prefix="/organisations")

Page = Response | tuple[str, HTTPStatus]


@offices.get("/")
def page() -> str:
    """All organisations with their allotments."""
    return _page({})


@offices.post("/")
def add() -> Page:
    """Add an organisation."""
    form = OrganisationForm(prefix="organisation")
    if not form.validate():
        return _page({"organisation": form}), HTTPStatus.BAD_REQUEST
    served().hub.store.run(lambda connection: add_organisation(connection, form.name.data.strip(), form.kind.data))
    flash(f"団体「{form.name.data.strip()}」を加えました。")
    return redirect(url_for(".page"))


@offices.post("/allotments")
def allot() -> Page:
    """Give an organisation an allotment for this fiscal year."""
    form = _with_organisations(AllotmentForm(prefix="allotment"))
    if not form.validate():
        return _page({"allotment": form}), HTTPStatus.BAD_REQUEST
    hub = served().hub
    name, points = form.name.data.strip(), form.points.data
    hub.store.run(lambda connection: add_allotment(connection, form.organisation.data, name, points, hub.wall_ms()))
    flash(f"付与枠「{name}」({points:,}ポイント)を作りました。")
    return redirect(url_for(".page"))


@offices.post("/allotments/raise")
def add_points() -> Page:
    """Add points to an allotment."""
    form = _with_allotments(RaiseForm(prefix="raise"))
    if not form.validate():
        return _page({"raise": form}), HTTPStatus.BAD_REQUEST
    hub, done_by = served().hub, visitor.done_by()
    allotment, points, reason = form.allotment.data, form.points.data, form.reason.data

    def work(connection: sa.Connection) -> None:
        record(hub, connection, "raise allotment", f"付与枠 {allotment} に +{points}", reason, done_by)
        raise_allotment(connection, allotment, points, reason, hub.wall_ms())

    hub.store.run(work)
    flash(f"付与枠に {points:,} ポイントを追加しました。")
    return redirect(url_for(".page"))


def _page(shown: dict[str, DeskForm]) -> str:
    forms = {
        "organisation": OrganisationForm(formdata=None, prefix="organisation"),
        "allotment": _with_organisations(AllotmentForm(formdata=None, prefix="allotment")),
        "raise": _with_allotments(RaiseForm(formdata=None, prefix="raise")),
        **shown,
    }
    with served().hub.store.reading() as connection:
        organisations, allotments = overview.organisations(connection), registers.allotments(connection)
    return render_template(
        "offices/organisations.html", organisations=organisations, allotments=allotments, forms=forms
    )


def _with_organisations(form: AllotmentForm) -> AllotmentForm:
    with served().hub.store.reading() as connection:
        found = overview.organisations(connection)
    form.organisation.choices = choices((number, name) for number, name, kind in found if kind != "serves")
    return form


def _with_allotments(form: RaiseForm) -> RaiseForm:
    with served().hub.store.reading() as connection:
        form.allotment.choices = choices(
            (one.allotment, f"{one.name}({one.organisation_name})") for one in registers.allotments(connection)
        )
    return form
