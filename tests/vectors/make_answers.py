"""The vectors of tests/vectors/answers.json: receipts, key lists, certificates and manifests, all signed by the hub."""

from __future__ import annotations

from typing import Any

import cbor2
from wire_samples import (
    CERTIFYING_KEY,
    EVENING_MS,
    INSTANCE,
    KIOSK_ID,
    KIOSK_KEY,
    MANIFEST_KEY,
    MEMBER_KEY,
    MORNING_MS,
    RECEIPT_KEY,
    RESTORED_INSTANCE,
    ROOT_KEY,
    manifest,
    member,
    online_keys,
    sample_key,
)

from sync.certificate import Certificate, write_certificate
from sync.envelope import KEYS, KIOSK, MANIFEST, RECEIPT
from sync.head import Head
from sync.keys import KeyList, KeyState, OnlineKey, write_key_list
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share, Slot, write_manifest
from sync.receipt import Receipt, Status, write_receipt
from sync.rules import Fixed
from tests.vectors.crafting import Vector, aad_of, by_hand, by_pycose, flipped, good, malleable, refused, signed_content
from tests.vectors.make_envelopes import IDENTITY

LIFE = list(INSTANCE)
HEAD = [30, bytes(range(32))]
CURSOR = [28, bytes(range(32, 64))]
QUESTION = b"question"
RECEIPT_PLAIN = [1, KIOSK_ID, LIFE, 5, "ok", QUESTION, HEAD, CURSOR, [], None, 20, EVENING_MS, None, 30, 500, 2, 1]
KEYS_PLAIN = [1, 4, "", [["receipt", RECEIPT_KEY.public, 1]], [LIFE]]
CERTIFICATE_PLAIN = [1, KIOSK_KEY.public, 12, 0]
ACTIVITY = [1, "お手伝い", ["fixed", 10], 1, 1]
EVENT = [7, "まつり", MORNING_MS, EVENING_MS, 3, [ACTIVITY]]
MANIFEST_PLAIN = [1, KIOSK_ID, LIFE, 2, MORNING_MS, [EVENT], [[3, 1_000, 100]], [[member(99), 1]], [], []]


def vectors() -> list[Vector]:
    """Return all of them."""
    return [*_receipts(), *_key_lists(), *_certificates(), *_manifests()]


