"""The desk's plain words for what the hub calls by its inner names: verdicts, standings, flags, sources. Japanese
first, then English. Reasons stand in `reasons`, acts in `deeds`.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.intake.intervals import Source
from hub.intake.values import Flag


class Wording(NamedTuple):
    """A word or sentence in both languages."""

    ja: str
    en: str


VERDICTS = {
    "waiting": Wording("処理待ち", "waiting"),
    "posted": Wording("反映済み", "posted"),
    "duplicate": Wording("重複", "repeated"),
    "held": Wording("要確認", "to check"),
    "dismissed": Wording("取り消し", "dismissed"),
}
"""What became of a grant, in the order of the equation."""

NOTED = Wording("記録のみ", "noted")
"""What becomes of a record that is no grant."""

BECAME = {
    "posted": Wording("ポイントになりました。", "The points were given."),
    "duplicate": Wording(
        "同じ人の同じ活動で、先に反映した付与があります。ポイントは増えません。",
        "The same person had the same thing before; no points are added.",
    ),
    "held": Wording("人が決めるのを待っています。", "Waits for a person to decide."),
    "dismissed": Wording("ポイントになりません。", "No points come of it."),
    "noted": Wording("ポイントの動かない記録です。", "A record that moves no points."),
}
"""What that means for the points."""

DECISIONS = {
    "release": Wording("反映する", "post"),
    "dismiss": Wording("取り消しにする", "dismiss"),
    "reopen": Wording("決める前に戻した", "taken back"),
}
"""What a person can decide on a record."""

STANDINGS = {
    "ok": Wording("使用中", "in use"),
    "silent": Wording("まだ連絡なし", "not heard from yet"),
    "fork": Wording("記録が二通り", "two records"),
    "stopped": Wording("停止", "stopped"),
    "withdrawn": Wording("失効", "withdrawn"),
}
"""How the hub stands to a kiosk."""

SOURCES = {
    Source.ARRIVAL: Wording("届いた時刻", "when it arrived"),
    Source.WALL: Wording("端末の時計", "the kiosk's own clock"),
    Source.CONFIRMED: Wording("会場で確認", "confirmed at the booth"),
    Source.ANSWER: Wording("窓口の回答", "answered at the desk"),
    Source.HUB: Wording("センターの時刻", "the hub's time"),
}
"""Where the moment of a grant is known from."""

FLAGS = {
    Flag.LOST_CARD.value: Wording("なくしたと届けのあるカード", "card reported lost"),
    Flag.EXPIRED.value: Wording("期限の切れたカード", "expired card"),
    Flag.TYPED.value: Wording("番号の手入力", "number typed in"),
    Flag.UNKNOWN_ISSUE.value: Wording("センターが出していない枚数目のカード", "a card the hub never gave out"),
    Flag.UNKNOWN_KEY.value: Wording("センターの知らない印のカード", "a card signed by nobody known here"),
    Flag.TIME_DOUBTED.value: Wording(
        "あとから、イベントの時間の外らしいと分かった", "outside the event's time, as was learnt later"
    ),
    Flag.DAY_DOUBTED.value: Wording("あとから、別の日らしいと分かった", "another day, as was learnt later"),
    Flag.OVER_LIMIT.value: Wording("1日の上限をこえた", "over the daily limit"),
}
"""What was posted all the same, and may be worth a look."""

KINDS = {
    "grants": Wording("付与団体", "gives points"),
    "serves": Wording("協力団体", "takes points for services"),
    "both": Wording("付与団体・協力団体", "both"),
}
"""What an organisation does."""

SHOWN = {
    1: Wording("うけとりました", "received"),
    2: Wording("記録しました(ポイントはあとで)", "recorded, points later"),
}
READ = {0: Wording("カードの読み取り", "card read"), 1: Wording("番号の手入力", "number typed in")}
MEMBER_STATES = {
    "open": Wording("利用中", "in use"),
    "ended": Wording("利用終了", "ended"),
    "unknown": Wording("登録を取り消し", "no longer known"),
}
CARD_KINDS = {"paper": Wording("紙のカード", "paper"), "phone": Wording("スマートフォン", "phone")}


def flag_of(flag: str) -> Wording:
    """Return the words for a flag; a word of later software is said to be one."""
    return FLAGS.get(flag, Wording("新しいソフトの注意書き", "a remark of later software"))
