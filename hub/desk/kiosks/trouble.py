"""What is done to a kiosk when something went wrong: records that do not come, a wrong setting, no clock, a kiosk that
is lost or stolen. Each with its way back.
"""

from __future__ import annotations

from hub.acts import journal as journal_acts
from hub.acts import kiosks as kiosk_acts
from hub.desk.base.acting import Page
from hub.desk.base.forms import ReasonForm, VersionForm, moment_of
from hub.desk.kiosks.forms import BootForm, RangeForm, ReplaceForm, WithdrawForm
from hub.desk.kiosks.page import act_on, kiosks, tell


@kiosks.post("/<hex:kiosk>/gap")
def accept_gap(kiosk: bytes) -> Page:
    """Accept that records are missing, and let what came after them count."""
    form = RangeForm(prefix="gap")
    said = f"記録 {form.first.data}〜{form.last.data} 番の欠けを認めました。あとから届いたときも受け付けます。"
    arguments = lambda: (form.first.data, form.last.data)  # noqa: E731  # asked for once it is valid
    return act_on(kiosk, "gap", form, journal_acts.accept_hole, arguments, said)


@kiosks.post("/<hex:kiosk>/gap/<seq:first>/back")
def take_back_gap(kiosk: bytes, first: int) -> Page:
    """Accept a gap no longer."""
    name = f"hole-{first}"
    said = "欠けを認めたのを取り消しました。"
    arguments = lambda: (first,)  # noqa: E731  # as the others
    hole = next((one for one in tell(kiosk).holes if one.first == first), None)
    changes = (f"記録 {hole.first:,}〜{hole.last:,}番の欠け",) if hole is not None else ()
    return act_on(
        kiosk,
        name,
        ReasonForm(prefix=name),
        journal_acts.take_back_hole,
        arguments,
        said,
        subject=f" {first}",
        changes=changes,
    )


@kiosks.post("/<hex:kiosk>/tail")
def give_up_tail(kiosk: bytes) -> Page:
    """Wait no longer for records that are lost with the booth."""
    form = RangeForm(prefix="tail")
    said = f"記録 {form.first.data}〜{form.last.data} 番を、もう待たないことにしました。届いたときは受け付けます。"
    arguments = lambda: (form.first.data, form.last.data)  # noqa: E731  # asked for once it is valid
    return act_on(kiosk, "tail", form, journal_acts.give_up_tail, arguments, said)


@kiosks.post("/<hex:kiosk>/tail/<seq:first>/back")
def take_back_tail(kiosk: bytes, first: int) -> Page:
    """Wait for them again."""
    name = f"lost-{first}"
    said = "また届くのを待ちます。"
    arguments = lambda: (first,)  # noqa: E731  # as the others
    return act_on(
        kiosk, name, ReasonForm(prefix=name), journal_acts.take_back_tail, arguments, said, subject=f" {first}"
    )


@kiosks.post("/<hex:kiosk>/replace")
def replace_range(kiosk: bytes) -> Page:
    """Put another event or activity in the place of what a run of records says."""
    form = ReplaceForm(prefix="replace")
    said = "記録の範囲を置きかえました。"
    changes = _replaced(kiosk, form.values()) if form.validate() else ()
    return act_on(kiosk, "replace", form, journal_acts.replace_range, form.values, said, field="first", changes=changes)


def _replaced(kiosk: bytes, values: tuple[int, ...]) -> tuple[str, ...]:
    """Say which records are to count for what."""
    told, (first, last, *signed_and_meant) = tell(kiosk), values
    signed, meant = told.activity_name(*signed_and_meant[:2]), told.activity_name(*signed_and_meant[2:])
    return (f"記録 {first:,}〜{last:,}番", f"{signed} → {meant}")


@kiosks.post("/<hex:kiosk>/replace/<int(max=9007199254740991):version>/back")
def take_back_replacement(kiosk: bytes, version: int) -> Page:
    """Let the records count for what they say."""
    name = f"replaced-{version}"
    said = "置きかえを取り消しました。"
    arguments = lambda: (version,)  # noqa: E731  # as the others
    return act_on(
        kiosk,
        name,
        ReasonForm(prefix=name),
        journal_acts.take_back_replacement,
        arguments,
        said,
        subject=f" {version}",
        changes=_put_back(kiosk, version),
    )


def _put_back(kiosk: bytes, version: int) -> tuple[str, ...]:
    """Say which records a replacement is about, and what they will count for without it."""
    told = tell(kiosk)
    replaced = next((one for one in told.replacements if one.version == version), None)
    return () if replaced is None else (f"記録 {replaced.first:,}〜{replaced.last:,}番", told.without(replaced))


@kiosks.post("/<hex:kiosk>/boots/<hex:boot>")
def say_boot_start(kiosk: bytes, boot: bytes) -> Page:
    """Say when the booth was switched on; what was held for its day is judged anew."""
    name = f"boot-{boot.hex()}"
    form = BootForm(prefix=name)
    said = "スイッチを入れた日時を記録しました。"
    arguments = lambda: (boot, moment_of(form.started.data), form.version.data)  # noqa: E731  # asked for once it is valid
    subject = f" {boot.hex()}"
    return act_on(kiosk, name, form, journal_acts.say_boot_start, arguments, said, subject=subject, field="started")


@kiosks.post("/<hex:kiosk>/boots/<hex:boot>/back")
def take_back_boot_start(kiosk: bytes, boot: bytes) -> Page:
    """Take such an answer back."""
    name = f"answer-{boot.hex()}"
    said = "スイッチの回答を取り消しました。"
    form = VersionForm(prefix=name)
    arguments = lambda: (boot, form.version.data)  # noqa: E731  # as the others
    return act_on(
        kiosk,
        name,
        form,
        journal_acts.take_back_boot_start,
        arguments,
        said,
        subject=f" {boot.hex()}",
    )


@kiosks.post("/<hex:kiosk>/stop")
def stop(kiosk: bytes) -> Page:
    """Count nothing more that this kiosk signs."""
    said = "端末を止めました。"
    return act_on(kiosk, "stop", ReasonForm(prefix="stop"), kiosk_acts.stop_kiosk, tuple, said)


@kiosks.post("/<hex:kiosk>/withdraw")
def withdraw(kiosk: bytes) -> Page:
    """Take the kiosk out of use, for instance when it was stolen; perhaps only up to a record it is believed."""
    form = WithdrawForm(prefix="withdraw")
    said = "端末を失効にしました。"
    arguments = lambda: (form.believed.data,)  # noqa: E731  # asked for once it is valid
    return act_on(kiosk, "withdraw", form, kiosk_acts.withdraw_kiosk, arguments, said, field="believed")


@kiosks.post("/<hex:kiosk>/resume")
def resume(kiosk: bytes) -> Page:
    """Let a stopped or withdrawn kiosk count again."""
    said = "端末を再開しました。"
    return act_on(kiosk, "resume", ReasonForm(prefix="resume"), kiosk_acts.resume_kiosk, tuple, said)
