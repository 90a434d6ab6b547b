"""The forms about kiosks."""

from __future__ import annotations

import re
from typing import Any

from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
    SelectMultipleField,
    StringField,
    ValidationError,
    widgets,
)
from wtforms.validators import DataRequired, Length

from hub.desk.base.forms import (
    NEEDED,
    ActForm,
    Pick,
    ReasonForm,
    RowForm,
    VersionForm,
    moment_field,
    name_field,
    number_field,
    number_or_nothing,
    pairs_of,
    points_field,
    reason_field,
    shown_field,
)
from hub.desk.base.shapes import SEQ_MAX


class InviteForm(ActForm):
    """A kiosk that is to come."""

    name = name_field("端末の名前")
    organisation = Pick("団体", coerce=int)
    address = StringField("端末から見たセンターの場所", [DataRequired(NEEDED), Length(max=200)])

    def validate_address(self, field: Any) -> None:  # WTForms calls it by its name
        """It goes into a code that a kiosk follows."""
        if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+/?", field.data or ""):
            raise ValidationError("http://… の形で書いてください / Please write it as http://…")


class ShareForm(RowForm):
    """A row of the approval: what a kiosk may give of one allotment."""

    allotment = HiddenField()
    total = points_field("端末枠", 0)
    reserve = points_field("予備", 0)

    def validate_allotment(self, field: Any) -> None:  # WTForms calls it by its name
        """Its number is the page's own."""
        if len(pairs_of(field.data or "") or ()) != 1:
            raise ValidationError("もう一度ページを開いてください / Please open the page again")


class ApproveForm(ActForm):
    """Let a kiosk in: its events and shares, once the digits were compared."""

    events = SelectMultipleField(
        "イベント",
        coerce=int,
        validate_choice=False,
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    shares = FieldList(FormField(ShareForm))
    is_same = BooleanField(
        "端末の画面と、16文字がすべて同じです",
        [DataRequired("見くらべてから、しるしを付けてください / Compare them first")],
    )


class RenameForm(VersionForm):
    """Another name or organisation for a kiosk."""

    name = name_field("端末の名前")
    organisation = Pick("団体", coerce=int)
    reason = reason_field()


class ShareChangeForm(ActForm):
    """More or fewer points for a kiosk."""

    allotment = Pick("付与枠", coerce=int)
    points = points_field("ポイント")
    reason = reason_field()


class EventOfKioskForm(ActForm):
    """An event that a kiosk is to serve, or to serve no longer."""

    event = Pick("イベント", coerce=int)
    reason = reason_field()


class RangeForm(ReasonForm):
    """A run of records as the page has shown it, first and last number."""

    first = shown_field(most=SEQ_MAX)
    last = shown_field(most=SEQ_MAX)


class WithdrawForm(ActForm):
    """Take a kiosk out of use; perhaps only what it had signed up to a number is believed."""

    believed = number_or_nothing("信じる最後の記録の番号(なければ空のまま)", 0, SEQ_MAX)
    reason = reason_field()


class ReplaceForm(ActForm):
    """A run of records in which another event or activity was meant."""

    first = number_field("はじめの番号", 1, SEQ_MAX)
    last = number_field("おわりの番号", 1, SEQ_MAX)
    signed = Pick("端末が付けた活動", coerce=str)
    meant = Pick("正しい活動", coerce=str)
    reason = reason_field()

    def validate_last(self, field: Any) -> None:  # WTForms calls it by its name
        """A run ends where it begins, or later."""
        if self.first.data is not None and field.data is not None and field.data < self.first.data:
            raise ValidationError("おわりは、はじめより前にできません / It must not end before it begins")

    def validate_signed(self, field: Any) -> None:  # WTForms calls it by its name
        """Event and activity."""
        self._want(field, 2)

    def validate_meant(self, field: Any) -> None:  # WTForms calls it by its name
        """Event, activity and slot, 0 for none."""
        self._want(field, 3)

    def values(self) -> tuple[int, ...]:
        """Return what the act is told: first, last, from event, activity, to event, activity, slot."""
        signed, meant = pairs_of(self.signed.data) or (), pairs_of(self.meant.data) or ()
        return (self.first.data, self.last.data, *signed, *meant)

    def _want(self, field: Any, length: int) -> None:
        if len(pairs_of(field.data or "") or ()) != length:
            raise ValidationError("一覧からえらびなおしてください / Please choose from the list")


class BootForm(ActForm):
    """When a booth was switched on; `version` is that of the answer which the page has shown."""

    version = shown_field()
    started = moment_field("スイッチを入れた日時")
    reason = reason_field("理由(だれに聞いたか)")
