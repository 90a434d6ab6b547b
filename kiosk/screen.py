"""Turns a scan into the plain lines people at the booth read, or into one JSON object. No name, no balance."""

from __future__ import annotations

from functools import cache

import msgspec

from kiosk.booth import Scan
from kiosk.catalogue import LOCALE, Catalogue, plain, read_catalogue
from kiosk.scan import WORDS, CallStaff, NotUsable, Received, Recorded
from kiosk.sentences import Line, Sentence, line
from kiosk.words import result_words

_TERMINAL = LOCALE / "ja-easy.po"


def lines_of(scan: Scan) -> list[str]:
    """Return what the terminal says: the word, what it is about, what the volunteer does, how much waits to be sent."""
    said = result_words(scan.outcome)
    about = "。".join(_plain(one) for one in said.about)
    advice = f" → {_plain(said.advice)}" if said.advice is not None else ""
    waiting = f"({_plain(line(Sentence.KEPT_HERE, count=scan.waiting))})" if scan.waiting else ""
    return [f"【{_plain(said.word)}】 {about}{advice}{waiting}"]


def json_of(scan: Scan) -> str:
    """Return the scan as one JSON object on one line; the demo and other programs read it."""
    outcome = scan.outcome
    said: dict[str, bool | int | str | None] = {
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
    if scan.is_typed:
        said["typed"] = True
    return msgspec.json.encode(said).decode("utf-8")


def _plain(one: Line) -> str:
    return plain(_catalogue().tell(one))


@cache
def _catalogue() -> Catalogue:
    return read_catalogue(_TERMINAL)
