"""Pure: what a clerk has to decide, in plain sentences, the gravest first. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hub.desk.base.reasons import why_of
from hub.desk.held.queries import HeldGroup
from hub.desk.kiosks.invitations import InvitationLine
from hub.desk.kiosks.queries import KioskLine
from hub.desk.kiosks.settings import ScarceShare
from hub.intake.reasons import Reason
from hub.service import Break


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
    is_clock_doubted: bool
    breaks: list[Break]
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
    if found.is_clock_doubted:
        yield Todo(
            "このセンターの時計が合っていないかもしれません。端末からの記録を受け付けていません。下の「センターの時計」をごらんください。",
            "This hub's clock may be wrong; it takes nothing in until somebody has looked. See below.",
            "desk.front",
            {"_anchor": "clock"},
            is_grave=True,
        )
    if found.breaks:
        yield Todo(
            f"帳簿に食い違いが {len(found.breaks):,}件見つかりました。下の「帳簿の確かめ」をごらんください。",
            f"The hub's own check found {_count(len(found.breaks), 'break')} in the books; see below.",
            "desk.front",
            {"_anchor": "watch"},
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
                f"端末「{line.name}」の記録が二通りあります。複製されたSDカードかもしれません。要確認を確かめ、端末を失効にして登録しなおしてください。",
                f"There are two different records of {line.name}: perhaps a copied SD card. Check what is held, "
                "withdraw the kiosk and enrol it anew.",
                "desk.kiosks.kiosk",
                where,
                is_grave=True,
            )
        if line.gap:
            first, last = line.gap
            yield Todo(
                f"端末「{line.name}」の記録 {first}〜{last} 番が届いていません。そのあとの付与は要確認です。",
                f"Records {first} to {last} of {line.name} are missing; what came after them waits.",
                "desk.kiosks.kiosk",
                {**where, "_anchor": "gap"},
            )


def _held(lines: Iterable[KioskLine], groups: Iterable[HeldGroup]) -> Iterator[Todo]:
    """Everything that is held and was not said above with its fork or its gap. The boots of a kiosk are one line."""
    said = {(line.kiosk, Reason.FORK) for line in lines if line.standing == "fork"}
    said |= {(line.kiosk, Reason.HOLE) for line in lines if line.gap}
    by_reason: dict[tuple[bytes, Reason], list[HeldGroup]] = {}
    for group in groups:
        if (group.kiosk, group.reason) not in said:
            by_reason.setdefault((group.kiosk, group.reason), []).append(group)
    for (kiosk, reason), alike in by_reason.items():
        yield _held_one(kiosk, reason, alike)


def _held_one(kiosk: bytes, reason: Reason, alike: list[HeldGroup]) -> Todo:
    why, name = why_of(reason), alike[0].kiosk_name
    entries, points = sum(group.entries for group in alike), sum(group.points for group in alike)
    title = why.title.en[0].lower() + why.title.en[1:]
    return Todo(
        f"端末「{name}」に、{why.what}が {entries:,}件({points:,}ポイント)あります。{why.advice}",
        f"{_count(entries, 'record')} of {name} to check, {points:,} points: {title}.",
        "desk.held.group",
        {"kiosk": kiosk, "name": why.name},
    )


def _scarce(scarce: Iterable[ScarceShare], groups: Iterable[HeldGroup]) -> Iterator[Todo]:
    """Shares that will not last, but for kiosks that already have grants on hold for want of one."""
    said = {group.kiosk for group in groups if group.reason == Reason.BEYOND_SHARE}
    for one in scarce:
        if one.kiosk not in said:
            yield Todo(
                f"端末「{one.kiosk_name}」は、端末枠 {one.total:,}ポイントのうち {one.used:,}ポイントを使いました。"
                "足りなくなる前に追加してください。",
                f"{one.kiosk_name} has used {one.used:,} of the {one.total:,} points it carries; raise its share.",
                "desk.kiosks.kiosk",
                {"kiosk": one.kiosk, "_anchor": "share"},
            )


def _outdated(outdated: list[tuple[bytes, str]]) -> Iterator[Todo]:
    if outdated:
        names = "、".join(f"「{name}」" for _, name in outdated[:3]) + (" ほか" if len(outdated) > 3 else "")  # noqa: PLR2004
        yield Todo(
            f"イベント・紛失カード・端末の名前に変更があり、{len(outdated)}台の端末{names}の設定が古くなっています。",
            f"Settings of {_count(len(outdated), 'kiosk')} out of date: events, lost cards or names have changed.",
            "desk.kiosks.page",
            {},
        )


def _count(number: int, noun: str) -> str:
    """Return a number with its English noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
