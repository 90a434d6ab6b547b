"""A ledger in which everything happens that the hub knows, built through the real hub: what the audit is tried on."""

from __future__ import annotations

from typing import Any

from hub_world import SOFTWARE, VISIT, Booth, World, activities
from wire_samples import MORNING_MS, sample_key

from hub.acts import decisions
from hub.acts.accounts import end_account, lose_card, make_known
from hub.acts.decisions import record
from hub.intake.arrival import judge_again
from hub.register.enrolments import apply, decline, invite
from hub.register.manifests import assign, sign_manifest
from hub.register.reference import add_allotment, add_event, add_organisation, raise_allotment
from hub.store.database import Store, rows
from sync.certificate import Certificate, write_certificate
from sync.citytime import DAY_MS
from sync.codec import encode
from sync.enrolment import Application, mac_from_kiosk
from sync.entry import Clock, DayEnd, Grant, Opened, Stamp, Void, hash_of
from sync.envelope import ENTRY, KIOSK, seal
from sync.manifest import Share
from sync.member import with_check_digits

HELP = 2
STEP_MS = 61_000
"""The hub's clock goes on between any two things, as clocks do."""


def rich_ledger(store: Store) -> World:
    """Return a world with every verdict, every reason, every act and every kind of row."""
    world = World(store)
    _later(world)
    _reference_records(world)
    one = world.booth("受付1", total=2_000, reserve=50)
    other = _later(world).booth("受付2")
    _later(world)
    one.add(one.opened(confirmed_ms=world.now_ms))
    for person in range(5):
        one.grant(person)
    _flagged_grants(world, one)
    _send(one)
    _contested(world, one, other)
    _held_for_reasons(world, one)
    _used_up(world)
    _with_a_hole(world)
    _forked(world)
    _fenced_and_revoked(world)
    _clocked(world)
    _restored(world)
    one.add(DayEnd(12, 900, 2, 100))
    _send(one)
    return world


def _later(world: World) -> World:
    world.now_ms += STEP_MS
    return world


def _send(booth: Booth, first_seq: int | None = None, last_seq: int | None = None) -> None:
    booth.send(first_seq, last_seq)
    _later(booth.world)


def _reference_records(world: World) -> None:
    """Two organisations, allotments that were raised, lost cards, an ended account, invitations that nobody took up."""
    hub = world.hub

    def work(connection: Any) -> None:
        second = add_organisation(connection, "見本団体2", "both")
        allotment = add_allotment(connection, second, "第2の枠", 5_000, world.now_ms)
        for points in (500, 700):
            record(hub, connection, "raise allotment", f"付与枠 {allotment} に +{points}", "追加", "見本1")
            raise_allotment(connection, allotment, points, "追加", world.now_ms)
        add_event(connection, "別の催し", MORNING_MS, MORNING_MS + 3 * DAY_MS, allotment, activities())

    world.store.run(work)
    lose_card(_later(world).hub, world.members[20], 1, "落とした", "見本1")
    lose_card(_later(world).hub, world.members[21], 1, "落とした", "見本1")
    end_account(_later(world).hub, world.members[22], "本人の申し出", "見本1")
    _later(world)
    invite(hub, "まだの端末", 1, "http://127.0.0.1:1")
    declined, _ = invite(hub, "断った端末", 1, "http://127.0.0.1:1")
    decline(hub, declined)
    _, invitation = invite(hub, "答えた端末", 2, "http://127.0.0.1:1")
    key = sample_key("booth waiting")
    mac = mac_from_kiosk(invitation.code, key.public, invitation.root_key_hash)
    apply(hub, Application(key.public, SOFTWARE, mac))
    _later(world)


def _flagged_grants(world: World, booth: Booth) -> None:
    booth.grant(20)
    booth.grant(6, expiry_day=100)
    booth.grant(7, how=1, kid=None, expiry_day=None, issue=0)
    booth.grant(8, activity=HELP, occasion=1, quantity=30, points=100)
    _send(booth)
    booth.grant(8, activity=HELP, occasion=2, quantity=30, points=100)
    _send(booth)


