"""Pure: what a clerk has to decide, in plain sentences, the gravest first. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hub.desk.base.closer import ScarceShare
from hub.desk.base.overview import HeldGroup, KioskLine
from hub.desk.base.registers import InvitationLine
from hub.desk.base.wording import reason_of


class Todo(NamedTuple):
    """A sentence, and where to act: an endpoint of the desk with its values. `is_grave` where the books themselves or a
    kiosk's key are in doubt.
    """

    ja: str
    en: str
    endpoint: str
    values: dict[str, object]
    is_grave: bool = False


class Found(NamedTuple):
    """Everything there may be to decide."""

    is_rolled_back: bool
    ledger: int
    lines: list[KioskLine]
    groups: list[HeldGroup]
    waiting: list[InvitationLine]
    scarce: list[ScarceShare]
    outdated: list[tuple[bytes, str]]


def to_decide(found: Found) -> list[Todo]:
    """Return what there is to decide."""
    todos = [
        *_grave(found),
        *_waiting(found.waiting),
        *_forks_and_gaps(found.lines),
        *_held(found.lines, found.groups),
        *_scarce(found.scarce, found.groups),
        *_outdated(found.outdated),
    ]
    return sorted(todos, key=lambda todo: not todo.is_grave)


def _grave(found: Found) -> Iterator[Todo]:
    if found.is_rolled_back:
        yield Todo(
            "このセンターは古い控えに戻っています。受け付けを止めています。「./kumapo hub restore」を行ってください。",
            "This hub runs from an old backup and takes nothing in until `hub restore` was run.",
            "desk.front",
            {},
            is_grave=True,
        )
    if found.ledger:
        yield Todo(
            f"帳簿の合計が 0 ではありません({found.ledger:+,})。「./kumapo hub audit」で調べてください。",
            "The ledger does not sum to 0. Run `hub audit`.",
            "desk.front",
            {},
            is_grave=True,
        )


def _waiting(waiting: Iterable[InvitationLine]) -> Iterator[Todo]:
    for one in waiting:
        yield Todo(
            f"端末「{one.name}」が登録を待っています。16文字を見くらべてください。",
            f"The kiosk {one.name} waits to be let in: compare 16 characters.",
            "desk.kiosks.invitation",
            {"enrolment": one.enrolment},
        )


def _forks_and_gaps(lines: Iterable[KioskLine]) -> Iterator[Todo]:
    for line in lines:
        where: dict[str, object] = {"kiosk": line.kiosk}
        if line.standing == "fork":
            yield Todo(
                f"端末「{line.name}」の記録が二通りあります。複製されたSDカードかもしれません。保留を確かめ、端末を失効にして登録しなおしてください。",
                f"There are two different records of {line.name}: perhaps a copied SD card. Check what is held, "
                "withdraw the kiosk and enrol it anew.",
                "desk.kiosks.kiosk",
                where,
                is_grave=True,
            )
        if line.beyond:
            first, last = line.cursor_seq + 1, line.beyond[0][0] - 1
            yield Todo(
                f"端末「{line.name}」の記録 {first}〜{last} 番が届いていません。そのあとの付与は保留しています。",
                f"Records {first} to {last} of {line.name} are missing; what came after them is on hold.",
                "desk.kiosks.kiosk",
                where,
            )


def _held(lines: Iterable[KioskLine], groups: Iterable[HeldGroup]) -> Iterator[Todo]:
    """Everything that is held and was not said above with its fork or its gap."""
    said = {(line.kiosk, "two-lines") for line in lines if line.standing == "fork"}
    said |= {(line.kiosk, "gap") for line in lines if line.beyond}
    for group in groups:
        reason = reason_of(group.reason)
        if (group.kiosk, reason.name) not in said:
            why = reason.title.en[0].lower() + reason.title.en[1:]
            yield Todo(
                f"端末「{group.kiosk_name}」に、{reason.what}が {group.entries:,}件({group.points:,}ポイント)あります。"
                f"{reason.advice}",
                f"{_count(group.entries, 'record')} of {group.kiosk_name} on hold, {group.points:,} points: {why}.",
                "desk.held.group",
                {"kiosk": group.kiosk, "name": reason.name},
            )


def _scarce(scarce: Iterable[ScarceShare], groups: Iterable[HeldGroup]) -> Iterator[Todo]:
    """Shares that will not last, but for kiosks that already have grants on hold for want of one."""
    said = {group.kiosk for group in groups if reason_of(group.reason).name == "share"}
    for one in scarce:
        if one.kiosk not in said:
            yield Todo(
                f"端末「{one.kiosk_name}」は、端末枠 {one.total:,}ポイントのうち {one.used:,}ポイントを使いました。"
                "足りなくなる前に追加してください。",
                f"{one.kiosk_name} has used {one.used:,} of the {one.total:,} points it carries; raise its share.",
                "desk.kiosks.kiosk",
                {"kiosk": one.kiosk, "_anchor": "acts"},
            )


def _outdated(outdated: list[tuple[bytes, str]]) -> Iterator[Todo]:
    if outdated:
        names = "、".join(f"「{name}」" for _, name in outdated[:3]) + (" ほか" if len(outdated) > 3 else "")  # noqa: PLR2004
        yield Todo(
            f"イベントか紛失カードに変更があり、{len(outdated)}台の端末{names}の設定が古くなっています。",
            f"Settings of {_count(len(outdated), 'kiosk')} out of date, because events or lost cards have changed.",
            "desk.kiosks.page",
            {},
        )


def _count(number: int, noun: str) -> str:
    """Return a number with its English noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
