"""Pure: what a clerk has to decide, in plain sentences, the gravest first. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hub.desk.overview import HeldGroup, KioskLine
from hub.desk.registers import InvitationLine
from hub.desk.wording import reason_of


class Todo(NamedTuple):
    """A sentence, and where to act: an endpoint of the desk with its values."""

    ja: str
    en: str
    endpoint: str
    values: dict[str, object]


class Found(NamedTuple):
    """Everything there may be to decide."""

    is_rolled_back: bool
    ledger: int
    lines: list[KioskLine]
    groups: list[HeldGroup]
    waiting: list[InvitationLine]
    outdated: list[tuple[bytes, str]]


def to_decide(found: Found) -> list[Todo]:
    """Return what there is to decide."""
    return [
        *_grave(found),
        *_waiting(found.waiting),
        *_forks_and_gaps(found.lines),
        *_held(found.groups),
        *_outdated(found.outdated),
    ]


def _grave(found: Found) -> Iterator[Todo]:
    if found.is_rolled_back:
        yield Todo(
            "このセンターは古い控えに戻っています。受け付けを止めています。「./kumapo hub restore」を行ってください。",
            "This hub runs from an old backup and takes nothing in until `hub restore` was run.",
            "desk.front",
            {},
        )
    if found.ledger:
        yield Todo(
            f"帳簿の合計が 0 ではありません({found.ledger:+,})。「./kumapo hub audit」で調べてください。",
            "The ledger does not sum to 0. Run `hub audit`.",
            "desk.front",
            {},
        )


def _waiting(waiting: Iterable[InvitationLine]) -> Iterator[Todo]:
    for one in waiting:
        yield Todo(
            f"端末「{one.name}」が登録を待っています。16文字を見くらべてください。",
            "A kiosk waits to be let in: compare 16 characters.",
            "desk.kiosks.invitation",
            {"enrolment": one.enrolment},
        )


def _forks_and_gaps(lines: Iterable[KioskLine]) -> Iterator[Todo]:
    for line in lines:
        where: dict[str, object] = {"kiosk": line.kiosk}
        if line.standing == "fork":
            yield Todo(
                f"端末「{line.name}」の記録が二通りあります。複製されたSDカードかもしれません。保留を確かめ、端末を失効にして登録しなおしてください。",
                "Two different records of one kiosk: perhaps a copied SD card. Check, withdraw it and enrol it anew.",
                "desk.kiosks.kiosk",
                where,
            )
        if line.beyond:
            first, last = line.cursor_seq + 1, line.beyond[0][0] - 1
            yield Todo(
                f"端末「{line.name}」の記録 {first}〜{last} 番が届いていません。そのあとの付与は保留しています。",
                f"Records {first} to {last} are missing; what came after them is on hold.",
                "desk.kiosks.kiosk",
                where,
            )


def _held(groups: Iterable[HeldGroup]) -> Iterator[Todo]:
    for group in groups:
        reason = reason_of(group.reason)
        if reason.name in {"gap", "two-lines"}:
            continue  # said above already
        yield Todo(
            f"端末「{group.kiosk_name}」: {reason.title.ja} {group.entries:,}件({group.points:,}ポイント)。"
            f"{reason.advice}",
            f"{reason.title.en}: {group.entries:,}",
            "desk.held.group",
            {"kiosk": group.kiosk, "name": reason.name},
        )


def _outdated(outdated: list[tuple[bytes, str]]) -> Iterator[Todo]:
    if outdated:
        names = "、".join(f"「{name}」" for _, name in outdated[:3]) + (" ほか" if len(outdated) > 3 else "")  # noqa: PLR2004
        yield Todo(
            f"イベントか紛失カードに変更があり、{len(outdated)}台の端末{names}の設定が古くなっています。",
            "Settings of these kiosks are out of date.",
            "desk.kiosks.page",
            {},
        )