def _contested(world: World, one: Booth, other: Booth) -> None:
    """The better of two wins though it comes later; a void gives the key back; an equal one is a duplicate."""
    one.grant(9, activity=HELP, occasion=1, quantity=30, points=100)
    voided = one.head.seq
    _send(one)
    other.grant(9, activity=HELP, occasion=1, quantity=130, points=300)
    other.grant(0)
    _send(other)
    one.add(Void(voided, "まちがい"))
    one.grant(10)
    one.add(Void(one.head.seq, "まちがい"))
    one.add(Void(1, "まちがい"))
    one.grant(9, activity=HELP, occasion=3, quantity=30, points=100)
    _send(one)
    other.add(Void(2, "やりなおし"))
    other.grant(11)
    _send(other)


def _held_for_reasons(world: World, booth: Booth) -> None:
    stranger, late = with_check_digits(123_456_789_012), with_check_digits(210_987_654_321)
    booth.grant(12, points=51)
    booth.grant(13, points=52)
    booth.grant(14, points=53)
    booth.grant(15, event=77)
    booth.grant(22)
    booth.grant(0, member=stranger)
    booth.grant(0, member=late)
    _not_understood(booth)
    _signed_badly(booth, 16)
    booth.grant(17)
    _send(booth)
    held = _held(world, booth)
    decisions.release(world.hub, booth.kiosk, [held["points", 51]], "値引きの約束があった", "見本1")
    _later(world)
    decisions.dismiss(
        world.hub, booth.kiosk, [held["points", 52], held["not understood: kind", 0]], "押しまちがい", "見本1"
    )
    _later(world)
    make_known(world.hub, late, "名簿に残っていた", "見本1")
    _later(world)
    booth.grant(18)
    _send(booth)


def _not_understood(booth: Booth) -> None:
    seq, prev = booth.head
    payload = encode((1, booth.kiosk, seq + 1, prev, "redeem", (1, 2), tuple(booth.stamp())))
    encoded = seal(ENTRY, booth.key, payload)
    booth.entries.append(booth.entries[-1]._replace(encoded=encoded, hash=hash_of(encoded)))


def _signed_badly(booth: Booth, person: int) -> None:
    booth.grant(person)
    spoilt = booth.entries[-1]
    encoded = spoilt.encoded[:-1] + bytes([spoilt.encoded[-1] ^ 1])
    booth.entries[-1] = spoilt._replace(encoded=encoded, hash=hash_of(encoded))


def _held(world: World, booth: Booth) -> dict[tuple[str, int], bytes]:
    with world.store.reading() as connection:
        found = rows(
            connection,
            "SELECT reason, points, hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held'",
            kiosk=booth.kiosk,
        )
    return {(one.reason, one.points): bytes(one.hash) for one in found}


def _used_up(world: World) -> None:
    """A share that was topped up once, and is used up again."""
    booth = world.booth("売り切れ", total=100, reserve=50)
    _later(world)
    for person in range(5):
        booth.grant(23 + person)
    _send(booth)
    decisions.top_up(world.hub, booth.kiosk, world.allotment, 60, "思ったより人が来た", "見本1")
    _later(world)


def _with_a_hole(world: World) -> None:
    """A hole that was accepted, and partly turned up later; behind it another that nobody has accepted."""
    booth = world.booth("穴のある端末")
    _later(world)
    for person in range(9):
        booth.grant(20 + person)
    _send(booth, last_seq=3)
    _send(booth, first_seq=7, last_seq=8)
    decisions.accept_hole(world.hub, booth.kiosk, 4, 6, "札が水にぬれた", "見本1")
    _later(world)
    _send(booth, first_seq=5, last_seq=5)
    _send(booth, first_seq=10)


def _forked(world: World) -> None:
    """A copied card: both branches held, one grant of them released and one dismissed."""
    booth = world.booth("写された端末")
    _later(world)
    for person in range(3):
        booth.grant(30 + person)
    clone = booth.clone(after_seq=2)
    _send(booth)
    clone.grant(33)
    clone.grant(34)
    clone.grant(35)
    _send(clone)
    held = [bytes(entry.hash) for entry in clone.entries[2:]]
    decisions.release(world.hub, booth.kiosk, held[:1], "本人が覚えていた", "見本1")
    _later(world)
    decisions.dismiss(world.hub, booth.kiosk, held[1:2], "写しの記録", "見本1")
    _later(world)
    booth.add(booth.opened())
    _send(booth)


