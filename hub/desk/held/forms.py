"""The form that decides on held records."""

from __future__ import annotations

import re
from typing import Any

from wtforms import BooleanField, HiddenField, SelectMultipleField, StringField, ValidationError
from wtforms.validators import AnyOf

from hub.desk.base.forms import ActForm, reason_field, shown_field

_NAME = re.compile(r"([0-9]{1,19})-([0-9a-f]{64})")


class DecideForm(ActForm):
    """Release or dismiss: the chosen records, or all of the group. `seen` is how many the clerk was shown, `shown` a
    mark of which, with what they give; `reasons` the sum of the reasons that were shown with them.
    """

    # A field of its own kind, never drawn: a hidden one would be sent before the pressed button's value, and be read.
    decision = StringField("", [AnyOf(("release", "dismiss"), "反映か取り消しを押してください / Post or dismiss?")])
    entries = SelectMultipleField("記録", validate_choice=False)
    everything = BooleanField("この理由のものをすべて")
    seen = shown_field()
    shown = HiddenField("")
    reasons = shown_field()
    reason = reason_field()

    def validate_entries(self, field: Any) -> None:  # WTForms calls it by its name
        """Something must be chosen, and either some or all."""
        if not field.data and not self.everything.data:
            raise ValidationError("1件以上えらんでください / Choose at least one")
        if field.data and self.everything.data:
            raise ValidationError(
                "えらんだ記録だけか「すべて」か、どちらか一方にしてください / The chosen ones, or all: which?"
            )
        if not all(_NAME.fullmatch(entry) for entry in field.data):
            raise ValidationError("もう一度えらんでください / Please choose again")

    def chosen(self) -> tuple[tuple[int, bytes], ...]:
        """Return number and hash of the records that were chosen."""
        return tuple(sorted(read_name(entry) for entry in set(self.entries.data)))


def write_name(seq: int, entry_hash: bytes) -> str:
    """Return how a record is named in a form."""
    return f"{seq}-{entry_hash.hex()}"


def read_name(text: str) -> tuple[int, bytes]:
    """Return number and hash of a record named in a form that was validated."""
    seq, _, digits = text.partition("-")
    return int(seq), bytes.fromhex(digits)
