"""The vectors of tests/vectors/tokens.json: what a member's code may hold."""

from __future__ import annotations

import cbor2
from wire_samples import (
    MEMBER_KEY,
    MORNING_MS,
    RETIRED_MEMBER_KEY,
    WITHDRAWN_MEMBER_KEY,
    member,
    sample_key,
)

from sync import base45
from sync.citytime import city_day
from sync.envelope import MEMBER, RECEIPT, SigningKey
from sync.token import Token, write_token
from tests.vectors.crafting import (
    Vector,
    aad_of,
    by_hand,
    by_pycose,
    exchanged,
    flipped,
    good,
    kid_of,
    malleable,
    refused,
    signed_content,
)

TODAY = city_day(MORNING_MS)
ONE = member(1)
CONTENT = [1, ONE, 1, 0]
ENVELOPE = signed_content(MEMBER, MEMBER_KEY, CONTENT)


def text(envelope: bytes) -> str:
    """Return what the QR code holds."""
    return "KP1:" + base45.encode(envelope)


def vectors() -> list[Vector]:
    """Return all of them."""
    return [*_standings(), *_wrong_envelopes(), *_wrong_payloads(), *_wrong_texts()]


def _standings() -> list[Vector]:
    return [
        _ours("a member token", ONE, 1),
        _pycose("the second card of a member", [1, ONE, 2, 0]),
        _pycose("a member number with leading zeros", [1, 195, 1, 0]),
        _pycose("a token of a retired key still verifies", [1, member(2), 1, 0], key=RETIRED_MEMBER_KEY),
        _ours("a token on its last day", ONE, 1, TODAY, trusted_day=TODAY),
        _pycose(
            "a token past its last day by the hub's clock",
            [1, ONE, 1, TODAY - 1],
            trusted_day=TODAY,
            standing="expired",
        ),
        _ours("a token past its last day, but no clock to tell by", ONE, 1, TODAY - 1),
        _ours("a token whose issue is lost", ONE, 1, lost_cards=[[ONE, 1]], standing="lost"),
        _pycose("the card after the lost one", [1, ONE, 2, 0], lost_cards=[[ONE, 1]]),
        _pycose("a card while somebody else's is lost", CONTENT, lost_cards=[[member(2), 1]]),
        _ours("a lost card past its last day", ONE, 1, 1, trusted_day=TODAY, lost_cards=[[ONE, 1]], standing="lost"),
        _ours("the longest token", member(3), 65_535, 65_535),
    ]


def _wrong_envelopes() -> list[Vector]:
    other = kid_of(MEMBER, RETIRED_MEMBER_KEY)
    own = kid_of(MEMBER, MEMBER_KEY)
    return [
        _refused("a token of a withdrawn key", signed_content(MEMBER, WITHDRAWN_MEMBER_KEY, CONTENT), "kid"),
        _refused("a token of a key nobody knows", signed_content(MEMBER, sample_key("forger"), CONTENT), "kid"),
        _refused("a token that names another good key", exchanged(ENVELOPE, own, other), "signature"),
        _refused(
            "a token signed for another purpose",
            by_hand(MEMBER, MEMBER_KEY, cbor2.dumps(CONTENT), aad=aad_of(RECEIPT)),
            "signature",
        ),
        _refused(
            "a token signed for no purpose", by_hand(MEMBER, MEMBER_KEY, cbor2.dumps(CONTENT), aad=b""), "signature"
        ),
        _refused("a token with a bit flipped in the member", flipped(ENVELOPE, 20), "signature"),
        _refused("a token with a bit flipped in the signature", flipped(ENVELOPE, -1), "signature"),
        _refused("a token with a bit flipped in the kid", flipped(ENVELOPE, 7), "kid"),
        _refused("a token with a bit flipped in the header", flipped(ENVELOPE, 4), "envelope"),
        _refused("a token with S and the group's order", malleable(ENVELOPE), "signature"),
        _refused(
            "a token with an altered unprotected header",
            exchanged(ENVELOPE, own + b"\xa0", own + b"\xa1\x04\x44" + own),
            "envelope",
        ),
        _refused("a token with trailing bytes", ENVELOPE + b"\x00", "envelope"),
        _refused("a token cut short", ENVELOPE[:-1], "envelope"),
    ]


