"""The forms of the desk: what a clerk types, checked field by field. Turns text into values and never touches the
database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
    widgets,
)
from wtforms.meta import DefaultMeta
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, NumberRange

from hub.desk.base.shapes import NUMBER_MAX
from hub.register.reference import NO_SLOTS, SlotsBefore
from sync.citytime import CITY_ZONE, city_datetime, wall_ms_of
from sync.codec import WireError
from sync.manifest import SLOTS_LIMIT, Activity, Event, OccasionBy, Slot
from sync.member import typed
from sync.rules import ByHours, Fixed, Rule, read_rule, rule_as_value

POINTS_MAX = 1_000_000_000
MEMBERS_MAX = 500
NAME_LENGTH_MAX = 60
FIRST_DAY = datetime(2020, 1, 1)  # noqa: DTZ001  # what a clerk types is the city's wall clock, without a zone
END_DAY = datetime(2100, 1, 1)  # noqa: DTZ001  # as above
_NEEDED = "入力してください / Please fill this in"


def choices(pairs: Iterable[tuple[int | str, str]]) -> list[Any]:
    """Return (value, label) pairs as WTForms wants the choices of a select."""
    return [SelectChoice(value, label) for value, label in pairs]


def _name(label: str) -> Any:  # a field waiting for its form
    return StringField(
        label, [DataRequired(_NEEDED), Length(max=NAME_LENGTH_MAX, message=f"{NAME_LENGTH_MAX}文字までです")]
    )


def _reason() -> Any:  # a field waiting for its form
    return StringField(
        "理由", [DataRequired("理由を書いてください / A reason is needed"), Length(max=200, message="200文字までです")]
    )


def _number(label: str, least: int, most: int, **more: Any) -> Any:  # a field waiting for its form
    between = NumberRange(least, most, f"{least:,} から {most:,} までの数です")
    return IntegerField(label, [InputRequired("数を入れてください / A number, please"), between], **more)


def _points(label: str, least: int = 1) -> Any:  # a field waiting for its form
    return _number(label, least, POINTS_MAX)


def _shown(label: str = "") -> Any:  # a field waiting for its form
    """A number that the page itself has put in."""
    return _number(label, 0, NUMBER_MAX, widget=widgets.HiddenInput())


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


def _moment_field(label: str) -> Any:  # a field waiting for its form
    return DateTimeLocalField(
        label, [InputRequired(_NEEDED), _InOurTime()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
    )


_PLAINER = {
    "Not a valid integer value.": "数を入れてください(例 100)",
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
    """A form with flask-wtf's guard against forged requests; its messages are Japanese."""

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
    operator = _number("担当番号", 1, 9_999, default=1)


class ReasonForm(DeskForm):
    """An act that needs nothing but its reason."""

    reason = _reason()


class DecideForm(DeskForm):
    """Release or dismiss: the chosen entries, or all of the group. `seen` is how many the clerk was shown."""

    # A field of its own kind, never drawn: a hidden one would be sent before the pressed button's value, and be read.
    decision = StringField("", [AnyOf(("release", "dismiss"), "反映か取り消しを押してください / Post or dismiss?")])
    entries = SelectMultipleField("記録", validate_choice=False)
    everything = BooleanField("この理由のものをすべて")
    seen = _shown()
    reason = _reason()

    def validate_entries(self, field: Any) -> None:  # WTForms calls it by its name
        """Something must be chosen."""
        if not field.data and not self.everything.data:
            raise ValidationError("1件以上えらんでください / Choose at least one")
        if any(not re.fullmatch(r"[0-9a-f]{64}", entry) for entry in field.data):
            raise ValidationError("もう一度えらんでください / Please choose again")


class GapForm(DeskForm):
    """A gap in a kiosk's records, first and last number."""

    first = _shown()
    last = _shown()
    reason = _reason()


class TopUpForm(DeskForm):
    """More points for a kiosk."""

    allotment = SelectField("付与枠", coerce=int)
    points = _points("追加するポイント")
    reason = _reason()


class AssignForm(DeskForm):
    """Another event for a kiosk."""

    event = SelectField("イベント", coerce=int)


class InviteForm(DeskForm):
    """A kiosk that is to come."""

    name = _name("端末の名前")
    organisation = SelectField("団体", coerce=int)
    address = StringField("端末から見たセンターの場所", [DataRequired(_NEEDED), Length(max=200)])

    def validate_address(self, field: Any) -> None:  # WTForms calls it by its name
        """It goes into a code that a kiosk follows."""
        if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+/?", field.data or ""):
            raise ValidationError("http://… の形で書いてください / Please write it as http://…")


class RowForm(Form):  # type: ignore[misc]  # WTForms has no types
    """A row inside a form; it is guarded by the form around it."""

    class Meta(DefaultMeta):  # type: ignore[misc]  # as above
        """The same words as around it."""

        locales = ("ja",)

        def get_translations(self, form: Any) -> Any:  # WTForms' own types
            """Take WTForms' translation, and plainer words where we have some."""
            return _Plainer(super().get_translations(form))


