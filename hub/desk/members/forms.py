"""The forms about members and their cards."""

from __future__ import annotations

from typing import Any

from wtforms import StringField, ValidationError

from hub.desk.base.forms import ActForm, DeskForm, Pick, number_field, reason_field
from hub.desk.base.numbers import read_member
from sync.codec import WireError

MEMBERS_MAX = 1_000


class AddMembersForm(ActForm):
    """How many members to add, each with a card."""

    count = number_field("人数", 1, MEMBERS_MAX)


class FindMemberForm(DeskForm):
    """A member's number, as it is printed."""

    class Meta(DeskForm.Meta):
        """It only reads, so it goes by GET and needs no guard."""

        csrf = False

    number = StringField("利用者番号")

    def validate_number(self, field: Any) -> None:  # WTForms calls it by its name
        """The check digits catch a slip."""
        try:
            read_member(field.data or "")
        except WireError as error:
            raise ValidationError("番号が違います。カードの14けたを入れてください / Not a member number") from error


class CardForm(ActForm):
    """One of a member's cards."""

    issue = Pick("カード", coerce=int)
    reason = reason_field()
