"""The manifest: what the hub signs for one kiosk so that it can work for weeks without asking. It ages, but never stops
a grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from sync.codec import (
    Value,
    WireError,
    decode,
    encode,
    want_array,
    want_bytes,
    want_int,
    want_list,
    want_moment,
    want_text,
    want_version,
)
from sync.envelope import MANIFEST, SigningKey, is_signed_by, seal, take_apart
from sync.keys import Instance, read_instance
from sync.member import NUMBER_LIMIT
from sync.rules import Rule, read_rule, rule_as_value
from sync.token import ISSUE_LIMIT

ID_LIMIT = 2**31
SLOTS_LIMIT = 50
_DEPTH = 8


class OccasionBy(IntEnum):
    """What tells one time of an activity from the next, for "one grant per person and time"."""

    NONE = 0
    DAY = 1
    SLOT = 2


class Slot(NamedTuple):
    """One of the times an activity may be had, as "the morning": its number is the occasion of a grant in it."""

    slot: int
    name: str


class Activity(NamedTuple):
    """A kind of earning at an event. `daily_limit` is how often one person may earn it on one day; 0 means no limit.
    `slots` are there exactly where the occasion goes by slots, their numbers rising.
    """

    activity: int
    name: str
    rule: Rule
    occasion_by: OccasionBy
    daily_limit: int
    slots: tuple[Slot, ...] = ()

    def slot(self, number: int) -> Slot | None:
        """Return the slot with that number, if the activity has it."""
        return next((slot for slot in self.slots if slot.slot == number), None)


class Event(NamedTuple):
    """Where and when; the points come out of one allotment."""

    event: int
    name: str
    starts_ms: int
    ends_ms: int
    allotment: int
    activities: tuple[Activity, ...]

    def activity(self, number: int) -> Activity | None:
        """Return the activity with that number, if the event has it."""
        for activity in self.activities:  # a plain loop: the hub asks for every grant, and it is thrice as quick
            if activity.activity == number:
                return activity
        return None


class Share(NamedTuple):
    """The part of an allotment a kiosk carries: `total` since its key was made, and `reserve` on top for a day that
    goes better than planned.
    """

    allotment: int
    total: int
    reserve: int


class Manifest(NamedTuple):
    """Everything a kiosk knows beside its keys. `texts` and `limits` are named values later software may add to."""

    kiosk: bytes
    instance: Instance
    version: int
    issued_ms: int
    events: tuple[Event, ...]
    shares: tuple[Share, ...]
    lost_cards: tuple[tuple[int, int], ...]
    texts: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()

    def event(self, number: int) -> Event | None:
        """Return the event with that number, if this kiosk serves it."""
        for event in self.events:
            if event.event == number:
                return event
        return None

    def share_of(self, allotment: int) -> Share:
        """Return the kiosk's share of an allotment; without one it is zero."""
        return next((share for share in self.shares if share.allotment == allotment), Share(allotment, 0, 0))


def write_manifest(key: SigningKey, manifest: Manifest) -> bytes:
    """Return the manifest, signed by the hub's `manifest` key."""
    events = tuple(
        (
            *event[:5],
            tuple(
                (*activity[:2], rule_as_value(activity.rule), _occasion_as_value(activity), activity.daily_limit)
                for activity in event.activities
            ),
        )
        for event in manifest.events
    )
    shares = tuple(tuple(share) for share in manifest.shares)
    payload = (1, manifest.kiosk, manifest.instance.as_value(), *manifest[2:4], events, shares, *manifest[6:])
    return seal(MANIFEST, key, encode(payload))


def read_manifest(encoded: bytes, manifest_keys: Mapping[bytes, bytes]) -> Manifest:
    """Return the manifest in `encoded`, checked against the hub's manifest keys {kid: public key}.

    Raises WireError with "envelope", "kid", "signature", "encoding", "type", "version" or "value".
    """
    envelope = take_apart(MANIFEST, encoded)
    hub_key = manifest_keys.get(envelope.kid)
    if hub_key is None:
        raise WireError("kid")
    if not is_signed_by(hub_key, MANIFEST, envelope):
        raise WireError("signature")
    return _read_payload(envelope.payload)


