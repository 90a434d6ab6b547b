"""Every sentence the booth's screen can say, in Japanese: the key by which the files in `kiosk/locale` translate it.

`{漢字|かんじ}` is a word with its reading; `{count}`, `{time}` and `{activity}` are filled in. No name of a person, no
balance and none of our inner words is ever said.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum, unique
from typing import NamedTuple, TypeAlias

Value: TypeAlias = int | datetime | str
"""What is filled in: a number, a moment (shown as 10:32), or a name out of the manifest (Japanese, shown as it is)."""


@unique
class Sentence(StrEnum):
    """One thing the screen says; where `{count}` stands, languages may have forms for one and many."""

    # this file
    OWN_NAME = "{日本語|にほんご}"
    LANGUAGE = "ことば"
    TITLE = "クマポの{受付|うけつけ}"
    DEMO = "{見本|みほん}"

    # nobody is there
    INVITE = "カードかスマホを、ここに{見|み}せてください"
    ENTER_NUMBER = "カードの{番号|ばんごう}を{入|い}れてください"
    CAMERA_PICTURE = "カメラの{映像|えいぞう}"

    # somebody is there
    SEEN = "{読|よ}みとっています"
    OTHERS_WAIT = "{次|つぎ}の{方|かた}は、{少|すこ}しお{待|ま}ちください"
    CLOSER = "もう{少|すこ}し{近|ちか}づけてください"
    FARTHER = "もう{少|すこ}し{離|はな}してください"
    BRIGHTER = "{画面|がめん}か{手元|てもと}を{明|あか}るくしてください"
    LESS_GLARE = "{光|ひか}っています。{少|すこ}しかたむけてください"
    STEADY = "そのまま、{動|うご}かさずにお{待|ま}ちください"

    # the six results
    RECEIVED = "{受|う}けとりました"
    POINTS = "{count}ポイント"
    RECORDED = "{記録|きろく}しました"
    POINTS_LATER = "{count}ポイントは、あとでつきます"
    LATER_USED_UP = "この{機械|きかい}のポイントがなくなりました。スタッフがたしかめます"
    LATER_CHECKED = "いま、センターがこの{機械|きかい}をたしかめています"
    LATER_PAUSED = "いま、センターがこの{機械|きかい}を{止|と}めています"
    ALREADY = "もう{受|う}けとっています"
    ALREADY_AT = "{time}に{受|う}けとりました"
    ALREADY_YESTERDAY = "きのう{受|う}けとりました"
    ALREADY_BEFORE = "{前|まえ}の{日|ひ}に{受|う}けとりました"
    ALREADY_FOR = "{activity} {count}ポイント"
    LIMIT = "きょうはここまでです"
    LIMIT_TIMES = "1{日|にち}に{count}{回|かい}までです"
    NOT_USABLE = "ここでは{使|つか}えません"
    CALL_STAFF = "スタッフを{呼|よ}んでください"

    # why nothing was given
    NOT_KUMAPO = "クマポのコードではありません"
    OTHER_CITY = "この{町|まち}のコードではありません"
    CANNOT_CHECK = "このコードはたしかめられません"
    EXPIRED = "コードの{期限|きげん}がすぎています"
    REPORTED_LOST = "なくしたと{届|とど}けのあるカードです"
    NUMBER_DIFFERS = "{番号|ばんごう}がちがうようです"
    NOT_READY = "この{機械|きかい}は、まだ{準備|じゅんび}ができていません"
    NOTHING_SET = "いまの{設定|せってい}では、ポイントがありません"
    RESTING = "この{機械|きかい}は、いま{使|つか}えません"
    NOT_RECORDED = "{記録|きろく}できませんでした。ポイントはついていません"

    # what the volunteer does
    DO_SHOW_KUMAPO = "クマポのカードか{画面|がめん}を{見|み}せてもらってください"
    DO_TYPE_INSTEAD = "カードの{番号|ばんごう}を{入|い}れてみてください"
    DO_REOPEN = "スマホの{画面|がめん}を{開|ひら}きなおしてもらってください"
    DO_ASK_OWNER = (
        "{本人|ほんにん}なら、{番号|ばんごう}を{入|い}れてください。{拾|ひろ}ったカードなら、あずかってください"
    )
    DO_TYPE_AGAIN = "カードを{見|み}ながら、もう{一度|いちど}{入|い}れてください"
    DO_CALL_OFFICE = "イベントの{設定|せってい}がありません。センターに{連絡|れんらく}してください"
    DO_CHECK_MINUTES = "{時間|じかん}({分|ふん})の{設定|せってい}をたしかめてください"
    DO_USE_ANOTHER = "ほかの{機械|きかい}を{使|つか}い、センターに{連絡|れんらく}してください"
    DO_CHECK_POWER = "{電源|でんげん}とSDカードの{空|あ}きを{見|み}て、もう{一度|いちど}{読|よ}みとってください"

    # typing a number
    NUMBER_OPEN = "{番号|ばんごう}を{入|い}れる"
    NUMBER_LENGTH = "{番号|ばんごう}は14けたです"
    DIGITS_LEFT = "あと{count}けた"
    DELETE = "ひとつ{消|け}す"
    ENTER = "{決定|けってい}"
    CANCEL = "やめる"

    # always in view
    KEPT_HERE = "{count}{件|けん}、ここにあります"
    SINCE_TIME = "{time}から"
    SINCE_YESTERDAY = "きのうから"
    SINCE_BEFORE = "{前|まえ}の{日|ひ}から"
    KEPT_SAFE = "ポイントはだいじょうぶです。あとで{送|おく}ります"
    ALL_SENT = "すべて{送|おく}りました"
    POINTS_SHORT = "この{機械|きかい}のポイントが{少|すく}なくなりました"
    CLOCK_UNCHECKED = "{時計|とけい}は、まだたしかめていません"
    CLOCK_CONFIRMED = "{時計|とけい}は、スタッフがたしかめました"
    CLOCK_RIGHT = "{時計|とけい}は{合|あ}っています"

    # the camera
    CAMERA_STARTING = "カメラを{準備|じゅんび}しています"
    CAMERA_GONE = "カメラがつながっていません"
    CAMERA_SILENT = "カメラの{映像|えいぞう}が{来|き}ません"
    CAMERA_FROZEN = "カメラの{映像|えいぞう}が{止|と}まっています"
    CAMERA_BLACK = "カメラがまっくらです"
    CAMERA_COVERED = "カメラの{前|まえ}に{何|なに}かあります"
    CAMERA_OVEREXPOSED = "カメラに{光|ひかり}が{入|はい}りすぎています"
    CAMERA_ENDED = "カメラの{映像|えいぞう}が{終|お}わりました"
    DO_WAIT = "{少|すこ}しお{待|ま}ちください"
    DO_PLUG_IN = "ケーブルをさしなおしてください"
    DO_LIGHT = "ふたをはずし、{明|あか}るくしてください"
    DO_CLEAR = "カメラの{前|まえ}のものをどけてください"
    DO_TURN = "カメラのむきを{変|か}えてください"
    NUMBER_MEANWHILE = "{番号|ばんごう}でも{受|う}けとれます"

    # the page itself
    SCREEN_CLOSED = "{受付|うけつけ}は{終|お}わりました"
    SCREEN_LOST = "{画面|がめん}が{受付|うけつけ}のプログラムとつながっていません"
    OTHER_SCREEN = "この{画面|がめん}は、ほかで{開|ひら}いています"
    USE_HERE = "ここで{使|つか}う"


class Line(NamedTuple):
    """A sentence with what is to be filled in, in no language yet."""

    sentence: Sentence
    values: Mapping[str, Value]


def line(sentence: Sentence, **values: Value) -> Line:
    """Return the sentence with its values."""
    return Line(sentence, values)
