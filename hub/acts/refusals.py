"""Why an act is refused. One enumeration with its words, Japanese first: what is in the way, and what to do instead."""

from __future__ import annotations

from enum import Enum


class Refusal(Enum):
    """A refusal and what is said of it; names in braces are filled in by whoever refuses."""

    NO_REASON = "理由を書いてください / a reason is needed"
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


class ActRefused(Exception):
    """An act that cannot be done. `refusal` says why; the text is for the person at the desk."""

    def __init__(self, refusal: Refusal, **details: object) -> None:
        super().__init__(refusal.value.format(**{"what": "", **details}).removesuffix(": "))
        self.refusal = refusal
        self.details = details
