"""What the booth's screen says: complete in every language, within what may be said, drawn by the fonts we bring."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from wire_samples import grant

from config.fonts import FONTS
from config.settings import SettingsError
from kiosk import words
from kiosk.catalogue import LOCALE, Catalogue, plain, read_catalogue, read_catalogues, sentence_of, texts_of, to_html
from kiosk.scan import (
    WORDS,
    AlreadyReceived,
    CallStaff,
    Later,
    NotUsable,
    Outcome,
    Reason,
    Received,
    Recorded,
    TodaysLimit,
)
from kiosk.sentences import Sentence
from kiosk.sight import CameraState, Hint
from sync.citytime import CITY_ZONE, wall_ms_of
from sync.entry import Trust

OURS: Final = ("ja", "ja-easy", "en", "vi")
JAPANESE: Final = ("ja", "ja-easy")
MORNING: Final = datetime(2026, 11, 22, 10, 32, tzinfo=CITY_ZONE)
MORNING_MS: Final = wall_ms_of(MORNING)
DAY_MS: Final = 86_400_000

FURIGANA: Final = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
KANJI: Final = re.compile("[㐀-鿿豈-﫿々〆ヶ]")
KANA: Final = re.compile("[ぁ-ゖァ-ヺー]+")

INNER_WORDS: Final = re.compile(
    r"\b(epoch|fork|verdict|token|chain|journal|entry|entries|batch|receipt|manifest|share|allotment|ledger|hash|cursor"
    r"|sync|commit|envelope|payload|revoke|revoked|fence|fenced|void|seq|balance|occasion|quantity)\b"
    "|トークン|フォーク|チェーン|エントリ|バッチ|マニフェスト|ハッシュ|ジャーナル|エポック|カーソル|署名|台帳|記録簿|送信分"
    "|受領|付与|端末|枠|日締め|月締め|裁定|残高|失効|数量"
    "|biên nhận|nhật ký|chuỗi|phán quyết|phân bổ|số dư|sổ cái|mã băm|chữ ký|đồng bộ|lô dữ liệu|thu hồi",
    re.IGNORECASE,
)
"""Our inner words and what they would be elsewhere; nor is a balance ever said."""
POLITE_FORMS: Final = re.compile("お待ち|おまち|ございま|いたし|いただ|くださいませ|なさ|ご[れ-ん]|なお|および|または")
"""What easy Japanese does without."""


def file_of(language: str, own_name: str, translations: dict[str, str]) -> str:
    """A file as a translator would drop it in."""
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    pairs = {Sentence.OWN_NAME: own_name, **translations}
    return header + "".join(f'\nmsgid "{key}"\nmsgstr "{text}"\n' for key, text in pairs.items())


def catalog_of(code: str) -> Catalog:
    with (LOCALE / f"{code}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def pairs(code: str) -> Iterator[tuple[str, str]]:
    """Each sentence with each of its translations."""
    return ((sentence_of(message), text) for message in catalog_of(code) if message.id for text in texts_of(message))


def shown(code: str) -> list[str]:
    """Every text of a language as it is read, without readings and without what is filled in."""
    return [PLACEHOLDER.sub("", plain(text)) for _, text in pairs(code)]


def outcomes() -> list[Outcome]:
    return [
        Received(grant(1)),
        *(Recorded(grant(1), later) for later in Later),
        AlreadyReceived(MORNING_MS, "お手伝い", 10),
        TodaysLimit(2),
        *(outcome(reason) for outcome in (NotUsable, CallStaff) for reason in Reason),
    ]


@pytest.fixture(scope="module")
def catalogues() -> dict[str, Catalogue]:
    return read_catalogues()


def test_the_four_languages_stand_in_order_under_their_own_names(catalogues: dict[str, Catalogue]) -> None:
    languages = [catalogue.language for catalogue in catalogues.values()]

    assert tuple(catalogues) == OURS
    assert [language.html_lang for language in languages] == ["ja", "ja", "en", "vi"]
    names = [plain(language.own_name) for language in languages]
    assert names == ["日本語", "やさしい 日本語", "English", "Tiếng Việt"]


@pytest.mark.parametrize("code", OURS)
def test_every_language_says_every_sentence_and_no_other(code: str) -> None:
    catalog = catalog_of(code)

    messages = [message for message in catalog if message.id]
    forms = {len(texts_of(message)) for message in messages if message.pluralizable}

    assert sorted(map(sentence_of, messages)) == sorted(Sentence)
    assert forms == {catalog.num_plurals}
    assert not catalog.obsolete
    assert not any(message.fuzzy for message in messages)
    assert all(text.strip() for _, text in pairs(code))


def test_every_sentence_is_said_by_somebody() -> None:
    kiosk = LOCALE.parent
    sources = [path for suffix in ("py", "html") for path in kiosk.rglob(f"*.{suffix}")]
    said = {name for path in sources for name in re.findall(r"\bSentence\.([A-Z_]+)", path.read_text(encoding="utf-8"))}

    assert said == set(Sentence.__members__)


@pytest.mark.parametrize("code", OURS)
def test_what_is_filled_in_is_the_same_in_every_language(code: str) -> None:
    differing = [text for key, text in pairs(code) if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(key))]

    assert differing == []


@pytest.mark.parametrize("code", OURS)
def test_only_what_is_counted_has_forms_for_one_and_many(code: str) -> None:
    counted = {sentence_of(message) for message in catalog_of(code) if message.id and message.pluralizable}

    assert counted == {sentence for sentence in Sentence if "{count}" in sentence}


def test_a_japanese_sentence_is_its_own_key() -> None:
    assert [(key, text) for key, text in pairs("ja") if key != text] == []


@pytest.mark.parametrize("code", OURS)
def test_markup_is_closed_and_readings_are_kana(code: str) -> None:
    readings = [reading for _, text in pairs(code) for _, reading in FURIGANA.findall(text)]
    words_with_reading = [word for _, text in pairs(code) for word, _ in FURIGANA.findall(text)]

    assert not any(set("{|}") & set(text) for text in shown(code))
    assert [reading for reading in readings if not KANA.fullmatch(reading)] == []
    assert [word for word in words_with_reading if len(KANJI.findall(word)) != len(word)] == []
    assert bool(readings) == (code in JAPANESE)


@pytest.mark.parametrize("code", JAPANESE)
def test_no_kanji_is_without_its_reading(code: str) -> None:
    bare = [text for _, text in pairs(code) if KANJI.search(FURIGANA.sub("", text))]

    assert bare == []


@pytest.mark.parametrize("code", ["en", "vi"])
def test_other_languages_hold_no_japanese(code: str) -> None:
    assert [text for text in shown(code) if KANJI.search(text) or KANA.search(text)] == []


def test_easy_japanese_is_short_spaced_and_in_kana() -> None:
    sentences = [part for text in shown("ja-easy") for part in text.split("。")]

    assert [part for part in sentences if len(part.replace(" ", "")) > 25] == []
    assert [part for part in sentences for phrase in part.split(" ") if len(phrase) > 12] == []
    assert [part for part in sentences if len(KANJI.findall(part)) > 3] == []
    assert [part for part in sentences if POLITE_FORMS.search(part)] == []


@pytest.mark.parametrize("code", OURS)
def test_no_inner_word_is_ever_said(code: str) -> None:
    assert [text for text in shown(code) if INNER_WORDS.search(text)] == []


@pytest.mark.parametrize("code", OURS)
def test_every_result_has_its_own_words(code: str, catalogues: dict[str, Catalogue]) -> None:
    tell = catalogues[code].tell

    said = [words.result_words(outcome, MORNING_MS) for outcome in outcomes()]

    assert len({tell(one.word) for one in said}) == len(WORDS)
    assert len({(tell(one.word), *map(tell, one.about)) for one in said}) == len(said)
    assert all(one.about for one in said)


@pytest.mark.parametrize("code", OURS)
def test_each_reason_tells_the_volunteer_what_to_do(code: str, catalogues: dict[str, Catalogue]) -> None:
    said = [words.result_words(CallStaff(reason)) for reason in Reason]

    advice = [catalogues[code].tell(one.advice) for one in said if one.advice is not None]

    assert len(advice) == len(Reason)
    assert not {catalogues[code].tell(about) for one in said for about in one.about} & set(advice)
    assert words.result_words(Received(grant(1))).advice is None


def test_only_a_camera_that_is_well_or_not_there_has_nothing_to_say() -> None:
    said = {state: words.camera_words(state) for state in CameraState}

    assert {state for state, one in said.items() if one is None} == {CameraState.GOOD, CameraState.NONE}
    assert len({one.what.sentence for one in said.values() if one is not None}) == len(CameraState) - 2


def test_each_hint_and_each_clock_has_its_own_words() -> None:
    hints = {words.hint_line(hint).sentence for hint in Hint}
    clocks = {words.clock_line(trust).sentence for trust in Trust}

    assert len(hints) == len(Hint)
    assert len(clocks) == len(Trust)


@pytest.mark.parametrize(
    ("since_ms", "expected"),
    [
        (MORNING_MS, "10:32から"),
        (MORNING_MS + 60_000, "10:33から"),
        (MORNING_MS + DAY_MS, "10:32から"),  # the clock was put back since
        (MORNING_MS - 11 * 3_600_000, "きのうから"),
        (MORNING_MS - 2 * DAY_MS, "前の日から"),
    ],
)
def test_what_waits_is_said_with_its_age_and_that_it_is_safe(
    since_ms: int, expected: str, catalogues: dict[str, Catalogue]
) -> None:
    lines = words.waiting_lines(37, since_ms, MORNING_MS)

    said = [plain(catalogues["ja"].tell(one)) for one in lines]

    assert said == ["37件、ここにあります", expected, "ポイントはだいじょうぶです。あとで送ります"]


def test_nothing_is_said_of_an_age_that_nobody_knows() -> None:
    assert [one.sentence for one in words.waiting_lines(1, None, 0)] == [Sentence.KEPT_HERE, Sentence.KEPT_SAFE]
    assert [one.sentence for one in words.waiting_lines(0, None, 0)] == [Sentence.ALL_SENT]


@pytest.mark.parametrize(
    ("later_ms", "expected"),
    [(0, "10:32に受けとりました"), (DAY_MS, "きのう受けとりました"), (3 * DAY_MS, "前の日に受けとりました")],
)
def test_an_earlier_grant_is_said_with_its_time_and_what_for(
    later_ms: int, expected: str, catalogues: dict[str, Catalogue]
) -> None:
    outcome = AlreadyReceived(MORNING_MS, "お手伝い", 10)

    said = words.result_words(outcome, MORNING_MS + later_ms)

    assert [plain(catalogues["ja"].tell(one)) for one in said.about] == [expected, "お手伝い 10ポイント"]


def test_english_counts_one_and_many(catalogues: dict[str, Catalogue]) -> None:
    said = [catalogues["en"].say(Sentence.POINTS, count=count) for count in (0, 1, 2)]

    assert said == ["0 points", "1 point", "2 points"]


def test_furigana_becomes_ruby_and_can_be_left_out() -> None:
    assert to_html("<i>{受|う}けとりました & <b>") == "&lt;i&gt;<ruby>受<rt>う</rt></ruby>けとりました &amp; &lt;b&gt;"
    assert plain("{受|う}けとりました") == "受けとりました"


def test_a_name_out_of_the_settings_stays_japanese_text(catalogues: dict[str, Catalogue]) -> None:
    hostile = "<b>{花|か}{count}\u2069 & 見"

    said = catalogues["en"].say(Sentence.ALREADY_FOR, activity=hostile, count=1)

    assert to_html(said) == '<span lang="ja">&lt;b&gt;{花|か}{count} &amp; 見</span> – 1 point'
    assert plain(said) == "<b>{花|か}{count} & 見 – 1 point"


def test_a_value_that_is_missing_is_not_passed_over(catalogues: dict[str, Catalogue]) -> None:
    with pytest.raises(KeyError):
        catalogues["ja"].say(Sentence.ALREADY_AT)


def test_a_file_put_into_the_folder_is_a_language(tmp_path: Path) -> None:
    text = file_of("pt_BR", "Português", {Sentence.INVITE: "Mostre aqui"})
    (tmp_path / "pt-BR.po").write_text(text, encoding="utf-8")
    (tmp_path / "ja.po").write_bytes((LOCALE / "ja.po").read_bytes())

    found = read_catalogues(tmp_path)

    assert list(found) == ["ja", "pt-BR"]
    assert found["pt-BR"].language == ("pt-BR", "pt-BR", "Português")
    assert found["pt-BR"].say(Sentence.INVITE) == "Mostre aqui"
    assert found["pt-BR"].say(Sentence.POINTS, count=3) == "3ポイント"


@pytest.mark.parametrize(
    "text",
    [
        "nothing of the kind",
        file_of("xx", "Xx", {}),
        file_of("de", "", {}),
        file_of("de", "Deutsch", {Sentence.SEEN: "{count} wird gelesen"}),
        file_of("de", "Deutsch", {Sentence.SEEN: "{wird|gelesen"}),
        file_of("de", "\udcff", {}),
    ],
    ids=["no catalogue", "unknown language", "no own name", "foreign value", "open markup", "bytes"],
)
def test_a_file_that_cannot_be_used_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "de.po"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(SettingsError, match=r"de\.po"):
        read_catalogue(path)


def test_a_file_that_cannot_be_used_keeps_no_other_language_away(tmp_path: Path) -> None:
    (tmp_path / "de.po").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "ja.po").write_bytes((LOCALE / "ja.po").read_bytes())
    complaints: list[str] = []

    found = read_catalogues(tmp_path, complaints.append)

    assert list(found) == ["ja"]
    assert len(complaints) == 1
    assert "de.po" in complaints[0]


@pytest.mark.parametrize(
    ("code", "family"),
    [("ja", "BIZUDPGothic"), ("ja-easy", "BIZUDPGothic"), ("en", "BIZUDPGothic"), ("vi", "BeVietnamPro")],
)
@pytest.mark.parametrize("face", ["Regular", "Bold"])
def test_the_fonts_we_bring_draw_every_character(code: str, family: str, face: str) -> None:
    readings = "".join(reading for _, text in pairs(code) for _, reading in FURIGANA.findall(text))
    needed = set("".join(shown(code)) + readings + "0123456789: ")

    with TTFont(FONTS / f"{family}-{face}.ttf") as font:
        missing = {character for character in needed if ord(character) not in font.getBestCmap()}

    assert missing == set()


@pytest.mark.parametrize("face", ["Regular", "Bold"])
def test_the_font_draws_the_names_of_other_languages_and_of_people(face: str) -> None:
    with TTFont(FONTS / f"BIZUDPGothic-{face}.ttf") as font:
        missing = {character for character in "髙﨑邉邊濵德熊谷" if ord(character) not in font.getBestCmap()}

    assert missing == set()
