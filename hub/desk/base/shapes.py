"""How the desk writes numbers, moments and codes, and reads what stands in an address. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import segno
from markupsafe import Markup
from werkzeug.routing import BaseConverter, IntegerConverter, Map, ValidationError

from hub.desk.base.deeds import deed_of
from hub.desk.base.moves import coming_text, coming_text_en
from hub.desk.base.reasons import why_of, whys_of
from hub.desk.base.wording import flag_of
from sync.citytime import city_datetime
from sync.codec import INTEGER_LIMIT
from sync.enrolment import in_fours
from sync.entry import Clock, DayEnd, Entry, Opened, Void
from sync.manifest import Activity, OccasionBy
from sync.member import printed
from sync.rules import Fixed, Rule

_REIWA = 2018
_HOW_OFTEN = {OccasionBy.NONE: "イベントで1回", OccasionBy.DAY: "1日に1回", OccasionBy.SLOT: "時間帯ごとに1回"}
NUMBER_MAX = 2**53 - 1
"""No count and no moment is larger; a database's whole numbers end at 2**63."""
SEQ_MAX = INTEGER_LIMIT - 1
"""No record's number is larger: the wire takes as many as the database does."""


class HexConverter(BaseConverter):
    """A kiosk or an invitation in an address: bytes as hexadecimal digits."""

    regex = "[0-9a-f]+"

    def to_python(self, value: str) -> bytes:
        """Return the bytes; digits that are none lead to no page."""
        try:
            return bytes.fromhex(value)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: bytes) -> str:
        """Return the digits."""
        return value.hex()


class SeqConverter(IntegerConverter):
    """A record's number in an address."""

    regex = "[0-9]{1,19}"

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=SEQ_MAX)


def whole(text: str) -> int:
    """Return a number out of an address. Raises ValueError for what is none, or larger than anything here can be."""
    return _within(text, NUMBER_MAX)


def record_number(text: str) -> int:
    """Return a record's number out of an address. Raises ValueError for what none can have."""
    return _within(text, SEQ_MAX)


def _within(text: str, most: int) -> int:
    number = int(text)
    if not 0 <= number <= most:
        raise ValueError(text)
    return number


def moment(wall_ms: int) -> str:
    """Return a moment on the city's wall clock."""
    at = city_datetime(wall_ms)
    return f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02}"


def day(wall_ms: int) -> str:
    """Return a day of the city with its day of the week."""
    at = city_datetime(wall_ms)
    return f"{at.year}年{at.month}月{at.day}日({'月火水木金土日'[at.weekday()]})"


def clock(wall_ms: int) -> str:
    """Return a time of day on the city's wall clock."""
    at = city_datetime(wall_ms)
    return f"{at.hour}:{at.minute:02}"


def ago(wall_ms: int, now_ms: int) -> str:
    """Return how long ago a moment was, roughly."""
    minutes = max(0, now_ms - wall_ms) // 60_000
    if minutes < 1:
        return "たったいま"
    if minutes < 60:  # noqa: PLR2004  # an hour
        return f"{minutes}分前"
    hours = minutes // 60
    return f"{hours}時間前" if hours < 24 else f"{hours // 24}日前"  # noqa: PLR2004  # a day


def duration(length_ms: int) -> str:
    """Return how long something took, in hours and minutes."""
    minutes = length_ms // 60_000
    return f"{minutes // 60}時間{minutes % 60}分" if minutes >= 60 else f"{minutes}分"  # noqa: PLR2004  # an hour


def fiscal(year: int) -> str:
    """Return a fiscal year as the city writes it."""
    return f"令和{year - _REIWA}年度"


def comma(number: int) -> str:
    """Return a number with commas."""
    return f"{number:,}"


def signed(number: int) -> str:
    """Return a difference with its sign, and commas."""
    return f"{number:+,}".replace("-", "−")


def rule_text(rule: Rule) -> str:
    """Return a rule in words."""
    if isinstance(rule, Fixed):
        return f"{rule.points:,}ポイント"
    return "、".join(f"{minutes}分から{points:,}" for minutes, points in rule.rows) + "ポイント"


def activity_text(activity: Activity) -> str:
    """Return what an activity gives, how often, up to which limit and in which slots."""
    limit = f"・1日 {activity.daily_limit}回まで" if activity.daily_limit else ""
    slots = f"({'、'.join(slot.name for slot in activity.slots)})" if activity.slots else ""
    return f"{rule_text(activity.rule)}・{_HOW_OFTEN[activity.occasion_by]}{limit}{slots}"


def code_image(text: str) -> Markup:
    """Return a QR code as an inline SVG without style or script."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=4, omitsize=True, svgclass="code", lineclass=None))  # noqa: S704  # segno draws squares only


def said(entry: Entry | None) -> str:
    """Return what a record that is no grant says."""
    match entry.body if entry is not None else None:
        case Opened():
            return "端末を始めました"
        case Clock():
            return "時刻を合わせました"
        case Void() as void:
            return f"{void.seq} 番を取り消しました" + (f"({void.reason})" if void.reason else "")
        case DayEnd() as totals:
            return f"日締め: 付与 {totals.grants:,}件 {totals.points:,}ポイント、取り消し {totals.voids:,}件"
        case _:
            return "センターに読めない記録です"


FILTERS: Final[dict[str, Callable[..., object]]] = {
    "activity_text": activity_text,
    "ago": ago,
    "clock": clock,
    "code_image": code_image,
    "comma": comma,
    "coming_text": coming_text,
    "coming_text_en": coming_text_en,
    "day": day,
    "deed_of": deed_of,
    "duration": duration,
    "fiscal": fiscal,
    "flag_of": flag_of,
    "in_fours": in_fours,
    "moment": moment,
    "printed": printed,
    "rule_text": rule_text,
    "said": said,
    "signed": signed,
    "why_of": why_of,
    "whys_of": whys_of,
}