def _receipts() -> list[Vector]:
    head, cursor = Head(*HEAD), Head(*CURSOR)  # type: ignore[arg-type]  # plain lists, as the oracle wants them
    plain = Receipt(KIOSK_ID, INSTANCE, 5, Status.OK, QUESTION, head, cursor, (), None, 20, EVENING_MS, 30, 500, 2, 1)
    full = plain._replace(
        status=Status.REVOKED,
        beyond=tuple((40 + 3 * run, 41 + 3 * run) for run in range(16)),
        refused=(29, "signature"),
        checkpoint=b"reserved",
    )

    def pycose(sentence: str, value: Receipt, **changes: object) -> Vector:
        return good(
            sentence, "receipt", "pycose", by_pycose(RECEIPT, RECEIPT_KEY, _with(RECEIPT_PLAIN, changes)), value
        )

    def wrong(sentence: str, reason: str, **changes: object) -> Vector:
        return refused(sentence, "receipt", signed_content(RECEIPT, RECEIPT_KEY, _with(RECEIPT_PLAIN, changes)), reason)

    encoded = signed_content(RECEIPT, RECEIPT_KEY, RECEIPT_PLAIN)
    return [
        pycose("a receipt", plain),
        good("a receipt with everything in it", "receipt", "kumapo", write_receipt(RECEIPT_KEY, full), full),
        pycose("a receipt that fences", plain._replace(status=Status.FENCED), at_4="fenced"),
        pycose(
            "a receipt of a hub that does not know the kiosk", plain._replace(status=Status.UNKNOWN), at_4="unknown"
        ),
        pycose("a receipt for a file", plain._replace(question=None), at_5=None),
        pycose(
            "a receipt for a journal without its key", plain._replace(question=None, head=None), at_5=None, at_6=None
        ),
        wrong("a receipt with a question of seven bytes", "value", at_5=bytes(7)),
        wrong("a receipt with a status nobody knows", "value", at_4="fine"),
        wrong("a receipt with a status in numbers", "type", at_4=0),
        wrong("a receipt of an unknown version", "version", at_0=2),
        wrong("a receipt with true for its number", "type", at_3=True),
        wrong("a receipt with a float for its number", "type", at_3=5.0),
        wrong("a receipt with a negative pace", "type", at_13=-1),
        wrong("a receipt with 17 runs beyond", "value", at_8=[[40 + 3 * run, 40 + 3 * run] for run in range(17)]),
        wrong("a receipt with a run that ends before it begins", "value", at_8=[[41, 40]]),
        wrong("a receipt with runs that overlap", "value", at_8=[[40, 42], [42, 43]]),
        wrong("a receipt with runs out of order", "value", at_8=[[50, 51], [40, 41]]),
        wrong("a receipt with a cursor hash of 31 bytes", "value", at_7=[28, bytes(31)]),
        wrong("a receipt with an instance mark of 4 bytes", "value", at_2=[1, bytes(4)]),
        wrong("a receipt with a refusal of three items", "type", at_9=[29, "signature", 1]),
        wrong("a receipt from the year 9999", "value", at_11=253_370_764_800_000),
        wrong("a receipt of more than 2,048 bytes", "length", at_12=bytes(2_000)),
        refused(
            "a receipt with an item less", "receipt", signed_content(RECEIPT, RECEIPT_KEY, RECEIPT_PLAIN[:-1]), "type"
        ),
        refused("a receipt with a bit flipped in the cursor", "receipt", flipped(encoded, -90), "signature"),
        refused("a receipt with S and the group's order", "receipt", malleable(encoded), "signature"),
        refused(
            "a receipt by a key nobody knows",
            "receipt",
            signed_content(RECEIPT, sample_key("forger"), RECEIPT_PLAIN),
            "kid",
        ),
        refused(
            "a receipt by the manifest key", "receipt", signed_content(RECEIPT, MANIFEST_KEY, RECEIPT_PLAIN), "kid"
        ),
        refused(
            "a receipt signed as a manifest",
            "receipt",
            by_hand(RECEIPT, RECEIPT_KEY, cbor2.dumps(RECEIPT_PLAIN), aad=aad_of(MANIFEST)),
            "signature",
        ),
        refused("a receipt that nobody signed", "receipt", cbor2.dumps(RECEIPT_PLAIN), "envelope"),
    ]


def _key_lists() -> list[Vector]:
    ours = KeyList(9, "demo", online_keys(), (INSTANCE, RESTORED_INSTANCE))
    key = OnlineKey("receipt", RECEIPT_KEY.public, KeyState.CURRENT)
    plain = KeyList(4, "", (key,), (INSTANCE,))
    later = [["closing", RECEIPT_KEY.public, 1], ["receipt", RECEIPT_KEY.public, 1]]
    understood = plain._replace(keys=(OnlineKey("closing", RECEIPT_KEY.public, KeyState.CURRENT), key))

    def pycose(sentence: str, value: KeyList, **changes: object) -> Vector:
        return good(sentence, "key list", "pycose", by_pycose(KEYS, ROOT_KEY, _with(KEYS_PLAIN, changes)), value)

    def wrong(sentence: str, reason: str, **changes: object) -> Vector:
        return refused(sentence, "key list", signed_content(KEYS, ROOT_KEY, _with(KEYS_PLAIN, changes)), reason)

    entry = ["receipt", RECEIPT_KEY.public]
    return [
        good("a key list", "key list", "kumapo", write_key_list(ROOT_KEY, ours), ours),
        pycose("a key list by pycose", plain),
        pycose("an empty key list", plain._replace(keys=(), instances=()), at_3=[], at_4=[]),
        pycose("a key list with a key for a later purpose", understood, at_3=later),
        wrong("a key list with the same kid twice", "value", at_3=[[*entry, 1], [*entry, 2]]),
        wrong("a key list with a small-order key", "value", at_3=[["receipt", IDENTITY, 1]]),
        wrong("a key list with bytes that are no key", "value", at_3=[["receipt", b"\x02" + bytes(31), 1]]),
        wrong("a key list with a key of 31 bytes", "value", at_3=[["receipt", bytes(31), 1]]),
        wrong("a key list with an unknown state", "value", at_3=[[*entry, 4]]),
        wrong("a key list with true for a state", "type", at_3=[[*entry, True]]),
        wrong("a key list of an unknown version", "version", at_0=0),
        wrong("a key list nested too deep", "encoding", at_4=[[[[1]], bytes(8)]]),
        refused(
            "a key list by another root key",
            "key list",
            signed_content(KEYS, sample_key("another root"), KEYS_PLAIN),
            "kid",
        ),
        refused("a key list by an online key under the root's kid", "key list", _under_the_roots_kid(), "signature"),
        refused(
            "a key list with trailing bytes",
            "key list",
            signed_content(KEYS, ROOT_KEY, KEYS_PLAIN) + b"\x00",
            "envelope",
        ),
    ]


