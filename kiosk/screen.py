"""Turns a scan into the plain lines people at the booth read, or into one JSON object. No name, no balance."""

from __future__ import annotations

import msgspec

from kiosk.booth import Scan
from kiosk.scan import (
    WORDS,
    AlreadyReceived,
    CallStaff,
    Later,
    NotUsable,
    Outcome,
    Reason,
    Received,
    Recorded,
    TodaysLimit,
)
from sync.citytime import city_datetime

_LATER = {
    Later.SHARE: "この 端末で わたせる ポイントを つかいきりました。係の人が たしかめます",
    Later.FENCED: "センターが この 端末を たしかめています",
    Later.REVOKED: "センターが この 端末を 止めています",
}
_UNUSABLE = {
    Reason.FOREIGN_CODE: "クマポの コードでは ありません",
    Reason.UNKNOWN_KEY: "この まちの コードでは ありません",
    Reason.BAD_CODE: "コードが こわれています",
    Reason.EXPIRED: "期限が すぎています",
}
_FOR_STAFF = {
    Reason.LOST_CARD: "なくしたと 届けのある カードです",
    Reason.NUMBER_UNREADABLE: "番号が ちがいます。もう一度 入れてください",
    Reason.NOT_SET_UP: "この 端末に いまの イベントと 活動の 設定が ありません",
    Reason.NO_POINTS: "この 時間では ポイントが ありません",
    Reason.ENROL_ANEW: "この 端末は 登録しなおしが 必要です",
    Reason.NOT_KEPT: "記録できませんでした。電源と カードの 空きを 見てください",
}


def lines_of(scan: Scan) -> list[str]:
    """Return what the screen says: the word first, then what it is about, then how many records wait to be sent."""
    word, about = words_of(scan.outcome)
    waiting = f"(送信まち {scan.waiting}件)" if scan.waiting else ""
    return [f"【{word}】 {about}{waiting}".rstrip()]


def words_of(outcome: Outcome) -> tuple[str, str]:
    """Return an outcome's word and what it is about, in plain Japanese."""
    match outcome:
        case Received(grant):
            return "うけとりました", f"{grant.points}ポイント"
        case Recorded(grant, later):
            return "記録しました", f"{grant.points}ポイントは あとで つきます。{_LATER[later]}"
        case AlreadyReceived(wall_ms, activity, points):
            return "もう うけとっています", f"{city_datetime(wall_ms):%H:%M} {activity} {points}ポイント"
        case TodaysLimit(limit):
            return "きょうは ここまでです", f"1日 {limit}回まで"
        case NotUsable(reason):
            return "ここでは つかえません", _UNUSABLE[reason]
        case CallStaff(reason):
            return "スタッフを よんでください", _FOR_STAFF[reason]


def json_of(scan: Scan) -> str:
    """Return the scan as one JSON object on one line; the demo and other programs read it."""
    outcome = scan.outcome
    said: dict[str, int | str | None] = {
        "scan": scan.number,
        "outcome": WORDS[type(outcome)],
        "seq": scan.seq,
        "event": scan.event,
        "points": outcome.grant.points if isinstance(outcome, Received | Recorded) else None,
        "waiting": scan.waiting,
    }
    if isinstance(outcome, NotUsable | CallStaff):
        said["reason"] = outcome.reason.value
    if isinstance(outcome, Recorded):
        said["reason"] = outcome.later.value
    return msgspec.json.encode(said).decode("utf-8")