class ShareForm(RowForm):
    """A row of the approval: what a kiosk may give of one allotment."""

    allotment = HiddenField()
    total = _points("端末枠", 0)
    reserve = _points("予備", 0)


class ApproveForm(DeskForm):
    """Let a kiosk in: its events and shares, once the digits were compared."""

    events = SelectMultipleField(
        "イベント", coerce=int, widget=widgets.ListWidget(prefix_label=False), option_widget=widgets.CheckboxInput()
    )
    shares = FieldList(FormField(ShareForm))
    is_same = BooleanField(
        "端末の画面と、16文字がすべて同じです",
        [DataRequired("見くらべてから、しるしを付けてください / Compare them first")],
    )


class OrganisationForm(DeskForm):
    """An organisation."""

    name = _name("団体の名前")
    kind = SelectField("種類", choices=choices([("grants", "付与団体"), ("serves", "協力団体"), ("both", "両方")]))


class AllotmentForm(DeskForm):
    """An allotment for an organisation."""

    organisation = SelectField("団体", coerce=int)
    name = _name("付与枠の名前")
    points = _points("ポイント")


class RaiseForm(DeskForm):
    """More points for an allotment."""

    allotment = SelectField("付与枠", coerce=int)
    points = _points("追加するポイント")
    reason = _reason()


class ActivityForm(RowForm):
    """A row of an event. Without a name it is left out."""

    activity = HiddenField(default="0")
    name = StringField("活動", [Length(max=NAME_LENGTH_MAX, message=f"{NAME_LENGTH_MAX}文字までです")])
    how = SelectField("ポイントの決め方", choices=choices([("fixed", "いつも同じ"), ("by_hours", "活動した時間で")]))
    points = TextAreaField("ポイント", [Length(max=500)])
    occasion_by = SelectField(
        "1人がもらえる回数",
        coerce=int,
        choices=choices([(0, "イベントで1回"), (1, "1日に1回"), (2, "時間帯ごとに1回")]),
        default=0,
    )
    slots = TextAreaField("時間帯", [Length(max=4_000)])
    daily_limit = IntegerField("1日の上限(0は上限なし)", [NumberRange(0, 100, "0 から 100 までの数です")], default=0)

    def validate_activity(self, field: Any) -> None:  # WTForms calls it by its name
        """Its number is the page's own: 0 for a new one."""
        if not re.fullmatch(r"[0-9]{1,6}", field.data or "0"):
            raise ValidationError("もう一度ページを開いてください / Please open the page again")

    def validate_points(self, field: Any) -> None:  # WTForms calls it by its name
        """The points must make a rule."""
        if self.name.data and self.name.data.strip():
            read_points(self.how.data, field.data or "")

    def validate_daily_limit(self, field: Any) -> None:  # WTForms calls it by its name
        """No limit must be said as 0, never left open."""
        if field.data is None and self.name.data:
            raise ValidationError("0 から 100 までの数です")

    def validate_slots(self, field: Any) -> None:  # WTForms calls it by its name
        """There are slots exactly where the activity may be had once in each."""
        names = _lines(field.data)
        if not (self.name.data and self.name.data.strip()):
            return
        if self.occasion_by.data != OccasionBy.SLOT:
            if names:
                raise ValidationError(
                    "時間帯は「時間帯ごとに1回」のときだけ書きます。消してください / Only with time slots"
                )
            return
        if not 0 < len(names) <= SLOTS_LIMIT:
            raise ValidationError(f"時間帯の名前を1行に1つ、1つから{SLOTS_LIMIT}までの数で書いてください(例 午前)")
        if len(set(names)) < len(names):
            raise ValidationError("同じ名前の時間帯があります / Two slots have one name")
        if max(map(len, names)) > NAME_LENGTH_MAX:
            raise ValidationError(f"時間帯の名前は{NAME_LENGTH_MAX}文字までです")

    def value(self, number: int, before: SlotsBefore) -> Activity:
        """Return the activity typed in, under `number`; `before` is what is known of its slots."""
        rule = read_points(self.how.data, self.points.data)
        slots = number_slots(_lines(self.slots.data), before)
        by = OccasionBy(self.occasion_by.data)
        return Activity(number, self.name.data.strip(), rule, by, self.daily_limit.data, slots)


