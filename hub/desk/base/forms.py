"""What the forms of all subjects share: their guard, the number that makes each of them count once, and fields that say
in Japanese what is wrong. Turns text into values and never touches the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flask import g
from flask_wtf import FlaskForm
from wtforms import (
    DateTimeLocalField,
    Form,
    HiddenField,
    IntegerField,
    SelectChoice,
    SelectField,
    StringField,
    ValidationError,
    widgets,
)
from wtforms.meta import DefaultMeta
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, StopValidation

from hub.desk.base.numbers import NotANumber, read_number
from hub.desk.base.shapes import NUMBER_MAX
from sync.citytime import CITY_ZONE, wall_ms_of

POINTS_MAX = 1_000_000_000
NAME_LENGTH_MAX = 60
REASON_LENGTH_MAX = 200
FIRST_DAY = datetime(2020, 1, 1)  # noqa: DTZ001  # what a clerk types is the city's wall clock, without a zone
END_DAY = datetime(2100, 1, 1)  # noqa: DTZ001  # as above
NEEDED = "入力してください / Please fill this in"
_NO_NUMBER = "数だけを入れてください(例 1,000) / A number, please"


def choices(pairs: Iterable[tuple[int | str, str]]) -> list[Any]:
    """Return (value, label) pairs as WTForms wants the choices of a select."""
    return [SelectChoice(value, label) for value, label in pairs]


def name_field(label: str) -> Any:  # a field waiting for its form
    """Return a field for a name."""
    return StringField(
        label, [DataRequired(NEEDED), Length(max=NAME_LENGTH_MAX, message=f"{NAME_LENGTH_MAX}文字までです")]
    )


def reason_field(label: str = "理由") -> Any:  # a field waiting for its form
    """Return a field for why something is done."""
    needed = DataRequired("理由を書いてください / A reason is needed")
    return StringField(label, [needed, Length(max=REASON_LENGTH_MAX, message=f"{REASON_LENGTH_MAX}文字までです")])


class NumberField(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A whole number, read by the desk's one reader. A text field: a number field of a browser takes no comma."""

    widget = widgets.TextInput()

    def __init__(self, label: str = "", validators: Any = None, **more: Any) -> None:  # as WTForms' own fields
        more.setdefault("render_kw", {"inputmode": "numeric", "autocomplete": "off"})
        super().__init__(label, validators, **more)

    def pre_validate(self, form: Any) -> None:  # WTForms calls it so
        """What is no number is said once; it is not held against bounds as well."""
        if self.process_errors:
            raise StopValidation
        super().pre_validate(form)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed; a field that was emptied holds nothing, whatever the page had put in."""
        if not valuelist:
            return
        self.data = None
        if valuelist[0].strip():
            try:
                self.data = read_number(valuelist[0])
            except NotANumber as error:
                raise ValueError(_NO_NUMBER) from error


def number_field(label: str, least: int, most: int, **more: Any) -> Any:  # a field waiting for its form
    """Return a field for a number between two others."""
    between = NumberRange(least, most, f"{least:,} から {most:,} までの数です")
    return NumberField(label, [InputRequired("数を入れてください / A number, please"), between], **more)


def number_or_nothing(label: str, least: int, most: int) -> Any:  # a field waiting for its form
    """Return a field for a number that may be left out."""
    return NumberField(label, [Optional(), NumberRange(least, most, f"{least:,} から {most:,} までの数です")])


def points_field(label: str, least: int = 1) -> Any:  # a field waiting for its form
    """Return a field for points."""
    return number_field(label, least, POINTS_MAX)


def shown_field(label: str = "", most: int = NUMBER_MAX) -> Any:  # a field waiting for its form
    """Return a number that the page itself has put in: what it has shown."""
    return number_field(label, 0, most, widget=widgets.HiddenInput(), render_kw={})


def _shown_later() -> Any:  # a field waiting for its form
    """Return a number that the page puts in once it has shown something; empty before."""
    return NumberField("", [Optional(), NumberRange(0, NUMBER_MAX)], widget=widgets.HiddenInput(), render_kw={})


class Pick(SelectField):  # type: ignore[misc]  # WTForms has no types
    """A choice that is not held against what is offered now: a form sent twice must come to its act, which knows best
    what is still there.
    """

    def __init__(self, label: str = "", **more: Any) -> None:  # as WTForms' own fields
        super().__init__(label, validate_choice=False, **more)

    def pre_validate(self, form: Any) -> None:  # WTForms' own types
        """Something must be chosen all the same."""
        super().pre_validate(form)
        if self.data is None:
            raise ValidationError("一覧からえらびなおしてください / Please choose from the list")


class _InOurTime:
    """Takes only moments from FIRST_DAY on and before END_DAY: a slip in the year is no event, and no kiosk could read
    it.
    """

    def __init__(self) -> None:
        last = END_DAY - timedelta(minutes=1)
        self.field_flags = {"min": f"{FIRST_DAY:%Y-%m-%dT%H:%M}", "max": f"{last:%Y-%m-%dT%H:%M}"}

    def __call__(self, _form: object, field: Any) -> None:  # WTForms calls it so
        """Raise ValidationError for another moment."""
        if field.data is not None and not FIRST_DAY <= field.data < END_DAY:
            raise ValidationError("2020年から2099年までの日時を入れてください / A date from 2020 to 2099, please")


def moment_field(label: str) -> Any:  # a field waiting for its form
    """Return a field for date and time on the city's wall clock."""
    return DateTimeLocalField(
        label, [InputRequired(NEEDED), _InOurTime()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )


def moment_of(typed_in: datetime) -> int:
    """Return the moment that was typed: a clerk types the city's wall clock."""
    return wall_ms_of(typed_in.replace(tzinfo=CITY_ZONE))


_PLAINER = {
    "Not a valid integer value.": _NO_NUMBER,
    "Not a valid datetime value.": "日時を入れてください",
    "Not a valid choice.": "一覧からえらびなおしてください",
    "Invalid Choice: could not coerce.": "一覧からえらびなおしてください",
}


class _Plainer:
    """WTForms' translation, with plainer words for what a clerk meets most."""

    def __init__(self, other: Any) -> None:  # WTForms' own types
        self._other = other

    def gettext(self, text: str) -> str:
        """Return the message in Japanese."""
        return _PLAINER.get(text) or str(self._other.gettext(text))

    def ngettext(self, one: str, many: str, count: int) -> str:
        """Return the message in Japanese, for a count."""
        return str(self._other.ngettext(one, many, count))


class DeskForm(FlaskForm):  # type: ignore[misc]  # flask-wtf has no types
    """A form with flask-wtf's guard against forged requests; its messages are Japanese. Each stands on the list of the
    present request, so that the head of the page can say what is wrong (hub/desk/base/refused.py). `is_left` tells that
    the clerk went back from the page that asks again.
    """

    is_left = False

    def __init__(self, *arguments: Any, **named: Any) -> None:  # as WTForms' own forms
        super().__init__(*arguments, **named)
        g.setdefault("forms", []).append(self)

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # as above
        """WTForms' own translation."""

        locales = ("ja",)

        def get_translations(self, form: Any) -> Any:  # WTForms' own types
            """Take WTForms' translation, not flask-babel's, which is not here; and plainer words where we have some."""
            return _Plainer(super(FlaskForm.Meta, self).get_translations(form))

    def refuse(self, field: str, text: str) -> None:
        """Put what the hub says beside a field."""
        self[field].errors = [*self[field].errors, text]


class SignInForm(DeskForm):
    """The key out of the link, and who is at the desk."""

    key = HiddenField()
    operator = number_field("担当番号", 1, 9_999, default=1)


class ActForm(DeskForm):
    """A form that asks for an act. Its number makes it count once; the other two are there once the page has shown how
    many grants and points the act takes back (hub/desk/base/acting.py).
    """

    form_number = HiddenField()
    shown_grants = _shown_later()
    shown_points = _shown_later()


class ReasonForm(ActForm):
    """An act that needs nothing but its reason."""

    reason = reason_field()


class VersionForm(ReasonForm):
    """An act on a record as the page has shown it."""

    version = shown_field()


class RowForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A row inside a form; it is guarded by the form around it."""

    class Meta(DefaultMeta):  # type: ignore[misc]  # as above
        """The same words as around it."""

        locales = ("ja",)

        def get_translations(self, form: Any) -> Any:  # WTForms' own types
            """Take WTForms' translation, and plainer words where we have some."""
            return _Plainer(super().get_translations(form))


def pairs_of(text: str) -> tuple[int, ...] | None:
    """Return the numbers in a value of a select that names several, as 3.1 does; None for another value."""
    parts = text.split(".")
    if not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):  # noqa: PLR2004  # no id is longer
        return None
    return tuple(map(int, parts))