def _under_the_roots_kid() -> bytes:
    protected = cbor2.dumps({1: -8, 4: KEYS.kid(ROOT_KEY.public)})
    return by_hand(KEYS, MEMBER_KEY, cbor2.dumps(KEYS_PLAIN), protected=protected)


def _certificates() -> list[Vector]:
    value = Certificate(KIOSK_KEY.public, 12, 0)

    def wrong(sentence: str, reason: str, **changes: object) -> Vector:
        content = _with(CERTIFICATE_PLAIN, changes)
        return refused(sentence, "certificate", signed_content(KIOSK, CERTIFYING_KEY, content), reason)

    return [
        good("a certificate", "certificate", "kumapo", write_certificate(CERTIFYING_KEY, value), value),
        good(
            "a certificate by pycose",
            "certificate",
            "pycose",
            by_pycose(KIOSK, CERTIFYING_KEY, CERTIFICATE_PLAIN),
            value,
        ),
        wrong("a certificate for a small-order key", "value", at_1=IDENTITY),
        wrong("a certificate for a key of 33 bytes", "value", at_1=KIOSK_KEY.public + b"\x00"),
        wrong("a certificate with true for its number", "type", at_2=True),
        wrong("a certificate until a day too high", "value", at_3=65_536),
        wrong("a certificate of an unknown version", "version", at_0=2),
        refused(
            "a certificate the kiosk signed itself",
            "certificate",
            signed_content(KIOSK, KIOSK_KEY, CERTIFICATE_PLAIN),
            "kid",
        ),
        refused(
            "a certificate with a bit flipped in the key",
            "certificate",
            flipped(write_certificate(CERTIFYING_KEY, value), 30),
            "signature",
        ),
    ]