class EventForm(DeskForm):
    """An event with its activities; a new version where the event is there already."""

    name = _name("イベントの名前")
    starts = _moment_field("始まり")
    ends = _moment_field("終わり")
    allotment = SelectField("付与枠", coerce=int)
    activities = FieldList(FormField(ActivityForm), min_entries=1, max_entries=50)

    def validate_ends(self, field: Any) -> None:  # WTForms calls it by its name
        """An event ends after it has begun."""
        if self.starts.data and field.data and field.data <= self.starts.data:
            raise ValidationError("終わりは始まりよりあとにしてください / It must end after it begins")

    def validate_activities(self, field: Any) -> None:  # WTForms calls it by its name
        """An event without activities could grant nothing."""
        if not any(row.form.name.data and row.form.name.data.strip() for row in field):
            raise ValidationError("活動を1つ以上入れてください / At least one activity")

    def window(self) -> tuple[int, int]:
        """Return start and end as moments."""
        return _moment(self.starts.data), _moment(self.ends.data)

    def activity_values(self, before: Mapping[int, SlotsBefore]) -> list[Activity]:
        """Return the activities; a new one gets the next free number. `before` is what is known of their slots."""
        filled = [row.form for row in self.activities if row.form.name.data and row.form.name.data.strip()]
        numbers = [int(form.activity.data) if (form.activity.data or "").isdecimal() else 0 for form in filled]
        free = max(numbers, default=0)
        activities = []
        for form, number in zip(filled, numbers, strict=True):
            free += number == 0
            activities.append(form.value(number or free, before.get(number or free, NO_SLOTS)))
        return activities


class ChangeEventForm(EventForm):
    """A new version of an event."""

    reason = _reason()


class AddMembersForm(DeskForm):
    """How many members to add, each with a card."""

    count = _number("人数", 1, MEMBERS_MAX)


class FindMemberForm(DeskForm):
    """A member's number, as it is printed."""

    class Meta(DeskForm.Meta):
        """It only reads, so it goes by GET and needs no guard."""

        csrf = False

    number = StringField("利用者番号")

    def validate_number(self, field: Any) -> None:  # WTForms calls it by its name
        """The check digits catch a slip."""
        try:
            typed(field.data or "")
        except WireError as error:
            raise ValidationError("番号が違います。カードの14けたを入れてください / Not a member number") from error


class LostCardForm(DeskForm):
    """A card that was lost."""

    issue = SelectField("カード", coerce=int)
    reason = _reason()


def event_fields(event: Event, spare_rows: int = 1) -> dict[str, Any]:
    """Return an event as EventForm shows it, with empty rows for more activities."""
    written = [
        {
            "activity": str(activity.activity),
            "name": activity.name,
            "how": "fixed" if isinstance(activity.rule, Fixed) else "by_hours",
            "points": write_points(activity.rule),
            "occasion_by": int(activity.occasion_by),
            "daily_limit": activity.daily_limit,
            "slots": "\n".join(slot.name for slot in activity.slots),
        }
        for activity in event.activities
    ]
    return {
        "name": event.name,
        "starts": city_datetime(event.starts_ms).replace(tzinfo=None),
        "ends": city_datetime(event.ends_ms).replace(tzinfo=None),
        "allotment": event.allotment,
        "activities": written + [{} for _ in range(spare_rows)],
    }


def write_points(rule: Rule) -> str:
    """Return a rule's points as a clerk types them: one number, or a line of minutes and points for each step."""
    return (
        str(rule.points)
        if isinstance(rule, Fixed)
        else "\n".join(f"{minutes} {points}" for minutes, points in rule.rows)
    )


def read_points(how: str, text: str) -> Rule:
    """Return the rule in what was typed. Raises ValidationError."""
    lines = [
        [int(number) for number in re.findall(r"\d+", line.replace(",", ""))]
        for line in text.splitlines()
        if line.strip()
    ]
    if how == "fixed" and len(lines) == 1 and len(lines[0]) == 1:
        rule: Rule = Fixed(lines[0][0])
    elif how == "by_hours" and lines and all(len(line) == 2 for line in lines):  # noqa: PLR2004  # minutes and points
        rule = ByHours(tuple((minutes, points) for minutes, points in lines))
    else:
        raise ValidationError("いつも同じなら数を1つ、時間でなら1行に「分 ポイント」を書いてください(例 60 100)")
    try:
        return read_rule(rule_as_value(rule))
    except WireError as error:
        raise ValidationError("ポイントは1から1,000,000まで、分は小さい順に書いてください") from error


def number_slots(names: Iterable[str], before: SlotsBefore) -> tuple[Slot, ...]:
    """Return slots with these names: one that stays keeps its number, a new one gets a number that was never used."""
    known, free = {slot.name: slot.slot for slot in before.now}, before.highest
    slots = []
    for name in names:
        free += name not in known
        slots.append(Slot(known.get(name, free), name))
    return tuple(sorted(slots))


def _lines(text: str | None) -> list[str]:
    """What stands on the lines of a text, without the empty ones."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _moment(typed_in: datetime) -> int:
    """A clerk types the city's wall clock."""
    return wall_ms_of(typed_in.replace(tzinfo=CITY_ZONE))
