"""Turns a sentence into the words of one language, and its markup into HTML with furigana or into plain text.

Each `.po` file in a folder is a language, read once at the start; another one is added by putting its file there.
"""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from markupsafe import Markup, escape

from config.settings import SettingsError
from kiosk.sentences import Line, Sentence, Value

LOCALE = Path(__file__).parent / "locale"

_NAME = "\u2068{}\u2069"
"""Unicode's own isolates stand around a name out of the manifest: nothing in it is markup of ours."""
_MARKUP = re.compile("\u2068([^\u2069]*)\u2069|\\{([^{}|]+)\\|([^{}|]+)\\}")
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_NAME_HTML = Markup('<span lang="ja">{}</span>')
_FURIGANA_HTML = Markup("<ruby>{}<rt>{}</rt></ruby>")


class Language(NamedTuple):
    """A language: its file's name, the `lang` of a page in it, and its own name for itself (with furigana markup)."""

    code: str
    html_lang: str
    own_name: str


class Catalogue:
    """All sentences in one language. What has no translation is said in Japanese."""

    def __init__(self, language: Language, translations: gettext.GNUTranslations) -> None:
        self.language = language
        self._translations = translations

    def say(self, sentence: Sentence, **values: Value) -> str:
        """Return the sentence in this language, filled in, with its furigana markup; KeyError if a value is missing."""
        count = values.get("count")
        if isinstance(count, int):
            text = self._translations.ngettext(sentence, sentence, count)
        else:
            text = self._translations.gettext(sentence)
        return _PLACEHOLDER.sub(lambda found: _shown(values[found[1]]), text)

    def tell(self, line: Line) -> str:
        """Return a line in this language, with its furigana markup."""
        return self.say(line.sentence, **line.values)


def read_catalogues(folder: Path = LOCALE, complain: Callable[[str], None] = lambda _: None) -> dict[str, Catalogue]:
    """Return the languages in `folder` by their codes, Japanese ones first. A file that cannot be used is told and left
    out: one bad translation must not keep a booth shut.
    """
    catalogues = []
    for path in sorted(folder.glob("*.po")):
        try:
            catalogues.append(read_catalogue(path))
        except SettingsError as error:
            complain(str(error))
    languages = sorted(catalogues, key=lambda one: (one.language.html_lang != "ja", one.language.code))
    return {catalogue.language.code: catalogue for catalogue in languages}


def read_catalogue(path: Path) -> Catalogue:
    """Return the language of one file. Raises SettingsError."""
    try:
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
    except (OSError, PoFileError, UnicodeDecodeError) as error:
        raise _unusable(path, str(error)) from error
    own_name = catalog.get(Sentence.OWN_NAME)
    if catalog.locale is None or own_name is None or not isinstance(own_name.string, str) or not own_name.string:
        raise _unusable(path, f'no header "Language: …", or nothing for {Sentence.OWN_NAME} (its own name)')
    fault = next(faults(catalog), None)
    if fault is not None:
        raise _unusable(path, fault)
    language = Language(path.stem, str(catalog.locale_identifier).replace("_", "-"), own_name.string)
    return Catalogue(language, _translations(catalog))


def to_html(text: str) -> Markup:
    """Return the text as HTML: furigana as ruby, names as Japanese, everything else escaped."""
    parts, start = [], 0
    for found in _MARKUP.finditer(text):
        name, word, reading = found.groups()
        parts.append(escape(text[start : found.start()]))
        parts.append(_NAME_HTML.format(name) if name is not None else _FURIGANA_HTML.format(word, reading))
        start = found.end()
    return Markup().join([*parts, escape(text[start:])])


def plain(text: str) -> str:
    """Return the text without markup, for a terminal or to be read out."""
    return _MARKUP.sub(lambda found: found[1] if found[1] is not None else found[2], text)


def _shown(value: Value) -> str:
    if isinstance(value, datetime):
        return f"{value:%H:%M}"
    return _NAME.format(value.translate({0x2068: None, 0x2069: None})) if isinstance(value, str) else str(value)


def faults(catalog: Catalog) -> Iterator[str]:
    """Yield the translations that could not be shown: a value that their sentence has not, or markup left open."""
    for message in catalog:
        for text in texts_of(message):
            unknown = set(_PLACEHOLDER.findall(text)) - set(_PLACEHOLDER.findall(sentence_of(message)))
            if message.id and (unknown or set("{|}") & set(_PLACEHOLDER.sub("", plain(text)))):
                yield text


def sentence_of(message: Message) -> str:
    """Return a message's key."""
    return message.id if isinstance(message.id, str) else message.id[0]


def texts_of(message: Message) -> tuple[str, ...]:
    """Return a message's translation: one text, or one for each form of the number."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def _translations(catalog: Catalog) -> gettext.GNUTranslations:
    """Hand the catalogue to the standard library's reader, which knows how each language counts."""
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _unusable(path: Path, why: str) -> SettingsError:
    return SettingsError(f"ことばのファイル {path} が使えません / this language's file cannot be used: {why}")