def _manifests() -> list[Vector]:
    ours = manifest()
    helping = Activity(1, "お手伝い", Fixed(10), OccasionBy.DAY, 1)
    event = Event(7, "まつり", MORNING_MS, EVENING_MS, 3, (helping,))
    lost = ((member(99), 1),)
    plain = Manifest(KIOSK_ID, INSTANCE, 2, MORNING_MS, (event,), (Share(3, 1_000, 100),), lost)
    empty = plain._replace(events=(), shares=(), lost_cards=())

    def pycose(sentence: str, value: Manifest, **changes: object) -> Vector:
        encoded = by_pycose(MANIFEST, MANIFEST_KEY, _with(MANIFEST_PLAIN, changes))
        return good(sentence, "manifest", "pycose", encoded, value)

    def wrong(sentence: str, reason: str, **changes: object) -> Vector:
        content = _with(MANIFEST_PLAIN, changes)
        return refused(sentence, "manifest", signed_content(MANIFEST, MANIFEST_KEY, content), reason)

    def with_event(**changes: object) -> list[Any]:
        return [_with(EVENT, changes)]

    def with_rule(rule: object) -> list[Any]:
        return with_event(at_5=[_with(ACTIVITY, {"at_2": rule})])

    def with_occasion(occasion: object) -> list[Any]:
        return with_event(at_5=[_with(ACTIVITY, {"at_3": occasion})])

    def in_slots(*slots: Slot) -> Manifest:
        activity = helping._replace(occasion_by=OccasionBy.SLOT, slots=slots)
        return plain._replace(events=(event._replace(activities=(activity,)),))

    hours = ["by_hours", [[30, 5], [60, 10]]]
    morning, evening = [1, "午前"], [3, "午後"]
    fifty = tuple(Slot(number, str(number)) for number in range(1, 51))
    fifty_one = [[number, str(number)] for number in range(1, 52)]
    return [
        good("a manifest", "manifest", "kumapo", write_manifest(MANIFEST_KEY, ours), ours),
        pycose("a manifest by pycose", plain),
        pycose("a manifest with nothing in it", empty, at_5=[], at_6=[], at_7=[]),
        wrong("a manifest of an unknown version", "version", at_0=2),
        wrong("a manifest with an unknown rule", "value", at_5=with_rule(["by_weight", 10])),
        wrong("a manifest with a rule that gives nothing", "value", at_5=with_rule(["fixed", 0])),
        wrong("a manifest with a rule with a float", "type", at_5=with_rule(["fixed", 10.0])),
        wrong("a manifest with hours out of order", "value", at_5=with_rule([hours[0], [[60, 10], [30, 5]]])),
        wrong("a manifest with no hours", "value", at_5=with_rule(["by_hours", []])),
        wrong("a manifest with event 0", "value", at_5=with_event(at_0=0)),
        wrong("a manifest with an event that ends before it starts", "value", at_5=with_event(at_3=MORNING_MS - 1)),
        pycose(
            "a manifest with slots",
            in_slots(Slot(1, "午前"), Slot(3, "午後")),
            at_5=with_occasion([2, [morning, evening]]),
        ),
        good(
            "a manifest with 50 slots",
            "manifest",
            "kumapo",
            write_manifest(MANIFEST_KEY, in_slots(*fifty)),
            in_slots(*fifty),
        ),
        wrong("a manifest with an unknown sort of occasion", "value", at_5=with_occasion(3)),
        wrong("a manifest that goes by slots and has none", "value", at_5=with_occasion([2, []])),
        wrong("a manifest that goes by slots and leaves them out", "value", at_5=with_occasion(2)),
        wrong("a manifest with slots for once", "value", at_5=with_occasion([0, [morning]])),
        wrong("a manifest with slots for once a day", "value", at_5=with_occasion([1, [morning]])),
        wrong("a manifest with no slots for once a day", "value", at_5=with_occasion([1, []])),
        wrong("a manifest with slots out of order", "value", at_5=with_occasion([2, [evening, morning]])),
        wrong("a manifest with one slot twice", "value", at_5=with_occasion([2, [morning, morning]])),
        wrong("a manifest with slot 0", "value", at_5=with_occasion([2, [[0, "午前"]]])),
        wrong("a manifest with slot 2^31", "value", at_5=with_occasion([2, [[2**31, "午前"]]])),
        wrong("a manifest with 51 slots", "value", at_5=with_occasion([2, fifty_one])),
        wrong("a manifest with true for a slot", "type", at_5=with_occasion([2, [[True, "午前"]]])),
        wrong("a manifest with a slot without a name", "type", at_5=with_occasion([2, [[1]]])),
        wrong("a manifest with an occasion of three items", "type", at_5=with_occasion([2, [morning], 0])),
        wrong("a manifest with true for a share", "type", at_6=[[3, True, 0]]),
        wrong("a manifest with a lost card of three items", "type", at_7=[[1, 1, 1]]),
        wrong("a manifest nested too deep", "encoding", at_9=[[[[[[[[[1]]]]]]]]]),
        refused(
            "a manifest by the receipt key", "manifest", signed_content(MANIFEST, RECEIPT_KEY, MANIFEST_PLAIN), "kid"
        ),
        refused(
            "a manifest with a bit flipped in the share",
            "manifest",
            flipped(write_manifest(MANIFEST_KEY, ours), 120),
            "signature",
        ),
        refused("a manifest cut short", "manifest", write_manifest(MANIFEST_KEY, ours)[:-20], "envelope"),
    ]


def _with(plain: list[Any], changes: dict[str, object]) -> list[Any]:
    """Return the list with other items at some places: at_4="fenced" puts that in the fifth."""
    changed = list(plain)
    for place, item in changes.items():
        changed[int(place.removeprefix("at_"))] = item
    return changed