def is_newer(one: Manifest, other: Manifest | None) -> bool:
    """Tell whether `one` takes effect over `other`: by (instance, version), so that a restored hub may start again from
    a lower version.
    """
    return other is None or (one.instance, one.version) > (other.instance, other.version)


def slots_as_value(slots: tuple[Slot, ...]) -> Value:
    """Return slots as plain values."""
    return tuple(tuple(slot) for slot in slots)


def read_slots(value: Value) -> tuple[Slot, ...]:
    """Return the slots in `value`: at most 50, their numbers rising; none is a list too. Raises WireError("type" |
    "value").
    """
    slots = tuple(Slot(_want_id(number), want_text(name)) for number, name in map(_pair, want_list(value, SLOTS_LIMIT)))
    if any(later.slot <= earlier.slot for earlier, later in pairwise(slots)):
        raise WireError("value")
    return slots


def _read_payload(payload: bytes) -> Manifest:
    version, kiosk, instance, number, issued_ms, events, shares, lost_cards, texts, limits = want_array(
        decode(payload, _DEPTH), 10
    )
    want_version(version)
    return Manifest(
        want_bytes(kiosk, 8),
        read_instance(instance),
        want_int(number),
        want_moment(issued_ms),
        tuple(_read_event(event) for event in want_list(events)),
        tuple(_read_share(share) for share in want_list(shares)),
        tuple(_read_card(card) for card in want_list(lost_cards)),
        tuple((want_text(name, 64), want_text(text, 4_096)) for name, text in map(_pair, want_list(texts))),
        tuple((want_text(name, 64), want_int(number)) for name, number in map(_pair, want_list(limits))),
    )


def _read_event(value: Value) -> Event:
    event, name, starts_ms, ends_ms, allotment, activities = want_array(value, 6)
    if want_moment(starts_ms) > want_moment(ends_ms):
        raise WireError("value")
    return Event(
        _want_id(event),
        want_text(name),
        want_moment(starts_ms),
        want_moment(ends_ms),
        _want_id(allotment),
        tuple(_read_activity(activity) for activity in want_list(activities, 1_000)),
    )


def _read_activity(value: Value) -> Activity:
    activity, name, rule, occasion, daily_limit = want_array(value, 5)
    occasion_by, slots = _read_occasion(occasion)
    return Activity(
        _want_id(activity), want_text(name), read_rule(rule), occasion_by, want_int(daily_limit, ID_LIMIT), slots
    )


def _occasion_as_value(activity: Activity) -> Value:
    by, slots = activity.occasion_by, activity.slots
    return (int(by), slots_as_value(slots)) if by is OccasionBy.SLOT or slots else int(by)


def _read_occasion(value: Value) -> tuple[OccasionBy, tuple[Slot, ...]]:
    """Return when an activity may be had again, and the slots: 0, 1, or 2 with at least one slot."""
    if type(value) is not tuple:
        by = want_int(value)
        if by not in {OccasionBy.NONE, OccasionBy.DAY}:
            raise WireError("value")
        return OccasionBy(by), ()
    number, listed = _pair(value)
    slots = read_slots(listed)
    if want_int(number) != OccasionBy.SLOT or not slots:
        raise WireError("value")
    return OccasionBy.SLOT, slots


def _read_share(value: Value) -> Share:
    allotment, total, reserve = want_array(value, 3)
    return Share(_want_id(allotment), want_int(total), want_int(reserve))


def _read_card(value: Value) -> tuple[int, int]:
    member, issue = _pair(value)
    return want_int(member, NUMBER_LIMIT), want_int(issue, ISSUE_LIMIT)


def _want_id(value: Value) -> int:
    """A number of an event, activity, slot or allotment begins at 1, as in a grant."""
    number = want_int(value, ID_LIMIT)
    if number == 0:
        raise WireError("value")
    return number


def _pair(value: Value) -> tuple[Value, Value]:
    one, other = want_array(value, 2)
    return one, other
