"""Turns what is shown into the parts of the page, in one language: HTML by name, to be put where that name stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import render_template
from markupsafe import Markup

from kiosk import words
from kiosk.board import Showing
from kiosk.catalogue import Catalogue, plain, to_html
from kiosk.sentences import Line, Sentence, Value
from sync.citytime import city_datetime
from sync.entry import Trust

PARTS = ("place", "stage", "band", "camera", "strip")
"""The parts, as their templates and the ids in the page are called."""

_TAG = re.compile(r"<[^>]*>")
_BETWEEN_PHRASES = re.compile(
    r"(?<=[ぁ-ん])(?<![おご])(?=<ruby>|<span|[ァ-ヴ一-龠0-9])|(?<=[ぁ-ん])(?=お<ruby>)|(?<=は)(?=ここ)|(?<=[、。])"
)
"""After kana and before what begins a word: kanji, katakana, a figure; お stays with its word. ここ begins one too."""


def parts_of(showing: Showing, catalogue: Catalogue) -> dict[str, str]:
    """Return the HTML of every part. Needs the app's context."""
    context = {**speaking(catalogue), **_lines_of(showing), "showing": showing}
    return {name: render_template(f"{name}.html", **context) for name in PARTS}


def speaking(catalogue: Catalogue) -> dict[str, Any]:
    """Return what templates speak with: `say` a sentence, `tell` a line, both with furigana."""
    is_japanese = catalogue.language.html_lang == "ja"

    def html(text: str) -> Markup:
        return phrased(to_html(text)) if is_japanese else to_html(text)

    def say(sentence: Sentence, **values: Value) -> Markup:
        return html(catalogue.say(sentence, **values))

    def tell(line: Line) -> Markup:
        return html(catalogue.tell(line))

    def plain_of(sentence: Sentence) -> str:
        return plain(catalogue.say(sentence))

    return {
        "say": say,
        "tell": tell,
        "for_volunteer": _nothing if is_japanese else _in_japanese,
        "plain": plain_of,
        "html": to_html,
        "large_number": _with_large_number,
        "Sentence": Sentence,
    }


def _lines_of(showing: Showing) -> dict[str, Any]:
    standing, glance = showing.standing, showing.glance
    is_time_known = standing.trust is not Trust.NONE
    since_ms = standing.waiting.since_ms if is_time_known else None
    waiting = words.waiting_lines(standing.waiting.records, since_ms, standing.minute_ms)
    return {
        "result": words.result_words(showing.result.scan.outcome, standing.minute_ms if is_time_known else None)
        if showing.result is not None
        else None,
        "hint": words.hint_line(glance.hint) if glance.hint is not None else None,
        "waiting": waiting if since_ms is not None or len(waiting) == 1 else (waiting[0], None, waiting[-1]),
        "clock": words.clock_line(standing.trust),
        "time": f"{city_datetime(standing.minute_ms):%H:%M}",
        "camera": words.camera_words(showing.camera),
    }


def _in_japanese(lines: Iterable[Line]) -> Markup:
    """Return why nothing was given and what to do, as the volunteer reads it; these sentences hold no values."""
    return Markup("。").join(phrased(to_html(line.sentence)) for line in lines)


def _nothing(_: Iterable[Line]) -> Markup:
    """A screen in Japanese has said it already."""
    return Markup()


def phrased(html: Markup) -> Markup:
    """Return Japanese HTML with the places marked where a line may end.

    The browser's own phrases (`word-break: auto-phrase`) end at every ruby. Text with spaces has its places already.
    """
    return html if " " in _TAG.sub("", html) else Markup(_BETWEEN_PHRASES.sub("<wbr>", str(html)))  # noqa: S704


def _with_large_number(html: Markup) -> Markup:
    """Let the figures in a line stand out. It is escaped already, and no markup of ours holds figures."""
    return Markup(re.sub(r"(\d+)", r'<span class="number">\1</span>', str(html)))  # noqa: S704
