"""What the desk says of each kind of act: its name once it is done, where its subject has its page, and the act that
takes it back. Complete against hub.acts, which a test keeps.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.acts.catalogue import all_acts
from hub.desk.base.wording import Wording


class Deed(NamedTuple):
    """A kind of act. `place` is where its subject has its page: kiosk, office, event, member, invitation or hub.
    `proviso` is what the act that takes it back cannot bring back; "" where it brings back everything.
    """

    title: Wording
    place: str
    counter: Wording | None = None
    proviso: str = ""


_PLACES = {
    "office": {
        "add organisation": Wording("団体を追加", "organisation added"),
        "change organisation": Wording("団体を変更", "organisation changed"),
        "close organisation": Wording("団体を終了", "organisation closed"),
        "reopen organisation": Wording("団体を再開", "organisation reopened"),
        "add allotment": Wording("付与枠を作成", "allotment made"),
        "raise allotment": Wording("付与枠を追加", "allotment raised"),
        "lower allotment": Wording("付与枠を減額", "allotment lowered"),
    },
    "event": {
        "add event": Wording("イベントを追加", "event added"),
        "change event": Wording("イベントを変更", "event changed"),
        "call off event": Wording("イベントを中止", "event called off"),
        "take up event": Wording("イベントの中止を取り消し", "event taken up again"),
    },
    "member": {
        "add members": Wording("番号とカードを作成", "numbers and cards made"),
        "make known": Wording("番号を登録", "number made known"),
        "make unknown": Wording("番号の登録を取り消し", "number made unknown"),
        "end account": Wording("利用を終了", "account ended"),
        "reopen account": Wording("利用を再開", "account reopened"),
        "lose card": Wording("カードの紛失", "card reported lost"),
        "find card": Wording("紛失したカードが見つかった", "card found again"),
    },
    "invitation": {
        "invite kiosk": Wording("端末を招待", "kiosk invited"),
        "decline invitation": Wording("招待を取りやめ", "invitation called off"),
    },
    "hub": {"trust clock": Wording("センターの時計を確認", "the hub's clock was looked at")},
    "kiosk": {
        "approve kiosk": Wording("端末を登録", "kiosk let in"),
        "rename kiosk": Wording("端末の名前・団体を変更", "kiosk renamed"),
        "assign event": Wording("イベントを割り当て", "event assigned"),
        "remove event": Wording("イベントの割り当てを解除", "event removed"),
        "renew settings": Wording("端末設定を更新", "settings renewed"),
        "top up": Wording("端末枠を追加", "share raised"),
        "lower share": Wording("端末枠を減額", "share lowered"),
        "stop kiosk": Wording("端末を停止", "kiosk stopped"),
        "withdraw kiosk": Wording("端末を失効", "kiosk withdrawn"),
        "resume kiosk": Wording("端末を再開", "kiosk resumed"),
        "accept hole": Wording("欠けを認める", "gap accepted"),
        "take back hole": Wording("欠けを認めたのを取り消し", "gap no longer accepted"),
        "give up tail": Wording("届かない記録をあきらめる", "lost records given up"),
        "take back tail": Wording("届かない記録をもう一度待つ", "lost records awaited again"),
        "replace range": Wording("記録の範囲を置きかえ", "range of records replaced"),
        "take back replacement": Wording("置きかえを取り消し", "replacement taken back"),
        "say boot start": Wording("スイッチを入れた日時を回答", "said when it was switched on"),
        "take back boot start": Wording("スイッチの回答を取り消し", "that answer taken back"),
        "release": Wording("要確認を反映", "posted after a check"),
        "dismiss": Wording("記録を取り消し", "dismissed"),
        "reopen decision": Wording("決める前に戻す", "decision taken back"),
    },
}

_UNUSED = "元に戻せるのは、それまでに使われていない分だけです。"
_COVER = "元に戻すときに、付与枠の残りが足りることが必要です。"
_NOT_SINCE = "そのあとに別の決定がない記録だけを戻せます。"

PROVISOS = {
    "add allotment": "元に戻せるのは、付与枠に残っている分だけです。端末に渡した分は、先に端末枠を減らします。",
    "raise allotment": "元に戻せるのは、付与枠に残っている分だけです。端末に渡した分は、先に端末枠を減らします。",
    "top up": _UNUSED + "反映した付与はそのままです。",
    "lower share": _COVER,
    "approve kiosk": "反映した付与はそのままです。端末枠の使っていない分は、失効のあとに減らすと戻ります。",
    "invite kiosk": "取りやめられるのは、端末を登録するまでです。",
    "decline invitation": "同じコードは使えません。新しく招待します。",
    "add event": "中止しても、届いた付与はそのままです。",
    "assign event": "反映した付与はそのままです。",
    "add members": "1人ずつ行います。配ったカードは、手元に残ります。",
    "lose card": "あたらしく作った次のカードは、そのまま使えます。",
    "end account": "終えていたあいだに届いた付与は、再開するときに見なおします。",
    "resume kiosk": "そのときまでに届いた記録は、再開したあとの扱いのままです。",
    "release": _NOT_SINCE,
    "dismiss": _NOT_SINCE,
}
"""What each way back leaves as it is, for the acts where that is something: no page promises more."""

TITLES = {kind: title for titles in _PLACES.values() for kind, title in titles.items()}
"""What persons have done, as the list of acts shows it."""

_PLACE_OF = {kind: place for place, titles in _PLACES.items() for kind in titles}
_OF_LATER_SOFTWARE = Wording("新しいソフトの処理", "an act of later software")


def deed_of(kind: str) -> Deed:
    """Return the words for a kind of act."""
    declared = all_acts().get(kind)
    counter = TITLES.get(declared.counter) if declared is not None and declared.counter else None
    return Deed(TITLES.get(kind, _OF_LATER_SOFTWARE), _PLACE_OF.get(kind, ""), counter, PROVISOS.get(kind, ""))
