"""The forms about events and their activities."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wtforms import FieldList, FormField, HiddenField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import Length

from hub.desk.base.forms import (
    NAME_LENGTH_MAX,
    ActForm,
    DeskForm,
    NumberField,
    Pick,
    RowForm,
    choices,
    moment_field,
    moment_of,
    name_field,
    reason_field,
    shown_field,
)
from hub.desk.base.numbers import NotANumber, read_numbers
from sync.citytime import city_datetime
from sync.codec import WireError
from sync.manifest import SLOTS_LIMIT, Activity, Event, OccasionBy, Slot
from sync.rules import ByHours, Fixed, Rule, read_rule, rule_as_value

ACTIVITIES_MAX = 50
DAILY_LIMIT_MAX = 100


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
    daily_limit = NumberField("1日の上限(0は上限なし)", default=0)

    @property
    def is_filled(self) -> bool:
        """Tell whether the row is an activity."""
        return bool(self.name.data and self.name.data.strip())

    @property
    def is_begun(self) -> bool:
        """Tell whether something stands in a new row beside its name. What was an activity may lose its name: then it
        ends.
        """
        typed = (self.points.data or "").strip() or (self.slots.data or "").strip() or self.daily_limit.data
        return bool(typed) and (self.activity.data or "0") == "0"

    def validate_name(self, _field: Any) -> None:  # WTForms calls it by its name
        """What was typed into a row is not thrown away without a word."""
        if not self.is_filled and self.is_begun:
            raise ValidationError(
                "名前を入れてください。使わない行なら、ほかの欄を空にしてください / "
                "It needs a name, or nothing else either"
            )

    def validate_activity(self, field: Any) -> None:  # WTForms calls it by its name
        """Its number is the page's own: 0 for a new one."""
        if not re.fullmatch(r"[0-9]{1,10}", field.data or "0"):
            raise ValidationError("もう一度ページを開いてください / Please open the page again")

    def validate_points(self, field: Any) -> None:  # WTForms calls it by its name
        """The points must make a rule."""
        if self.is_filled:
            read_points(self.how.data, field.data or "")

    def validate_daily_limit(self, field: Any) -> None:  # WTForms calls it by its name
        """No limit must be said as 0, never left open."""
        if self.is_filled and (field.data is None or not 0 <= field.data <= DAILY_LIMIT_MAX):
            raise ValidationError(f"0 から {DAILY_LIMIT_MAX} までの数を入れてください")

    def validate_slots(self, field: Any) -> None:  # WTForms calls it by its name
        """There are slots exactly where the activity may be had once in each."""
        names = _lines(field.data)
        if not self.is_filled:
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

    def value(self, before: Mapping[int, tuple[Slot, ...]]) -> Activity:
        """Return the activity typed in; 0 is the number of a new one. `before` are the slots that activities have in
        the version that the form has shown: one that keeps its name keeps its number, a new one has 0.
        """
        number = int(self.activity.data or 0)
        rule = read_points(self.how.data, self.points.data)
        known = {slot.name: slot.slot for slot in before.get(number, ())}
        slots = tuple(Slot(known.get(name, 0), name) for name in _lines(self.slots.data))
        by = OccasionBy(self.occasion_by.data)
        return Activity(number, self.name.data.strip(), rule, by, self.daily_limit.data or 0, slots)


class FindEventsForm(DeskForm):
    """Which events to list."""

    class Meta(DeskForm.Meta):
        """It only reads, so it goes by GET and needs no guard."""

        csrf = False

    name = StringField("名前の一部")
    organisation = SelectField("団体", coerce=int, validate_choice=False, default=0)


class EventForm(ActForm):
    """An event with its activities."""

    name = name_field("イベントの名前")
    starts = moment_field("始まり")
    ends = moment_field("終わり")
    allotment = Pick("付与枠", coerce=int)
    activities = FieldList(FormField(ActivityForm), min_entries=1, max_entries=ACTIVITIES_MAX)

    def validate_ends(self, field: Any) -> None:  # WTForms calls it by its name
        """An event ends after it has begun."""
        if self.starts.data and field.data and field.data <= self.starts.data:
            raise ValidationError("終わりは始まりよりあとにしてください / It must end after it begins")

    def validate_activities(self, field: Any) -> None:  # WTForms calls it by its name
        """An event without activities could grant nothing."""
        if not any(row.form.is_filled for row in field):
            raise ValidationError("活動を1つ以上入れてください / At least one activity")

    def values(self, before: Mapping[int, tuple[Slot, ...]]) -> tuple[Any, ...]:
        """Return what an act is told: name, start, end, allotment, activities."""
        activities = tuple(row.form.value(before) for row in self.activities if row.form.is_filled)
        window = (moment_of(self.starts.data), moment_of(self.ends.data))
        return (self.name.data.strip(), *window, self.allotment.data, activities)


class ChangeEventForm(EventForm):
    """A new version of an event, in place of the version that the form has shown."""

    version = shown_field()
    reason = reason_field()


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
    spare = min(spare_rows, ACTIVITIES_MAX - len(written))
    return {
        "name": event.name,
        "starts": city_datetime(event.starts_ms).replace(tzinfo=None),
        "ends": city_datetime(event.ends_ms).replace(tzinfo=None),
        "allotment": event.allotment,
        "activities": written + [{} for _ in range(spare)],
    }


def write_points(rule: Rule) -> str:
    """Return a rule's points as a clerk types them: one number, or a line of minutes and points for each step."""
    return (
        str(rule.points)
        if isinstance(rule, Fixed)
        else "\n".join(f"{minutes} {points}" for minutes, points in rule.rows)
    )


def read_points(how: str, text: str) -> Rule:
    """Return the rule in what was typed. Raises ValidationError: what is not a number is never left out."""
    try:
        lines = [read_numbers(line) for line in _lines(text)]
    except NotANumber as error:
        raise ValidationError(
            "数だけを書いてください。「時間」「分」「ポイント」などの字は消してください / Numbers only, please"
        ) from error
    if how == "fixed" and len(lines) == 1 and len(lines[0]) == 1:
        rule: Rule = Fixed(lines[0][0])
    elif how == "by_hours" and lines and all(len(line) == 2 for line in lines):  # noqa: PLR2004  # minutes and points
        rule = ByHours(tuple((line[0], line[1]) for line in lines))
    else:
        raise ValidationError("いつも同じなら数を1つ、時間でなら1行に「分 ポイント」を書いてください(例 60 100)")
    try:
        return read_rule(rule_as_value(rule))
    except WireError as error:
        raise ValidationError("ポイントは1から1,000,000まで、分は小さい順に書いてください") from error


def _lines(text: str | None) -> list[str]:
    """What stands on the lines of a text, without the empty ones."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]
