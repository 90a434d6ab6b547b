"""Turns what was shown or typed, and what the kiosk knows, into one outcome. Pure: no clock, no file, no network, no
name, no balance.

A scan goes through `read_code` or `read_number` (who), `offer_at` (what there is to get here and now) and `decide`.
No wall clock that the hub has not set in this boot ever refuses anybody: a wrong date gives a grant, and the hub judges
it later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, TypeAlias

from kiosk.boothtime import is_same_day, moment_of
from sync.citytime import city_day
from sync.codec import WireError
from sync.entry import Grant, Read, Shown, Stamp, Trust
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share
from sync.member import typed
from sync.receipt import Status
from sync.rules import points_for
from sync.token import Token, TokenStanding, read_token, standing_of


class Reason(Enum):
    """Why nothing was granted; the screen has its own words for each."""

    FOREIGN_CODE = "foreign code"
    UNKNOWN_KEY = "unknown key"
    BAD_CODE = "bad code"
    EXPIRED = "expired"
    LOST_CARD = "lost card"
    NUMBER_UNREADABLE = "number unreadable"
    NOT_SET_UP = "not set up"
    NO_POINTS = "no points for this quantity"
    ENROL_ANEW = "enrol anew"
    NOT_KEPT = "not kept"


class Later(Enum):
    """Why points come later although the grant is recorded."""

    SHARE = "share used up"
    FENCED = "fenced"
    REVOKED = "revoked"


class Station(NamedTuple):
    """What the booth is doing: the quantity is 1 or minutes; the slot counts only where the activity goes by slots."""

    event: int
    activity: int
    quantity: int = 1
    slot: int = 0
    operator: int = 0


class Person(NamedTuple):
    """Who stands there, and how we know: the token's issue, key and expiry, or a typed number alone."""

    member: int
    issue: int
    how: int
    kid: bytes | None
    expiry_day: int | None


class Offer(NamedTuple):
    """What there is to get here and now, and the share it is taken from."""

    event: Event
    activity: Activity
    occasion: int
    points: int
    quantity: int
    operator: int
    share: Share


class Earlier(NamedTuple):
    """A grant already in the journal, not voided, to the same member for the same activity of the same event."""

    seq: int
    occasion: int
    points: int
    stamp: Stamp


class Known(NamedTuple):
    """What the journal knows: earlier grants, the oldest first, and the points drawn from the allotment."""

    earlier: tuple[Earlier, ...]
    share_used: int

    @property
    def newest_seq(self) -> int:
        """The number of the newest earlier grant, 0 without any."""
        return self.earlier[-1].seq if self.earlier else 0


class Received(NamedTuple):
    """Green: the points are granted."""

    grant: Grant


class Recorded(NamedTuple):
    """Amber: the grant is recorded, the points come when the clerk has looked."""

    grant: Grant
    later: Later


class AlreadyReceived(NamedTuple):
    """The same person, activity and occasion: when, and how many points it gave."""

    wall_ms: int
    activity: str
    points: int


class TodaysLimit(NamedTuple):
    """As many times as one day allows."""

    limit: int


class NotUsable(NamedTuple):
    """The code is not one of ours, or no longer."""

    reason: Reason


class CallStaff(NamedTuple):
    """A person must look."""

    reason: Reason


Outcome: TypeAlias = Received | Recorded | AlreadyReceived | TodaysLimit | NotUsable | CallStaff

WORDS: dict[type[Outcome], str] = {
    Received: "received",
    Recorded: "recorded",
    AlreadyReceived: "already_received",
    TodaysLimit: "todays_limit",
    NotUsable: "not_usable",
    CallStaff: "call_staff",
}


def read_code(
    text: str, member_keys: Mapping[bytes, bytes], lost_cards: Collection[tuple[int, int]], day: int | None
) -> Person | NotUsable | CallStaff:
    """Return whose card shows `text`, or why it does not count. `day` is the trusted day or None: without one nothing
    has expired.
    """
    try:
        token = read_token(text, member_keys)
    except WireError as error:
        return NotUsable({"prefix": Reason.FOREIGN_CODE, "kid": Reason.UNKNOWN_KEY}.get(error.reason, Reason.BAD_CODE))
    match standing_of(token, lost_cards, day):
        case TokenStanding.LOST:
            return CallStaff(Reason.LOST_CARD)
        case TokenStanding.EXPIRED:
            return NotUsable(Reason.EXPIRED)
        case TokenStanding.GOOD:
            return _holder_of(token)


