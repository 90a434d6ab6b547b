"""The ground every benchmark stands on: a founded hub with members and events, booths whose keys it has let in, and
their signed entries. Everything goes through the programs' own doors; time and, unless other is handed in, randomness
are fixed, so each run measures the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from msgspec.structs import astuple, replace

from hub.acts.doing import Doing, Done, Person, kind_of, new_number, perform
from hub.acts.events import add_event
from hub.acts.kiosks import approve_kiosk, invite_kiosk
from hub.acts.members import COUNT_MAX, add_members
from hub.acts.organisations import add_allotment, add_organisation
from hub.intake.check import check_batch
from hub.intake.facts import load_facts
from hub.intake.intervals import NOTHING_KNOWN, Source
from hub.intake.judge import judge
from hub.intake.reasons import NONE
from hub.intake.settle import RepeatKey
from hub.intake.values import Attested, Candidacy, Fold, Standing
from hub.keys.keyring import load_keyring
from hub.ledger.posting import Change, post
from hub.register.enrolments import apply, invitation_of
from hub.register.manifests import newest_manifest
from hub.service import Hub, found_hub, instances, newest_key_list
from hub.serving import spare_collector
from hub.store.database import Store, row, sqlite_url
from kiosk.journal import Journal, Kept
from kiosk.journal_open import begin_enrolment
from sync.batch import Batch
from sync.certificate import kiosk_identity
from sync.citytime import DAY_MS, city_day
from sync.codec import encode
from sync.enrolment import Application, mac_from_kiosk
from sync.entry import Body, Grant, Opened, Read, Shown, SignedEntry, Stamp, Trust, first_prev, hash_of, sign_entry
from sync.envelope import ENTRY, MEMBER, SigningKey, seal
from sync.head import Head, write_head
from sync.keys import DEMO_LABEL
from sync.manifest import Activity, OccasionBy, Share
from sync.member import bucket_of
from sync.rules import Fixed

NOW_MS: Final = 1_794_700_000_000
"""2026-11-15 in the city: the events are on, and everything is signed and arrives now."""
OCCASION: Final = city_day(NOW_MS)
NEW, HELPING = 0, 1
"""An activity without a number gets the first one that its event never had."""
POINTS: Final = 10
SIGNATURE_LENGTH: Final = 64
BOOT: Final = bytes(range(16))
SOFTWARE: Final = "kumapo 0.1.0"
ALLOTTED: Final = 10**9
SHARE: Final = 1_500_000
"""Enough for a season of one booth; the allotment is enough for 600 of them."""
CLERK: Final = Person("担当 1")
WHY: Final = "見本"

Arguments = ParamSpec("Arguments")
Made = TypeVar("Made")


@dataclass
class Watch:
    """The hub's clock. It stands still until a benchmark turns it by hand."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        """Return the hub's time."""
        return self.now_ms


@dataclass(frozen=True)
class Ground:
    """A hub, its clock, what it knows, and the seeded randomness that everything here was made with."""

    hub: Hub
    watch: Watch
    organisation: int
    allotment: int
    events: tuple[int, ...]
    members: tuple[int, ...]
    chance: random.Random


@dataclass
class Booth:
    """A kiosk the hub has let in, as far as its chain goes: its key, what it was given, and its last entry."""

    key: SigningKey
    certificate: bytes
    manifest: bytes
    key_list: bytes
    opened: Opened
    head: Head = field(default=Head(0, b""))

    def __post_init__(self) -> None:
        """A chain begins at the key."""
        self.head = Head(0, first_prev(self.key.public))

    @property
    def kiosk(self) -> bytes:
        """The kiosk's identity."""
        return kiosk_identity(self.key.public)

    def sign(self, body: Body, when: Stamp | None = None) -> SignedEntry:
        """Sign the next entry of the chain."""
        seq = self.head.seq + 1
        signed = sign_entry(self.key, seq, self.head.hash, body, when or stamp(seq))
        self.head = Head(seq, signed.hash)
        return signed

    def batch(self, bodies: Iterable[Body]) -> Batch:
        """Sign so many more entries, and cut them into one batch."""
        return self.cut([self.sign(body) for body in bodies])

    def batch_at(self, bodies: Iterable[tuple[Body, Stamp]]) -> Batch:
        """Sign so many more entries, each at its moment, and cut them into one batch."""
        return self.cut([self.sign(body, when) for body, when in bodies])

    def quick_batch(self, bodies: Iterable[tuple[Grant, Stamp]]) -> Batch:
        """Chain so many more grants into one batch and sign the last of them only: it attests those before it.

        For filling a hub; signing and reading back each one takes ten times as long.
        """
        *most, last = bodies
        return self.cut([*(self._chain(*one) for one in most), self.sign(*last)])

    def cut(self, entries: list[SignedEntry]) -> Batch:
        """Cut the newest entries of the chain into one batch."""
        first_seq = self.head.seq + 1 - len(entries)
        head = write_head(self.key, self.head, None)
        return Batch(self.kiosk, head, first_seq, None, tuple(one.encoded for one in entries), self.certificate)

    def _chain(self, grant: Grant, when: Stamp) -> SignedEntry:
        seq = self.head.seq + 1
        payload = encode((1, self.kiosk, seq, self.head.hash, "grant", astuple(grant), astuple(when)))
        encoded = seal(ENTRY, _Unsigned(self.key.public), payload)
        self.head = Head(seq, hash_of(encoded))
        return SignedEntry(encoded, self.head.hash)


