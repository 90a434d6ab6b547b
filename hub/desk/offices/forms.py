"""The forms about organisations and their allotments."""

from __future__ import annotations

from wtforms import SelectField

from hub.desk.base.forms import ActForm, Pick, choices, name_field, points_field, reason_field, shown_field


class OrganisationForm(ActForm):
    """An organisation."""

    name = name_field("団体の名前")
    kind = SelectField("種類", choices=choices([("grants", "付与団体"), ("serves", "協力団体"), ("both", "両方")]))


class ChangeOrganisationForm(OrganisationForm):
    """Another name or kind for an organisation, in place of the version that the page has shown."""

    version = shown_field()
    reason = reason_field()


class AllotmentForm(ActForm):
    """An allotment for an organisation."""

    organisation = Pick("団体", coerce=int)
    name = name_field("付与枠の名前")
    points = points_field("ポイント")
    reason = reason_field()


class ChangeAllotmentForm(ActForm):
    """More or fewer points for an allotment."""

    allotment = Pick("付与枠", coerce=int)
    points = points_field("ポイント")
    reason = reason_field()