def read_number(text: str) -> Person | CallStaff:
    """Return whose member number was typed. Nothing signed stands behind it, and no card is meant: a lost one does not
    matter.
    """
    try:
        return Person(typed(text), 0, Read.TYPED, None, None)
    except WireError:
        return CallStaff(Reason.NUMBER_UNREADABLE)


def offer_at(station: Station, manifest: Manifest | None, stamp: Stamp) -> Offer | CallStaff:
    """Return what the station offers under `manifest`. An event's hours refuse nobody: booths overrun, and the hub
    judges the time.
    """
    event = manifest.event(station.event) if manifest is not None else None
    activity = event.activity(station.activity) if event is not None else None
    if manifest is None or event is None or activity is None or not has_time(activity, station.slot):
        return CallStaff(Reason.NOT_SET_UP)
    points = points_for(activity.rule, station.quantity)
    if not points:
        return CallStaff(Reason.NO_POINTS)
    occasion = occasion_of(activity.occasion_by, station.slot, event, stamp)
    return Offer(
        event, activity, occasion, points, station.quantity, station.operator, manifest.share_of(event.allotment)
    )


def has_time(activity: Activity, slot: int) -> bool:
    """Tell whether the activity may be had in that slot; where it does not go by slots, any number does."""
    return activity.occasion_by is not OccasionBy.SLOT or activity.slot(slot) is not None


def occasion_of(occasion_by: OccasionBy, slot: int, event: Event, stamp: Stamp) -> int:
    """Return which time of the activity it is: 0, the city's day, or the slot.

    A clock nobody has confirmed is kept within the event's days: a booth that starts in 1970 then agrees with the
    others on a one-day event.
    """
    match occasion_by:
        case OccasionBy.NONE:
            return 0
        case OccasionBy.SLOT:
            return slot
        case OccasionBy.DAY:
            day = city_day(stamp.wall_ms)
            if stamp.trust == Trust.NONE:
                day = min(max(day, city_day(event.starts_ms)), city_day(event.ends_ms))
            return day


def decide(person: Person, offer: Offer, known: Known, stamp: Stamp, status: Status) -> Outcome:
    """Return what becomes of the scan. `status` is how the hub stood to this kiosk when it was last heard."""
    repeated = repeat_among(known.earlier, offer, stamp)
    if repeated is not None:
        return AlreadyReceived(moment_of(repeated.stamp, stamp), offer.activity.name, repeated.points)
    if is_at_limit(known.earlier, offer.activity.daily_limit, stamp):
        return TodaysLimit(offer.activity.daily_limit)
    later = comes_later(offer, known.share_used, status)
    if later is not None:
        return Recorded(_grant(person, offer, Shown.RECORDED), later)
    return Received(_grant(person, offer, Shown.RECEIVED))


def repeat_among(earlier: Sequence[Earlier], offer: Offer, stamp: Stamp) -> Earlier | None:
    """Return the newest earlier grant that was for this same time of the activity, if there is one.

    Once a day, the occasion's number is not asked: it comes from a clock, and a clock that is set between two scans
    gives one day two numbers, or two days one.
    """
    if offer.activity.occasion_by is OccasionBy.DAY:
        repeats = [one for one in earlier if is_same_day(one.stamp, stamp)]
    else:
        repeats = [one for one in earlier if one.occasion == offer.occasion]
    return repeats[-1] if repeats else None


def is_at_limit(earlier: Sequence[Earlier], daily_limit: int, stamp: Stamp) -> bool:
    """Tell whether one person has had this activity as often as a day allows; what was on an unknown day counts for
    none.
    """
    return daily_limit > 0 and sum(is_same_day(one.stamp, stamp) for one in earlier) >= daily_limit


def comes_later(offer: Offer, share_used: int, status: Status) -> Later | None:
    """Return why the points come later, if they do: the hub has stopped this kiosk, or its share and reserve are used
    up.
    """
    if status is Status.FENCED:
        return Later.FENCED
    if status is Status.REVOKED:
        return Later.REVOKED
    if share_used + offer.points > offer.share.total + offer.share.reserve:
        return Later.SHARE
    return None


def _holder_of(token: Token) -> Person:
    return Person(token.member, token.issue, Read.CODE, token.kid, token.expiry_day)


def _grant(person: Person, offer: Offer, shown: Shown) -> Grant:
    return Grant(
        offer.event.event,
        offer.activity.activity,
        offer.occasion,
        person.member,
        person.issue,
        person.how,
        person.kid,
        person.expiry_day,
        offer.points,
        offer.quantity,
        offer.operator,
        shown,
    )