class _Unsigned(SigningKey):
    """Puts nothing where a signature stands."""

    def __init__(self, public: bytes) -> None:
        self.public = public

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002  # as a key does
        """Return what is no signature."""
        return bytes(SIGNATURE_LENGTH)


@contextmanager
def laid(
    folder: Path,
    members: int,
    events: int,
    url: str = "",
    chance: random.Random | None = None,
    windows: list[tuple[int, int]] | None = None,
) -> Iterator[Ground]:
    """Found a hub in `folder` (SQLite there, or the database at `url`), and close its database afterwards. Its events
    last three days around now, unless their windows are handed in.
    """
    folder.mkdir(exist_ok=True)
    store = Store(url or sqlite_url(folder / "hub.db"))
    try:
        windows = windows or [(NOW_MS - DAY_MS, NOW_MS + DAY_MS)] * events
        ground = _lay(store, folder, members, windows, chance or random.Random(20261115))
        spare_collector()  # as the hub's program does
        yield ground
    finally:
        store.close()


def stamp(seq: int) -> Stamp:
    """Return when entry `seq` was signed: a millisecond after the one before, on a confirmed clock."""
    return Stamp(NOW_MS - DAY_MS // 2 + seq, BOOT, 600_000 + seq, int(Trust.CONFIRMED))


def helping(number: int) -> Activity:
    """Return the one activity of every event, under a number or as a NEW one."""
    return Activity(number, "お手伝い", Fixed(POINTS), OccasionBy.DAY, 1)


def grant(ground: Ground, event: int, member: int) -> Grant:
    """Return the grant a booth makes out of a paper card."""
    kid = MEMBER.kid(ground.hub.keyring.signer(MEMBER).public)
    code, received = int(Read.CODE), int(Shown.RECEIVED)
    return Grant(event, HELPING, OCCASION, member, 1, code, kid, 0, POINTS, 1, 1, received)


def grants(ground: Ground, event: int, members: Iterable[int]) -> list[Grant]:
    """Return a grant for each of these members."""
    usual = grant(ground, event, 1)
    return [replace(usual, member=member) for member in members]


def crowds(ground: Ground, events: Iterable[int], size: int) -> Iterator[tuple[int, list[int]]]:
    """Yield (event, members) for one batch after another: event by event, each member once at each, in random order."""
    for event in events:
        queue = ground.chance.sample(ground.members, len(ground.members))
        for start in range(0, len(queue) - size + 1, size):
            yield event, queue[start : start + size]


def standings(ground: Ground, booth: Booth, fold: Fold, bodies: list[Grant]) -> list[Change]:
    """Return what the hub makes of these grants before it posts them."""
    arriving = check_batch(booth.key.public, booth.batch(bodies)).arriving
    facts = ground.hub.store.run(lambda connection: load_facts(ground.hub, connection, booth.kiosk, bodies))
    attested = [Attested(one.seq, one.hash, NOW_MS, one.entry, one.defect) for one in arriving]
    return [Change(None, one) for one in judge(facts, fold, attested, NOTHING_KNOWN).standings]


def eligible(ground: Ground, seq: int, entry_hash: bytes, granted: Grant) -> Standing:
    """Return the standing of a grant as it was signed, without an entry behind it: for filling a ledger quickly."""
    key = RepeatKey(granted.event, bucket_of(granted.member), granted.member, granted.activity, granted.occasion)
    worth = (key, granted.points, ground.allotment, Candidacy.ELIGIBLE, NONE, ())
    return Standing(seq, entry_hash, granted, *worth, stamp(seq).wall_ms, Source.CONFIRMED, BOOT)


def post_standings(ground: Ground, booth: Booth, changes: list[Change]) -> None:
    """Post these standings in a transaction of their own, and nothing else."""
    with ground.hub.store.transaction() as connection:
        post(connection, booth.kiosk, changes, NOW_MS)


def do(
    hub: Hub,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Done[Made]:
    """Do an act as a clerk does, with a form number of its own."""
    number = new_number(hub, CLERK, kind_of(function))
    return perform(hub, CLERK, number, WHY, function, *arguments, **named)


def made_by(
    hub: Hub,
    function: Callable[Concatenate[Doing, Arguments], Done[Made]],
    *arguments: Arguments.args,
    **named: Arguments.kwargs,
) -> Made:
    """Do an act and return what it has made."""
    return do(hub, function, *arguments, **named).made


def let_in(ground: Ground, name: str, events: tuple[int, ...] = ()) -> Booth:
    """Let a new booth in for these events, as a clerk does: invitation, application, approval with a share."""
    hub = ground.hub
    key = SigningKey(ground.chance.randbytes(32))
    enrolment = made_by(hub, invite_kiosk, name, ground.organisation)
    with hub.store.reading() as connection:
        invitation = invitation_of(hub, connection, enrolment, "http://127.0.0.1")
    assert invitation is not None
    mac = mac_from_kiosk(invitation.code, key.public, invitation.root_key_hash)
    apply(hub, Application(key.public, SOFTWARE, mac))
    kiosk = made_by(hub, approve_kiosk, enrolment, events, (Share(ground.allotment, SHARE, 0),))
    with hub.store.reading() as connection:
        approved = row(connection, "SELECT certificate FROM kiosk WHERE kiosk = :kiosk", kiosk=kiosk)
        manifest = newest_manifest(connection, kiosk)
        key_list = newest_key_list(connection)
        instance = instances(connection)[-1]
    assert manifest is not None
    opened = Opened(SOFTWARE, (instance, 1), stamp(1).wall_ms)
    return Booth(key, bytes(approved.certificate), manifest, key_list, opened)


def journal_of(ground: Ground, booth: Booth, path: Path) -> Journal:
    """Return the enrolled journal of a booth, at `path`."""
    journal = begin_enrolment(path, "見本", "http://127.0.0.1", booth.key.seed)
    journal.keep_enrolment(ground.hub.keyring.root_public_key, booth.key_list, booth.certificate, booth.manifest)
    return journal


def keep_all(ground: Ground, journal: Journal, bodies: Iterable[Body]) -> None:
    """Have each body signed and on the disk, one after the other, as a booth does."""
    for body in bodies:
        kept = journal.sign_and_keep(body, stamp(journal.head().seq + 1), allotment=ground.allotment)
        assert isinstance(kept, Kept), kept


def _lay(store: Store, folder: Path, members: int, windows: list[tuple[int, int]], chance: random.Random) -> Ground:
    found_hub(store, folder / "hub", folder / "root.key", DEMO_LABEL, NOW_MS - DAY_MS, chance.randbytes)
    watch = Watch()
    hub = Hub(store, load_keyring(folder / "hub"), watch, chance.randbytes)
    organisation = made_by(hub, add_organisation, "見本の会", "grants")
    allotment = made_by(hub, add_allotment, organisation, "見本", ALLOTTED)
    numbers = [
        made_by(hub, add_event, f"行事{number}", *window, allotment, (helping(NEW),))
        for number, window in enumerate(windows)
    ]
    sizes = [min(COUNT_MAX, members - done) for done in range(0, members, COUNT_MAX)]
    people = [member for size in sizes for member in made_by(hub, add_members, size)]
    return Ground(hub, watch, organisation, allotment, tuple(numbers), tuple(people), chance)