def _wrong_payloads() -> list[Vector]:
    def with_content(*content: object) -> bytes:
        return signed_content(MEMBER, MEMBER_KEY, list(content))

    def with_payload(payload: bytes) -> bytes:
        return by_hand(MEMBER, MEMBER_KEY, payload)

    plain = cbor2.dumps(CONTENT)
    return [
        _refused("a token with a float for the issue", with_content(1, ONE, 1.0, 0), "type"),
        _refused("a token with a short float for the issue", with_payload(plain[:-2] + b"\xf9\x3c\x00\x00"), "type"),
        _refused("a token with true for the issue", with_content(1, ONE, True, 0), "type"),
        _refused("a token with a text for the issue", with_content(1, ONE, "1", 0), "type"),
        _refused("a token with a longer form of a number", with_payload(plain[:-2] + b"\x18\x01\x00"), "encoding"),
        _refused("a token with trailing bytes in the payload", with_payload(plain + b"\x00"), "encoding"),
        _refused("a token with no payload", with_payload(b""), "encoding"),
        _refused("a token of an unknown version", with_content(2, ONE, 1, 0), "version"),
        _refused("a token with an item more", with_content(1, ONE, 1, 0, 0), "type"),
        _refused("a token that is a map", with_payload(cbor2.dumps({1: ONE})), "type"),
        _refused("a token of a member whose check digits are off", with_content(1, ONE + 1, 1, 0), "value"),
        _refused("a token of a member with other check digits mod 97", with_content(1, 1, 1, 0), "value"),
        _refused("a token of a member with fifteen digits", with_content(1, ONE + 97 * 10**14, 1, 0), "value"),
        _refused("a token of issue 0", with_content(1, ONE, 0, 0), "value"),
        _refused("a token of an issue too high", with_content(1, ONE, 65_536, 0), "value"),
        _refused("a token with a negative day", with_content(1, ONE, 1, -1), "type"),
    ]


def _wrong_texts() -> list[Vector]:
    plain = text(ENVELOPE)
    return [
        refused("a token of more than 154 characters", "token", plain + "0" * (155 - len(plain)), "length"),
        refused("a token for phones", "token", plain.replace("KP1:", "KP2:"), "prefix"),
        refused("an address in the web", "token", "HTTPS://WWW.EXAMPLE.JP/", "prefix"),
        refused("a token in small letters", "token", "KP1:" + plain[4:].lower(), "base45"),
        refused("a token with a group of one character", "token", plain[: 4 + 3 * 40] + "0", "base45"),
        refused("a token with a group above 65,535", "token", "KP1::::" + plain[7:], "base45"),
        refused("a token with nothing in it", "token", "KP1:", "envelope"),
    ]


def _ours(sentence: str, number: int, issue: int, expiry: int = 0, **circumstances: object) -> Vector:
    value = Token(number, issue, expiry, kid_of(MEMBER, MEMBER_KEY))
    return _good(sentence, "kumapo", write_token(MEMBER_KEY, number, issue, expiry), value, circumstances)


def _pycose(sentence: str, content: list[int], *, key: SigningKey = MEMBER_KEY, **circumstances: object) -> Vector:
    value = Token(content[1], content[2], content[3], kid_of(MEMBER, key))
    return _good(sentence, "pycose", text(by_pycose(MEMBER, key, content)), value, circumstances)


def _good(sentence: str, made_by: str, encoded: str, value: Token, circumstances: dict[str, object]) -> Vector:
    """`trusted_day` is the city's day by a clock the hub has set, or null; `lost_cards` are [member, issue]."""
    usual: dict[str, object] = {"trusted_day": None, "lost_cards": [], "standing": "good"}
    return good(sentence, "token", made_by, encoded, value, **usual | circumstances)


def _refused(sentence: str, envelope: bytes, reason: str) -> Vector:
    return refused(sentence, "token", text(envelope), reason)
