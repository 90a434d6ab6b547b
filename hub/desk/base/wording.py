"""The desk's plain words for what the hub calls by its inner names: reasons, standings, flags, acts. Japanese first,
then English.

Each reason has a short public name for addresses; the inner word never leaves the hub.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.intake.judge import RELEASABLE


class Wording(NamedTuple):
    """A word or sentence in both languages."""

    ja: str
    en: str


class Reason(NamedTuple):
    """Why something is held. `inner` is what the hub writes (ending with % where more may follow); `what` names what is
    held, as it stands in a sentence; `advice` says what to do about it.
    """

    name: str
    inner: str
    title: Wording
    what: str
    meaning: str
    advice: str

    @property
    def may_be_released(self) -> bool:
        """Tell whether a decision alone can post it."""
        return self.inner in RELEASABLE


REASONS = (
    Reason(
        "share",
        "beyond share",
        Wording("端末枠をこえた付与", "Beyond the kiosk's share"),
        "端末枠をこえた付与",
        "端末枠を使いきったあとの付与です。参加者には「記録しました・ポイントはあとで」と出ています。",
        "端末枠を追加すると、まとめて反映されます。",
    ),
    Reason(
        "time",
        "time",
        Wording("時刻がイベントの外", "Outside the event's time"),
        "時刻がイベントの日時に合わない付与",
        "イベントの日時の外に記録されています。端末の時計がずれていたか、イベントの日時が違うのかもしれません。",
        "日時が違うときはイベントを直してください。確かめられたものは、ここで反映できます。",
    ),
    Reason(
        "points",
        "points",
        Wording("ポイントが決まりと違う", "Points differ from the rule"),
        "ポイントが決まりと違う付与",
        "活動の決まりから出るポイントと違います。",
        "会場に確かめてから、反映するか取り消してください。",
    ),
    Reason(
        "place",
        "not this kiosk's",
        Wording("この端末の担当でない活動", "Not an activity of this kiosk"),
        "担当でない活動の付与",
        "この端末に割り当てていないイベントか活動です。",
        "会場に確かめてから、反映するか取り消してください。",
    ),
    Reason(
        "unknown-member",
        "member unknown",
        Wording("登録のない番号", "Unknown number"),
        "登録のない番号への付与",
        "センターに登録のない利用者番号です。控えから戻したときや、番号の手入力で起こります。",
        "番号を登録すると反映されます。まちがいなら取り消してください。",
    ),
    Reason(
        "ended-member",
        "member ended",
        Wording("利用を終えた人への付与", "Member has left"),
        "利用を終えた人への付与",
        "利用を終えた番号への付与です。",
        "本人に確かめてから、反映するか取り消してください。",
    ),
    Reason(
        "gap",
        "hole",
        Wording("途中の記録が届いていない", "Records before it are missing"),
        "前の記録が届いていない付与",
        "この記録より前の記録が、まだ届いていません。",
        "端末から残りが届くのを待ってください。届かないと分かったら、端末のページで「欠けを認める」を行います。",
    ),
    Reason(
        "two-lines",
        "fork",
        Wording("同じ端末の記録が二通りある", "Two records of one kiosk"),
        "食い違う記録",
        "同じ端末から、食い違う記録が届きました。SDカードの複製か、古い控えへの巻き戻しが考えられます。",
        "会場に確かめ、行われた付与は反映し、そうでないものは取り消してください。端末は登録しなおします。",
    ),
    Reason(
        "stopped",
        "fenced",
        Wording("止めた端末の記録", "Kiosk was stopped"),
        "止めたあとに届いた記録",
        "端末を止めたあとに届いた記録です。",
        "会場に確かめ、行われた付与は反映し、そうでないものは取り消してください。",
    ),
    Reason(
        "withdrawn",
        "revoked",
        Wording("失効した端末の記録", "Kiosk was withdrawn"),
        "失効のあとに届いた記録",
        "端末を失効にしたあとに届いた記録です。盗まれた端末かもしれません。",
        "会場に確かめ、行われた付与は反映し、そうでないものは取り消してください。",
    ),
    Reason(
        "void",
        "void of nothing",
        Wording("相手のない取り消し", "Cancels nothing"),
        "相手のない取り消し",
        "端末で取り消しが行われましたが、取り消す付与がありません。",
        "ポイントは動いていません。確かめたら「取り消し」にして片づけてください。",
    ),
    Reason(
        "unread",
        "not understood%",
        Wording("センターに読めない記録", "Not readable here"),
        "センターに読めない記録",
        "新しいソフトの端末が書いた記録かもしれません。",
        "センターのソフトを新しくすると読めることがあります。急いで取り消さないでください。",
    ),
)

_BY_NAME = {reason.name: reason for reason in REASONS}


def reason_named(name: str) -> Reason | None:
    """Return the reason with a public name."""
    return _BY_NAME.get(name)


def reason_of(inner: str) -> Reason:
    """Return the reason for what the hub has written; a word of later software is shown as not readable here."""
    return next((one for one in REASONS if one.inner == inner), _BY_NAME["unread"])


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

WHY_DISMISSED = {"voided": "会場の担当が取り消しました", "decided": "窓口で取り消しにしました"}
"""Who has dismissed a grant. The hub never does so by itself."""

DECISIONS = {"release": Wording("反映する", "post"), "dismiss": Wording("取り消しにする", "dismiss")}
"""What a person can decide on a record."""

STANDINGS = {
    "ok": Wording("使用中", "in use"),
    "silent": Wording("まだ連絡なし", "not heard from yet"),
    "fork": Wording("記録が二通り", "two records"),
    "fenced": Wording("停止", "stopped"),
    "revoked": Wording("失効", "withdrawn"),
}
"""How the hub stands to a kiosk."""

FLAGS = {
    "lost card": Wording("なくしたと届けのあるカード", "card reported lost"),
    "expired token": Wording("期限の切れたカード", "expired card"),
    "typed": Wording("番号の手入力", "number typed in"),
    "over daily limit": Wording("1日の上限をこえた", "over the daily limit"),
}
"""What was posted all the same, and may be worth a look."""

ACTS = {
    "release": Wording("要確認を反映", "posted after a check"),
    "dismiss": Wording("要確認を取り消し", "dismissed after a check"),
    "accept hole": Wording("欠けを認めた", "gap accepted"),
    "top up": Wording("端末枠を追加", "share raised"),
    "fenced": Wording("端末を停止", "kiosk stopped"),
    "revoked": Wording("端末を失効", "kiosk withdrawn"),
    "approve kiosk": Wording("端末を登録", "kiosk let in"),
    "change event": Wording("イベントを変更", "event changed"),
    "raise allotment": Wording("付与枠を追加", "allotment raised"),
    "lost card": Wording("カードの紛失", "card reported lost"),
    "end member": Wording("利用の終了", "member ended"),
    "know member": Wording("番号を登録", "number made known"),
}
"""What persons have done, as the list of acts shows it."""

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
MEMBER_STATES = {"open": Wording("利用中", "in use"), "ended": Wording("利用終了", "ended")}
CARD_KINDS = {"paper": Wording("紙のカード", "paper"), "phone": Wording("スマートフォン", "phone")}
