"""Sample keys, members, entries, receipts and manifests for tests. From fixed seeds: the same bytes in every run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from sync.batch import Batch
from sync.certificate import Certificate, kiosk_identity, write_certificate
from sync.citytime import CITY_ZONE, DAY_MS, city_day, wall_ms_of
from sync.entry import Body, DayEnd, Grant, Opened, Read, Shown, SignedEntry, Stamp, Trust, first_prev, sign_entry
from sync.envelope import KIOSK, MANIFEST, MEMBER, RECEIPT, Purpose, SigningKey
from sync.head import Head, write_head
from sync.keys import Instance, KeyList, KeyState, OnlineKey, write_key_list
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share, Slot
from sync.member import with_check_digits
from sync.receipt import Receipt, Status
from sync.rules import ByHours, Fixed


def sample_key(name: str) -> SigningKey:
    """Return the key called `name`: the same one every time, another one for every other name."""
    return SigningKey(hashlib.sha256(f"kumapo sample key: {name}".encode()).digest())


ROOT_KEY: Final = sample_key("root")
MEMBER_KEY: Final = sample_key("member")
RETIRED_MEMBER_KEY: Final = sample_key("member, retired")
WITHDRAWN_MEMBER_KEY: Final = sample_key("member, withdrawn")
CERTIFYING_KEY: Final = sample_key("kiosk certificates")
RECEIPT_KEY: Final = sample_key("receipt")
MANIFEST_KEY: Final = sample_key("manifest")
KIOSK_KEY: Final = sample_key("kiosk 1")
OTHER_KIOSK_KEY: Final = sample_key("kiosk 2")
KIOSK_ID: Final = kiosk_identity(KIOSK_KEY.public)

INSTANCE: Final = Instance(1_760_000_000_000, bytes.fromhex("a1a2a3a4a5a6a7a8"))
RESTORED_INSTANCE: Final = Instance(1_790_000_000_000, bytes.fromhex("b1b2b3b4b5b6b7b8"))

MORNING_MS: Final = 1_794_614_400_000
"""2026-11-14 09:00 in the city, when the sample event starts; it ends at 17:00."""
EVENING_MS: Final = MORNING_MS + 8 * 3_600_000
BOOT: Final = bytes.fromhex("00112233445566778899aabbccddeeff")

EVENT: Final = 7
ALLOTMENT: Final = 3
HELPING: Final = 1
"""Points once a day."""
CLEANING: Final = 2
"""Points by the hours."""
LESSON: Final = 3
"""Points once in each of the slots 1 and 3."""


def member(number: int) -> int:
    """Return the member number of 見本1, 見本2 …; the twelve digits are spread as random ones would be."""
    digits = hashlib.sha256(f"見本{number}".encode()).digest()
    return with_check_digits(int.from_bytes(digits[:8], "big") % 10**12)


def online_keys() -> tuple[OnlineKey, ...]:
    """Return one key of each purpose, and a retired and a withdrawn member key."""
    return (
        OnlineKey(MEMBER.name, MEMBER_KEY.public, KeyState.CURRENT),
        OnlineKey(MEMBER.name, RETIRED_MEMBER_KEY.public, KeyState.RETIRED),
        OnlineKey(MEMBER.name, WITHDRAWN_MEMBER_KEY.public, KeyState.WITHDRAWN),
        OnlineKey(KIOSK.name, CERTIFYING_KEY.public, KeyState.CURRENT),
        OnlineKey(RECEIPT.name, RECEIPT_KEY.public, KeyState.CURRENT),
        OnlineKey(MANIFEST.name, MANIFEST_KEY.public, KeyState.CURRENT),
    )


def key_list(version: int = 1, *instances: Instance, keys: tuple[OnlineKey, ...] | None = None) -> bytes:
    """Return a key list signed by the root key, with INSTANCE alone unless told otherwise."""
    return write_key_list(ROOT_KEY, KeyList(version, "", keys or online_keys(), instances or (INSTANCE,)))


def keys_for(purpose: Purpose, *keys: SigningKey) -> dict[bytes, bytes]:
    """Return {kid: public key}, as readers want them."""
    return {purpose.kid(key.public): key.public for key in keys}


def certificate(key: SigningKey = KIOSK_KEY, serial: int = 1) -> bytes:
    """Return a kiosk's certificate."""
    return write_certificate(CERTIFYING_KEY, Certificate(key.public, serial, 0))


def stamp(minutes: float = 0, *, boot: bytes = BOOT, trust: Trust = Trust.CONFIRMED) -> Stamp:
    """Return a stamp some minutes after the sample event began; the machine was started ten minutes before that."""
    since_ms = round(minutes * 60_000)
    return Stamp(MORNING_MS + since_ms, boot, 600_000 + since_ms, int(trust))


