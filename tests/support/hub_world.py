"""A small city for hub tests: one organisation, one event, some members, and booths whose chains reach the hub as
batches.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace
from wire_samples import MORNING_MS, ROOT_KEY, sample_key

from hub.acts.doing import Done, Person, kind_of, new_number, perform, preview
from hub.acts.events import add_event
from hub.acts.kiosks import approve_kiosk, invite_kiosk
from hub.acts.members import add_members
from hub.acts.organisations import add_allotment, add_organisation
from hub.intake.arrival import take_batch
from hub.intake.facts import shares_in_force
from hub.intake.reasons import Reason
from hub.keys.keyring import Keyring, StoredKey, StoredKeys
from hub.ledger.posting import Moved
from hub.register.enrolments import apply, invitation_of
from hub.service import Hub, Pace
from hub.store.database import Store, execute, row, rows
from sync.batch import Batch
from sync.certificate import kiosk_identity
from sync.citytime import DAY_MS
from sync.enrolment import Application, mac_from_kiosk, read_welcome
from sync.entry import Body, Grant, Opened, SignedEntry, Stamp, first_prev, sign_entry
from sync.envelope import MANIFEST, MEMBER, RECEIPT, SigningKey
from sync.head import Head, write_head
from sync.keys import Instance, KeyList, write_key_list
from sync.manifest import Activity, Manifest, OccasionBy, Share, read_manifest
from sync.receipt import Receipt, read_receipt
from sync.rules import ByHours, Fixed

CLERK = Person("見本1")
VISIT, HELP = 1, 2
VISIT_POINTS = 50
SOFTWARE = "kumapo test"


def sample_keyring(label: str = "") -> Keyring:
    """Return a keyring made from fixed seeds, under the sample root key."""
    import base64  # only the key file's form needs it

    def pack(plain: bytes) -> str:
        return base64.b64encode(plain).decode("ascii")

    keys = tuple(
        StoredKey(name, pack(sample_key(f"hub {name}").seed), 1) for name in ("member", "kiosk", "receipt", "manifest")
    )
    return Keyring(StoredKeys(pack(ROOT_KEY.public), label, pack(bytes(32)), keys))


@dataclass
class World:
    """A hub on a given store, and the people and events it knows. `now_ms` is the hub's clock, turned by hand."""

    store: Store
    people: int = 40
    allotted: int = 1_000_000
    now_ms: int = MORNING_MS - DAY_MS
    seed: int = 1
    hub: Hub = field(init=False)
    members: list[int] = field(init=False)
    allotment: int = field(init=False)
    organisation: int = field(init=False)
    event: int = field(init=False)

    def __post_init__(self) -> None:
        """Found the hub and its reference records."""
        chance = random.Random(self.seed)  # repeatable, not secret
        self.hub = Hub(self.store, sample_keyring(), lambda: self.now_ms, chance.randbytes, Pace(30, 5_000))
        self.open_instance()

        self.organisation = self.do(add_organisation, "見本団体1", "grants").made
        self.allotment = self.do(add_allotment, self.organisation, "見本の付与枠", self.allotted).made
        window = (MORNING_MS, MORNING_MS + DAY_MS // 3)
        self.event = self.do(add_event, "見本まつり", *window, self.allotment, as_new(activities())).made
        self.members = list(self.do(add_members, self.people).made)
        self.now_ms = MORNING_MS

    def do(self, function: Any, *arguments: Any, reason: str = "見本の理由") -> Done[Any]:
        """Do an act, given by its function, as 見本1 and by a form of its own. Raises ActRefused."""
        number = new_number(self.hub, CLERK, kind_of(function))
        return perform(self.hub, CLERK, number, reason, function, *arguments)

    def preview(self, function: Any, *arguments: Any) -> Moved:
        """Return how points would move if an act were done."""
        return preview(self.hub, CLERK, "見本の理由", function, *arguments)

    def open_instance(self) -> Instance:
        """Open an instance as `hub restore` does, with the sample root key."""
        instance = Instance(self.now_ms, hashlib.sha256(str(self.now_ms).encode()).digest()[:8])

        def work(connection: Any) -> None:  # a connection
            execute(
                connection,
                "INSERT INTO instance (opened_ms, mark, reason) VALUES (:opened_ms, :mark, 'test')",
                opened_ms=instance.opened_ms,
                mark=instance.mark,
            )
            known = tuple(
                Instance(one.opened_ms, bytes(one.mark))
                for one in rows(connection, "SELECT opened_ms, mark FROM instance")
            )
            encoded = write_key_list(ROOT_KEY, KeyList(self.now_ms, "", self.hub.keyring.online_keys(), known))
            execute(
                connection,
                "INSERT INTO key_list (version, encoded) VALUES (:version, :encoded)",
                version=self.now_ms,
                encoded=encoded,
            )
            execute(connection, "DELETE FROM hub_state WHERE name = 'rolled back'")

        self.store.run(work)
        return instance

    def booth(
        self,
        name: str = "受付1",
        total: int = 100_000,
        reserve: int = 0,
        events: tuple[int, ...] = (),
        *,
        has_share: bool = True,
    ) -> Booth:
        """Enrol a kiosk and let it in."""
        key = sample_key(f"booth {name}")
        enrolment = self.do(invite_kiosk, name, self.organisation).made
        application = self.application(enrolment, key)
        apply(self.hub, application)
        shares = (Share(self.allotment, total, reserve),) if has_share else ()
        self.do(approve_kiosk, enrolment, events or (self.event,), shares)
        welcome = read_welcome(apply(self.hub, application))
        assert welcome.manifest is not None
        manifest = read_manifest(welcome.manifest, self.hub.keyring.verifying(MANIFEST))
        return Booth(self, key, manifest, welcome.certificate)

    def application(self, enrolment: bytes, key: SigningKey) -> Application:
        """Return what a kiosk with that key answers to an invitation."""
        with self.store.reading() as connection:
            invitation = invitation_of(self.hub, connection, enrolment, "http://127.0.0.1:1")
        assert invitation is not None
        return Application(key.public, SOFTWARE, mac_from_kiosk(invitation.code, key.public, invitation.root_key_hash))

    def verdicts(self, booth: Booth | None = None) -> dict[str, tuple[int, int]]:
        """Return {verdict: (grants, points)} of one booth or of all, empty ones left out."""
        with self.store.reading() as connection:
            counts = rows(connection, "SELECT kiosk, verdict, grants, points FROM kiosk_count")
        found: dict[str, tuple[int, int]] = {}
        for one in counts:
            if (booth is None or bytes(one.kiosk) == booth.kiosk) and one.grants:
                before = found.get(one.verdict, (0, 0))
                found[one.verdict] = (before[0] + one.grants, before[1] + one.points)
        return found

    def reasons(self, booth: Booth) -> dict[int, tuple[str, Reason]]:
        """Return {seq: (verdict, reasons)} of what was put aside."""
        with self.store.reading() as connection:
            found = rows(connection, "SELECT seq, verdict, reasons FROM aside WHERE kiosk = :kiosk", kiosk=booth.kiosk)
        return {one.seq: (one.verdict, Reason(one.reasons)) for one in found}

    def flags(self, booth: Booth) -> dict[int, tuple[str, ...]]:
        """Return {seq: flags} of one booth's grants, what has none left out."""
        with self.store.reading() as connection:
            found = rows(
                connection, "SELECT seq, flag FROM flag WHERE kiosk = :kiosk ORDER BY seq, flag", kiosk=booth.kiosk
            )
        flags: dict[int, tuple[str, ...]] = {}
        for one in found:
            flags[one.seq] = (*flags.get(one.seq, ()), one.flag)
        return flags

    def balance(self, member: int) -> int:
        """Return what a member holds."""
        with self.store.reading() as connection:
            found = row(connection, "SELECT held FROM member_balance WHERE member = :member", member=member)
        return found.held if found else 0

    def owed(self, member: int) -> int:
        """Return what a member could not give back."""
        with self.store.reading() as connection:
            found = row(connection, "SELECT owed FROM member_balance WHERE member = :member", member=member)
        return found.owed if found else 0

    def accounts(self) -> dict[str, int]:
        """Return the sum of each kind of account."""
        with self.store.reading() as connection:
            kinds = {
                one.kind: int(one.amount)
                for one in rows(connection, "SELECT kind, sum(amount) AS amount FROM account GROUP BY kind")
            }
            people = row(
                connection, "SELECT coalesce(sum(held), 0) AS held, coalesce(sum(owed), 0) AS owed FROM member_balance"
            )
        return {**kinds, "member": int(people.held), "owed": int(people.owed)}

    def picture(self) -> dict[str, list[tuple[object, ...]]]:
        """Return verdicts and balances in a form that can be compared: invariant 7 speaks of these."""
        questions = {
            "balances": "SELECT bucket, member, held, owed FROM member_balance WHERE held + owed > 0 ORDER BY 1, 2",
            "accounts": "SELECT kind, holder, part, amount FROM account WHERE amount <> 0 ORDER BY 1, 2, 3",
            "asides": "SELECT kiosk, seq, hash, points, verdict, reasons FROM aside ORDER BY 1, 2, 3",
            "winners": """
                SELECT event, bucket, member, activity, occasion, kiosk, seq, hash, sum(points) FROM transfer
                GROUP BY event, bucket, member, activity, occasion, kiosk, seq, hash HAVING sum(points) <> 0
                ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
            """,
            "counts": "SELECT kiosk, verdict, grants, points FROM kiosk_count WHERE grants <> 0 ORDER BY 1, 2",
        }
        with self.store.reading() as connection:
            return {
                name: [
                    tuple(bytes(part) if isinstance(part, memoryview) else part for part in one)
                    for one in rows(connection, text)
                ]
                for name, text in questions.items()
            }

    def shares(self, booth: Booth) -> dict[int, int]:
        """Return total + reserve of a booth's shares as last signed."""
        with self.store.reading() as connection:
            found = shares_in_force(connection, booth.kiosk)
        return {allotment: total + reserve for allotment, (total, reserve) in found.items()}


def activities() -> tuple[Activity, ...]:
    """Return the sample event's activities: a visit gives 50 once, helping gives points by the hours once a day."""
    by_hours = ByHours(((1, 100), (60, 200), (120, 300)))
    return (
        Activity(VISIT, "来場", Fixed(VISIT_POINTS), OccasionBy.NONE, 0),
        Activity(HELP, "お手伝い", by_hours, OccasionBy.DAY, 1),
    )


def as_new(known: Iterable[Activity]) -> tuple[Activity, ...]:
    """Return activities and slots as a form for a new event has them: without numbers, which come in their order."""
    return tuple(one._replace(activity=0, slots=tuple(slot._replace(slot=0) for slot in one.slots)) for one in known)


@dataclass
class Booth:
    """A kiosk's chain, and how much of it the hub has confirmed."""

    world: World
    key: SigningKey
    manifest: Manifest
    certificate: bytes | None
    entries: list[SignedEntry] = field(default_factory=list)
    cursor_seq: int = 0
    boot: bytes = bytes(range(16))
    started_ms: int = MORNING_MS - 600_000
    last_receipt: bytes | None = None

    @property
    def kiosk(self) -> bytes:
        """The kiosk's identity."""
        return kiosk_identity(self.key.public)

    @property
    def head(self) -> Head:
        """The last entry's number and hash."""
        return Head(len(self.entries), self.entries[-1].hash if self.entries else first_prev(self.key.public))

    def add(self, body: Body, when: Stamp | None = None) -> SignedEntry:
        """Sign the next entry; without an `opened` before it, one is signed first."""
        if not self.entries and not isinstance(body, Opened):
            self.add(self.opened())
        seq, prev = self.head
        self.entries.append(sign_entry(self.key, seq + 1, prev, body, when or self.stamp()))
        return self.entries[-1]

    def opened(self, confirmed_ms: int | None = None) -> Opened:
        """Return an `opened` under the booth's manifest."""
        return Opened(SOFTWARE, (self.manifest.instance, self.manifest.version), confirmed_ms)

    def stamp(self, wall_ms: int | None = None, trust: int = 0) -> Stamp:
        """Return a stamp of this boot at the world's time."""
        now_ms = self.world.now_ms
        return Stamp(now_ms if wall_ms is None else wall_ms, self.boot, max(0, now_ms - self.started_ms), trust)

    def grant(self, person: int = 0, **changes: Any) -> SignedEntry:  # items of a grant
        """Grant a visit to the `person`-th member."""
        return self.add(self.make_grant(person, **changes))

    def make_grant(self, person: int = 0, **changes: Any) -> Grant:  # items of a grant
        """Return the body of such a grant."""
        kid = MEMBER.kid(self.world.hub.keyring.signer(MEMBER).public)
        usual = Grant(self.world.event, VISIT, 0, self.world.members[person], 1, 0, kid, 0, VISIT_POINTS, 1, 7, 1)
        return replace(usual, **changes)

    def clone(self, after_seq: int) -> Booth:
        """Return a booth with the same key and the first entries: a copied or restored card."""
        return Booth(
            self.world,
            self.key,
            self.manifest,
            self.certificate,
            self.entries[:after_seq],
            min(self.cursor_seq, after_seq),
        )

    def batch(self, first_seq: int | None = None, last_seq: int | None = None) -> Batch:
        """Return a batch of entries; by default everything after the cursor."""
        first = self.cursor_seq + 1 if first_seq is None else first_seq
        run = tuple(entry.encoded for entry in self.entries[first - 1 : last_seq])
        head = write_head(self.key, self.head, None)
        return Batch(self.kiosk, head, first, self.last_receipt, run, self.certificate)

    def send(self, first_seq: int | None = None, last_seq: int | None = None) -> Receipt:
        """Send a batch and return the receipt; the cursor moves as the receipt says."""
        return self.take(self.batch(first_seq, last_seq))

    def take(self, batch: Batch) -> Receipt:
        """Send any batch and return the receipt."""
        self.last_receipt = take_batch(self.world.hub, batch)
        receipt = read_receipt(self.last_receipt, self.world.hub.keyring.verifying(RECEIPT))
        self.cursor_seq = receipt.cursor.seq
        return receipt
