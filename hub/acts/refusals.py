"""Why an act is refused. One enumeration with its words, Japanese first: what is in the way, and what to do instead."""

from __future__ import annotations

import unicodedata
from enum import Enum


class Refusal(Enum):
    """A refusal and what is said of it; names in braces are filled in by whoever refuses."""

    NO_REASON = "理由を書いてください / a reason is needed"
    UNSEEN = (
        "目に見えない文字が入っています。消して打ちなおしてください / "
        "it holds characters that nobody sees; please type it anew"
    )
    FORM_USED = (
        "この画面の処理はもう行われています。内容を変えるときは、画面を開きなおしてください / "
        "this form has been used for something else; open the page again"
    )
    GROUND_CHANGED = (
        "そのあいだに、ほかの人が変更しました。いまの内容をごらんください / somebody has changed it meanwhile: {what}"
    )
    TAKES_MORE = (
        "そのあいだに、取り戻すポイントが増えました。もう一度ごらんください / "
        "it would take back more than was shown; look again"
    )
    GONE = "もうありません / it is no longer there: {what}"
    NOTHING_CHOSEN = "記録をえらんでください / choose at least one entry"
    NOTHING_CHANGES = "これでは何も変わりません / nothing would change: {what}"

    NO_NAME = "名前を60文字までで入れてください / a name of up to 60 characters is needed"
    NO_POINTS = "1 から 1,000,000,000 までのポイント数を入れてください / the points must be from 1 to 1,000,000,000"
    NO_COVER = (
        "付与枠「{allotment}」のポイントが {what} 足りません。先に付与枠を増やしてください / "
        "that allotment lacks {what} points; raise it first"
    )
    NOT_SO_MUCH_LEFT = (
        "付与枠に残っているのは {what} ポイントです。それより多くは減らせません / "
        "the allotment holds only {what} points; take no more out of it"
    )
    NO_ORGANISATION = "この団体はありません / there is no such organisation: {what}"
    ORGANISATION_CLOSED = (
        "「{what}」は終了した団体です。先に再開してください / this organisation is closed; reopen it first"
    )
    NO_ALLOTMENT = "この付与枠はありません / there is no such allotment: {what}"
    NO_EVENT = "このイベントはありません。先にイベントを登録してください / there is no such event; add it first: {what}"
    NO_ACTIVITY = "このイベントに、その活動・時間帯はありません / the event has no such activity or slot: {what}"

    OUT_OF_BOUNDS = (
        "2020年から2099年までの日時で、終わりを始まりよりあとにしてください / "
        "dates must lie from 2020 to 2099, and the end after the start"
    )
    NO_ACTIVITIES = "活動を1つから50まで入れてください / from 1 to 50 activities are needed"
    NOT_READABLE = "端末が読めない内容です。名前・ポイント・時間帯を見なおしてください / no kiosk could read it: {what}"
    NOT_SIGNED = "{what}"

    COUNT_OUT_OF_BOUNDS = "1 から 10,000 までの人数を入れてください / from 1 to 10,000 members at once"
    NOT_A_MEMBER_NUMBER = (
        "番号の検査数字が合いません。打ちまちがいです / the check digits are wrong: a slip of the keyboard"
    )
    KNOWN_ALREADY = "この番号はもう登録されています / this number is known already"
    NOT_KNOWN = "この番号は登録されていません / this number is not known"
    NOT_OPEN = "この番号は利用中ではありません / this number is not in use"
    NOT_ENDED = "この番号は終了していません / this account has not been ended"
    NO_CARD = "このカードはありません / there is no such card"
    LOST_ALREADY = "このカードは届け済みです / this card was reported before"
    NOT_LOST = "このカードは紛失の届けがありません / this card is not reported as lost"
    ISSUES_USED_UP = "この番号には、もう新しいカードを作れません / no further card can be made for this number"

    NOBODY_WAITS = "いま承認を待っている端末はありません / no kiosk waits here any more"
    IS_LET_IN = "「{what}」はもう登録されています。やめるには、端末のページで失効にします / it has been let in already"
    LET_IN_ALREADY = "この端末は登録済みです。端末で新しい鍵を作ってください / this kiosk key was let in before"
    NO_KIOSK = "この端末はありません / there is no such kiosk"
    STANDS_SO = "もうそうなっています / it stands so already: {what}"
    WITHDRAWN_AND_EMPTY = (
        "失効した端末です。枠を待つ記録がないので、増やせません / the kiosk is withdrawn; nothing waits for its share"
    )
    BELOW_USED = (
        "届いた付与の {what} ポイントより少なくは下げられません / "
        "it cannot be lowered below the {what} points that have arrived"
    )
    RECORDS_MISSING = "記録が欠けているあいだは、枠を戻せません / points stay with the kiosk while records are missing"
    NOT_ON_MAIN = (
        "その番号までの記録が、この端末のつながった記録にありません / no such entry on the kiosk's main branch"
    )

    HOLE_ACCEPTED = "この欠けは、もう認められています / this gap has been accepted already"
    NO_HOLE = "この番号の欠けはありません / there is no hole with these numbers"
    NO_TAIL = "その番号は、署名されていて届いていない記録ではありません / these were not signed, or have arrived"
    NOT_ARRIVED = "その番号の記録がそろっていません / the entries of this range have not all arrived"
    NOT_IN_RANGE = "その番号に、この活動の付与はありません / no grant of that activity lies in this range"
    GIVES_NOTHING = "その活動では、ポイントになりません。記録 / the activity gives no points for entry {what}"
    RELEASED_FOR_LESS = (
        "記録 {what} 番は、置きかえたあとに少ないポイントで反映されています。先にその反映を取り消してください / "
        "entry {what} was released for fewer points meanwhile; take that decision back first"
    )
    NO_BOOT = "この端末に、その起動の記録はありません / no entry of that boot has arrived"
    TIME_CONTRADICTS = "届いた記録と合わない日時です / that moment contradicts what is known: {what}"

    NOT_HELD = "この記録は要確認ではありません / this entry is not held: {what}"
    NOT_A_GRANT = "この記録は付与ではありません / this entry is not a grant: {what}"
    NEEDS_OTHER_ACT = "別の処理が必要です / another act is needed: {what}"
    CANNOT_POST = "反映できない記録です / it cannot be posted: {what}"
    NOT_DECIDED = "まだ何も決めていない記録です / nothing was decided about this entry: {what}"


def holds_unseen(text: str) -> bool:
    """Tell whether a text holds control characters, blanks without width, or marks that turn its direction.

    Nobody sees them, they disguise what is written, and PostgreSQL takes no NUL. What joins emoji is none of them.
    """
    return any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character != _JOINER for character in text)


_JOINER = "\u200d"


class ActRefused(Exception):
    """An act that cannot be done. `refusal` says why; the text is for the person at the desk."""

    def __init__(self, refusal: Refusal, **details: object) -> None:
        super().__init__(refusal.value.format(**{"what": "", **details}).removesuffix(": "))
        self.refusal = refusal
        self.details = details