def _clocked(world: World) -> None:
    """Samples that arrive after what they are about, a boot without any, and one whose grants missed the event."""
    booth = world.booth("時計のある端末")
    _later(world)
    booth.add(booth.opened(), booth.stamp(wall_ms=0))
    booth.add(booth.make_grant(36), booth.stamp(wall_ms=1_000))
    _send(booth)
    sample_ms = booth.stamp().monotonic_ms
    booth.add(Clock(world.now_ms, sample_ms, sample_ms + 40), booth.stamp(trust=2))
    booth.grant(37)
    _send(booth)
    booth.boot = bytes(reversed(booth.boot))
    booth.started_ms = world.now_ms + DAY_MS
    world.now_ms += DAY_MS + 60_000
    booth.add(booth.opened())
    booth.add(Clock(world.now_ms, 60_000, 60_020), Stamp(world.now_ms, booth.boot, 60_020, 2))
    world.now_ms += 10_000
    booth.grant(38)
    booth.grant(39)
    _send(booth)
    held = [entry.hash for entry in booth.entries[-1:]]
    decisions.release(world.hub, booth.kiosk, held, "片づけのあとで配った", "見本1")
    _later(world)


def _fenced_and_revoked(world: World) -> None:
    stolen = world.booth("盗まれた端末")
    _later(world)
    stolen.grant(0, activity=HELP, occasion=9, quantity=60, points=200)
    _send(stolen)
    decisions.revoke(world.hub, stolen.kiosk, "盗まれた", "見本1")
    _later(world)
    stolen.grant(1, activity=HELP, occasion=9, quantity=60, points=200)
    _send(stolen)
    stopped = world.booth("止めた端末")
    _later(world)
    stopped.grant(2, activity=HELP, occasion=9, quantity=60, points=200)
    _send(stopped)
    decisions.fence(world.hub, stopped.kiosk, "調べる", "見本1")
    _later(world)


def _restored(world: World) -> None:
    """A new instance with a longer event and manifests under it, and a kiosk that only its certificate remembers."""
    world.open_instance()
    _later(world)
    booth = world.booth("再開後の端末")

    def work(connection: Any) -> None:
        ends_ms = MORNING_MS + DAY_MS
        record(world.hub, connection, "change event", "見本まつり", "雨で延びた", "見本1")
        add_event(connection, "見本まつり", MORNING_MS, ends_ms, world.allotment, activities()[:1], world.event)
        assign(connection, booth.kiosk, 2)

    def reserves(connection: Any) -> None:
        sign_manifest(world.hub, connection, booth.kiosk, (Share(2, 300, 100),))
        world.now_ms += STEP_MS
        booth.manifest = sign_manifest(world.hub, connection, booth.kiosk, (Share(2, 300, 20),))

    world.store.run(work)
    decisions.top_up(_later(world).hub, booth.kiosk, 2, 300, "別の催しにも出る", "見本1")
    _later(world)
    world.store.run(reserves)
    for kiosk in _all_kiosks(world):
        world.store.run(lambda connection, kiosk=kiosk: judge_again(world.hub, connection, kiosk))  # type: ignore[misc]
    _later(world)
    booth.grant(3, event=2)
    booth.grant(4, event=2, activity=VISIT, occasion=5)
    _send(booth)
    key = sample_key("booth forgotten")
    certificate = write_certificate(world.hub.keyring.signer(KIOSK), Certificate(key.public, 99, 0))
    forgotten = Booth(world, key, booth.manifest, certificate)
    forgotten.add(Opened(SOFTWARE, None, None))
    forgotten.add(Grant(world.event, VISIT, 0, world.members[5], 1, 0, b"kid1", 0, 50, 1, 7, 1))
    _send(forgotten)


def _all_kiosks(world: World) -> list[bytes]:
    with world.store.reading() as connection:
        return [bytes(one.kiosk) for one in rows(connection, "SELECT kiosk FROM kiosk ORDER BY kiosk")]
