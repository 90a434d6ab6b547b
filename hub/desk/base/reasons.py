"""What the desk says of each reason to hold or dismiss a record: what it means, what to do about it, and by which act.

Each reason has a short public name for addresses; the inner word never leaves the hub.
"""

from __future__ import annotations

from typing import NamedTuple

from hub.desk.base.wording import Wording
from hub.intake.reasons import RELEASABLE, Reason, all_of, first_of


class Why(NamedTuple):
    """A reason in words. `what` names what is held, as it stands in a sentence; `advice` says what to do about it;
    `acts` are the kinds of act that settle it, the most usual first.
    """

    reason: Reason
    name: str
    title: Wording
    what: str
    meaning: str
    advice: str
    acts: tuple[str, ...]

    @property
    def may_be_released(self) -> bool:
        """Tell whether a decision alone can post it."""
        return self.reason in RELEASABLE

    @property
    def is_settled_elsewhere(self) -> bool:
        """Tell whether the usual act is done on the kiosk's page."""
        return self.acts[0] in {"top up", "accept hole", "say boot start", "replace range", "resume kiosk"}


ASK = "会場に確かめ、行われた付与は反映し、そうでないものは取り消してください。"

WHYS = (
    Why(
        Reason.NOT_UNDERSTOOD,
        "unread",
        Wording("センターに読めない記録", "Not readable here"),
        "センターに読めない記録",
        "新しいソフトの端末が書いた記録かもしれません。",
        "センターのソフトを新しくすると読めることがあります。急いで取り消さないでください。",
        ("dismiss",),
    ),
    Why(
        Reason.HOLE,
        "gap",
        Wording("途中の記録が届いていない", "Records before it are missing"),
        "前の記録が届いていない付与",
        "この記録より前の記録が、まだ届いていません。",
        "端末から残りが届くのを待ってください。届かないと分かったら、端末のページで「欠けを認める」を行います。",
        ("accept hole",),
    ),
    Why(
        Reason.MEMBER_UNKNOWN,
        "unknown-member",
        Wording("登録のない番号", "Unknown number"),
        "登録のない番号への付与",
        "センターに登録のない利用者番号です。控えから戻したときや、番号の手入力で起こります。",
        "番号を登録すると反映されます。まちがいなら取り消してください。",
        ("make known", "dismiss"),
    ),
    Why(
        Reason.OCCASION,
        "occasion",
        Wording("活動にない回", "A time the activity does not have"),
        "活動にない回の付与",
        "活動の設定にない時間帯や回で付けています。",
        "正しい時間帯が分かるときは、端末のページの「記録の範囲を置きかえる」で直します。",
        ("replace range", "dismiss"),
    ),
    Why(
        Reason.NOT_THIS_KIOSKS,
        "place",
        Wording("この端末の担当でない活動", "Not an activity of this kiosk"),
        "担当でない活動の付与",
        "この端末に割り当てていないイベントか活動です。",
        "会場に確かめてから、反映するか取り消してください。別のイベントのつもりだったときは、端末のページの「記録の範囲を置きかえる」で直します。",
        ("release", "replace range", "dismiss"),
    ),
    Why(
        Reason.MANIFEST_OLD,
        "old-settings",
        Wording("古い端末設定に戻った", "Went back to older settings"),
        "古い端末設定で付けた付与",
        "端末が、新しい設定を受けとったあとで、古い設定に戻っています。控えへの巻き戻しが考えられます。",
        ASK,
        ("release", "dismiss"),
    ),
    Why(
        Reason.POINTS,
        "points",
        Wording("ポイントが決まりと違う", "Points differ from the rule"),
        "ポイントが決まりと違う付与",
        "活動の決まりから出るポイントと違います。",
        "会場に確かめてから、反映するか取り消してください。",
        ("release", "dismiss"),
    ),
    Why(
        Reason.MEMBER_ENDED,
        "ended-member",
        Wording("利用を終えた人への付与", "Member has left"),
        "利用を終えた人への付与",
        "利用を終えた番号への付与です。",
        "本人に確かめてから、反映するか取り消してください。利用を続けるときは、利用者のページで「利用を再開」します。",
        ("release", "reopen account", "dismiss"),
    ),
    Why(
        Reason.TIME,
        "time",
        Wording("時刻がイベントの外", "Outside the event's time"),
        "時刻がイベントの日時に合わない付与",
        "イベントの日時の外に記録されています。端末の時計がずれていたか、イベントの日時が違うのかもしれません。",
        "日時が違うときはイベントを直してください。確かめられたものは、ここで反映できます。",
        ("release", "change event", "dismiss"),
    ),
    Why(
        Reason.DAY,
        "day",
        Wording("何日の付与か分からない", "Which day it was is not known"),
        "何日の付与か分からないもの",
        "時計のない端末が、日をまたぐイベントで付けています。1日1回の活動なので、日が分かるまで待っています。",
        "端末のスイッチを入れた日時が分かれば、まとめて決まります。端末のページで答えてください。",
        ("say boot start", "release", "dismiss"),
    ),
    Why(
        Reason.FORK,
        "two-lines",
        Wording("同じ端末の記録が二通りある", "Two records of one kiosk"),
        "食い違う記録",
        "同じ端末から、食い違う記録が届きました。SDカードの複製か、古い控えへの巻き戻しが考えられます。",
        ASK + "端末は登録しなおします。",
        ("release", "dismiss", "withdraw kiosk"),
    ),
    Why(
        Reason.STOPPED,
        "stopped",
        Wording("止めた端末の記録", "Kiosk was stopped"),
        "止めたあとに届いた記録",
        "端末を止めたあとに届いた記録です。",
        "端末を再開すると、まとめて見なおされます。再開しないときは、" + ASK,
        ("resume kiosk", "release", "dismiss"),
    ),
    Why(
        Reason.WITHDRAWN,
        "withdrawn",
        Wording("失効した端末の記録", "Kiosk was withdrawn"),
        "失効で要確認になった記録",
        "端末を失効にしたあとに届いたか、信じる最後の記録より後の記録です。盗まれた端末かもしれません。",
        ASK,
        ("release", "dismiss"),
    ),
    Why(
        Reason.BEYOND_SHARE,
        "share",
        Wording("端末枠をこえた付与", "Beyond the kiosk's share"),
        "端末枠をこえた付与",
        "端末枠を使いきったあとの付与です。参加者には「記録しました・ポイントはあとで」と出ています。",
        "端末枠を追加すると、まとめて反映されます。",
        ("top up", "dismiss"),
    ),
    Why(
        Reason.VOID_OF_NOTHING,
        "void",
        Wording("相手のない取り消し", "Cancels nothing"),
        "相手のない取り消し",
        "端末で取り消しが行われましたが、取り消す付与がありません。",
        "ポイントは動いていません。確かめたら「取り消しにする」で片づけてください。",
        ("dismiss",),
    ),
    Why(
        Reason.VOID_DAY,
        "void-day",
        Wording("別の日の付与の取り消しかもしれない", "May cancel a grant of another day"),
        "同じ日のものか分からない取り消し",
        "端末で取り消しが行われましたが、その付与と同じ日かどうか分かりません。付与はまだ有効です。",
        "会場に確かめ、正しい取り消しなら反映し、そうでないものは取り消してください。端末のスイッチを入れた日時が分かれば、まとめて決まります。",
        ("release", "say boot start", "dismiss"),
    ),
    Why(
        Reason.CLOCK,
        "clock",
        Wording("合わない時刻合わせ", "A time that cannot be"),
        "合わない時刻合わせ",
        "端末が受けとったというセンターの時刻が、ほかの記録と合いません。この時刻は使っていません。",
        "端末とセンターの時計を確かめたら、「取り消しにする」で片づけてください。",
        ("dismiss",),
    ),
    Why(
        Reason.VOIDED,
        "voided",
        Wording("会場の担当が取り消しました", "Taken back at the booth"),
        "会場で取り消した付与",
        "会場の担当が取り消しました。",
        "",
        ("dismiss",),
    ),
    Why(
        Reason.DECIDED,
        "decided",
        Wording("窓口で取り消しにしました", "Dismissed at the desk"),
        "窓口で取り消しにした付与",
        "窓口で取り消しにしました。",
        "まちがいだったときは、決める前に戻せます。",
        ("reopen decision",),
    ),
)

_BY_NAME = {why.name: why for why in WHYS}
_BY_REASON = {why.reason: why for why in WHYS}


def why_named(name: str) -> Why | None:
    """Return the reason with a public name."""
    return _BY_NAME.get(name)


def why_of(reasons: int) -> Why:
    """Return the first of some reasons in words."""
    return _BY_REASON[first_of(reasons)]


def whys_of(reasons: int) -> list[Why]:
    """Return all of some reasons in words, the first first."""
    return [_BY_REASON[one] for one in all_of(reasons)]


def may_all_be_released(reasons: int) -> bool:
    """Tell whether a decision alone can post what is held for these reasons."""
    return not reasons & ~int(RELEASABLE)