def grant(person: int = 1, **changes: int | bytes | None) -> Grant:
    """Return the grant of 10 points to 見本`person` for helping, read from a card; `changes` replaces single items."""
    usual = Grant(
        event=EVENT,
        activity=HELPING,
        occasion=city_day(MORNING_MS),
        member=member(person),
        issue=1,
        how=int(Read.CODE),
        kid=MEMBER.kid(MEMBER_KEY.public),
        expiry_day=0,
        points=10,
        quantity=1,
        operator=1,
        shown=int(Shown.RECEIVED),
    )
    return replace(usual, **changes)  # what does not fit is asked for too


def typed_grant(person: int = 1, **changes: int | bytes | None) -> Grant:
    """Return the same grant with the number typed in instead."""
    return grant(person, **{"issue": 0, "how": int(Read.TYPED), "kid": None, "expiry_day": None, **changes})


def opened(manifest_version: int = 1) -> Opened:
    """Return what a journal begins with: under manifest (INSTANCE, version), or none for version 0."""
    return Opened("kumapo 0.1.0", (INSTANCE, manifest_version) if manifest_version else None, MORNING_MS - 60_000)


def day_end(grants: int, points: int) -> DayEnd:
    """Return a day's totals without voids."""
    return DayEnd(grants, points, 0, 0)


@dataclass
class Chain:
    """A kiosk's entries as they grow, each signed and chained to the one before."""

    key: SigningKey = KIOSK_KEY
    entries: list[SignedEntry] = field(default_factory=list)

    @property
    def kiosk(self) -> bytes:
        """The kiosk's identity."""
        return kiosk_identity(self.key.public)

    @property
    def head(self) -> Head:
        """The last entry's number and hash."""
        return Head(len(self.entries), self.entries[-1].hash if self.entries else first_prev(self.key.public))

    def add(self, body: Body, when: Stamp | None = None) -> SignedEntry:
        """Sign the next entry; each comes a minute after the one before unless told otherwise."""
        seq, prev = self.head
        self.entries.append(sign_entry(self.key, seq + 1, prev, body, stamp(seq) if when is None else when))
        return self.entries[-1]

    def branch(self, after_seq: int) -> Chain:
        """Return another chain of the same key with the same first `after_seq` entries, as a copied card has."""
        return Chain(self.key, self.entries[:after_seq])

    def batch(
        self,
        first_seq: int = 1,
        last_seq: int | None = None,
        *,
        with_certificate: bool = True,
        question: bytes | None = None,
    ) -> Batch:
        """Return the entries `first_seq` … `last_seq` (default: all) as a batch."""
        run = tuple(entry.encoded for entry in self.entries[first_seq - 1 : last_seq])
        head = write_head(self.key, self.head, question)
        return Batch(self.kiosk, head, first_seq, None, run, certificate(self.key) if with_certificate else None)


def chain_of(grants: int, key: SigningKey = KIOSK_KEY) -> Chain:
    """Return a chain of `opened` and so many grants to 見本1, 見本2 …"""
    chain = Chain(key)
    chain.add(opened())
    for person in range(1, grants + 1):
        chain.add(grant(person))
    return chain


def event() -> Event:
    """Return the sample event: helping gives 10 points once a day, cleaning gives points by the hours, a lesson gives
    10 points in each of two slots.
    """
    helping = Activity(HELPING, "お手伝い", Fixed(10), OccasionBy.DAY, 1)
    cleaning = Activity(CLEANING, "そうじ", ByHours(((30, 5), (60, 10), (120, 20))), OccasionBy.DAY, 0)
    lesson = Activity(LESSON, "講座", Fixed(10), OccasionBy.SLOT, 0, (Slot(1, "午前"), Slot(3, "午後")))
    return Event(EVENT, "まつり", MORNING_MS, EVENING_MS, ALLOTMENT, (helping, cleaning, lesson))


def manifest(version: int = 1, kiosk: bytes = KIOSK_ID, instance: Instance = INSTANCE) -> Manifest:
    """Return a manifest with the sample event, a share of 1,000 points with 100 in reserve, and one lost card."""
    return Manifest(
        kiosk,
        instance,
        version,
        MORNING_MS - DAY_MS,
        (event(),),
        (Share(ALLOTMENT, 1_000, 100),),
        ((member(99), 1),),
        (("greeting", "ようこそ"),),
        (("scans_a_minute", 30),),
    )


def receipt(cursor: Head, number: int = 1, **changes: object) -> Receipt:
    """Return an ordinary receipt for KIOSK_ID that says everything up to `cursor` has arrived."""
    usual = Receipt(
        kiosk=KIOSK_ID,
        instance=INSTANCE,
        number=number,
        status=Status.OK,
        question=None,
        head=cursor,
        cursor=cursor,
        beyond=(),
        refused=None,
        backed_up_seq=0,
        hub_ms=EVENING_MS,
        next_after_seconds=30,
        max_batch=500,
        manifest_version=0,
    )
    return usual._replace(**changes)  # type: ignore[arg-type]  # tests may put in what does not fit


def city_ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    """Return a moment on the city's wall clock as milliseconds."""
    return wall_ms_of(datetime(year, month, day, hour, minute, second, tzinfo=CITY_ZONE))
