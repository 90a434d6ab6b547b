"""docs/wire.cddl says what the code does: the same words, purposes, kinds and limits, and rules the vectors fit."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any, Final

import cbor2
import pytest
from cddl import Document

from sync import base45, batch, codec, entry, envelope, manifest, member, receipt, rules, token
from sync.entry import KIND_OF
from sync.envelope import Purpose
from sync.keys import KeyState
from sync.receipt import Status

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "docs/wire.cddl").read_text(encoding="utf-8")
DOCUMENT: Final = Document(TEXT)
RULES: Final = {
    "token": "member-token",
    "key list": "key-list",
    "head": "signed-head",
    **{name: name for name in ("entry", "receipt", "manifest", "certificate", "request")},
    **{name: name for name in ("batch", "invitation", "application", "welcome")},
}


def words_of(rule: str) -> set[str]:
    """The texts a rule of the document chooses from."""
    found = re.search(rf"^{rule} = (.*?)(?:\n\n|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return set(re.findall(r'"([^"]*)"', re.sub(r";.*", "", found[1])))


def reasons_raised(*folders: str) -> set[str]:
    """Every word given to WireError in the code."""
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for folder in folders for path in (ROOT / folder).rglob("*.py")
    ]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    raised = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "WireError"]
    assert all(isinstance(word, ast.Constant) for word in raised)
    return {word.value for word in raised if isinstance(word, ast.Constant) and isinstance(word.value, str)}


def vectors() -> list[Any]:
    """All committed vectors that stand for one rule of the document."""
    paths = sorted((ROOT / "tests/vectors").glob("*.json"))
    read = [each for path in paths if path.name != "keys.json" for each in json.loads(path.read_text(encoding="utf-8"))]
    return [each for each in read if each["reads_as"] in RULES and "zeros" not in each]


def bytes_of(vector: dict[str, Any]) -> bytes:
    """The CBOR in a vector; where it is a text, behind prefix and Base45."""
    return base45.decode(vector["text"].split(":", 1)[1]) if "text" in vector else bytes.fromhex(vector["hex"])


def some(*reasons: str | None) -> list[Any]:
    """Those of the vectors that are refused (or held) for one of the reasons; None: that are good."""
    return [pytest.param(each, id=each["id"]) for each in vectors() if each.get("reason") in reasons]


def test_every_word_of_refusal_is_in_the_document_and_none_is_idle() -> None:
    raised = reasons_raised("sync", "hub", "kiosk")

    assert words_of("refusal") == raised


def test_the_wire_itself_raises_all_but_the_hubs_word() -> None:
    raised = reasons_raised("sync")

    assert words_of("refusal") - raised == {"order"}


def test_every_purpose_is_named_in_the_document() -> None:
    purposes = [value for value in vars(envelope).values() if isinstance(value, Purpose)]

    rows = {row[0]: row[1] for row in re.findall(r"^;   kumapo/(\w+)/1 .* ([48]) bytes  [\w-]+$", TEXT, re.MULTILINE)}

    assert rows == {purpose.name: str(purpose.kid_length) for purpose in purposes}


def test_every_reserved_purpose_is_still_free() -> None:
    reserved = set(re.findall(r"^;   kumapo/(\w+)/1 +reserved$", TEXT, re.MULTILINE))

    taken = {value.name for value in vars(envelope).values() if isinstance(value, Purpose)}

    assert reserved == {"phone", "step", "code", "closing", "checkpoint"}
    assert not reserved & taken


def test_every_kind_status_and_prefix_is_in_the_document() -> None:
    kinds = words_of("entry-body")

    assert kinds == set(KIND_OF.values())
    assert words_of("status") == {status.value for status in Status}
    assert f'"{token.PREFIX}"' in TEXT


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        ("count", codec.INTEGER_LIMIT),
        ("moment", codec.MOMENT_LIMIT),
        ("monotonic", codec.MONOTONIC_LIMIT),
        ("day", token.DAY_LIMIT),
        ("issue", token.ISSUE_LIMIT),
        ("id", manifest.ID_LIMIT),
        ("member-number", member.NUMBER_LIMIT),
        ("points", rules.POINTS_LIMIT),
        ("quantity", rules.QUANTITY_LIMIT),
    ],
)
def test_a_number_has_the_same_limit_in_document_and_code(rule: str, limit: int) -> None:
    below, at = DOCUMENT.fits(rule, limit - 1), DOCUMENT.fits(rule, limit)

    assert (below, at) == (True, False)


@pytest.mark.parametrize(
    "sentence",
    [
        f"together at most {token.LENGTH_LIMIT} characters",
        f"At most {entry.LENGTH_LIMIT:,} bytes, depth at most {entry.DEPTH_LIMIT}.",
        f"At most {receipt.LENGTH_LIMIT:,} bytes.",
        f"At most {batch.LENGTH_LIMIT // 2**20} MiB.",
        f"[*{batch.ENTRIES_LIMIT} bytes]",
        f"slots = [1*{manifest.SLOTS_LIMIT} [",
        f"[*{receipt.BEYOND_LIMIT} [first",
        batch.CONTENT_TYPE,
    ],
)
def test_a_length_in_the_document_is_the_codes(sentence: str) -> None:
    assert sentence in TEXT


def test_every_state_of_a_key_is_in_the_document() -> None:
    assert {state for state in range(10) if DOCUMENT.fits("key-state", state)} == set(KeyState)


@pytest.mark.parametrize("vector", some(None))
def test_a_good_vector_fits_its_rule(vector: dict[str, Any]) -> None:
    value = cbor2.loads(bytes_of(vector))

    assert DOCUMENT.fits(RULES[vector["reads_as"]], value)


@pytest.mark.parametrize("vector", some("type", "version", "kind"))
def test_a_vector_with_a_wrong_type_version_or_kind_does_not_fit(vector: dict[str, Any]) -> None:
    value = cbor2.loads(bytes_of(vector))

    assert not DOCUMENT.fits(RULES[vector["reads_as"]], value)


def test_what_the_rules_let_pass_is_what_their_comments_forbid() -> None:
    passing = {
        vector["id"]
        for vector in (case.values[0] for case in some("value"))
        if DOCUMENT.fits(RULES[vector["reads_as"]], cbor2.loads(bytes_of(vector)))
    }

    assert passing == {
        "a certificate for a small-order key",
        "a clock that ran backwards",
        "a key list with a small-order key",
        "a key list with bytes that are no key",
        "a key list with the same kid twice",
        "a manifest with an event that ends before it starts",
        "a manifest with hours out of order",
        "a manifest with one slot twice",
        "a manifest with slots out of order",
        "a receipt with a run that ends before it begins",
        "a receipt with runs out of order",
        "a receipt with runs that overlap",
        "a request with a method too long",
        "a token of a member whose check digits are off",
        "a token of a member with other check digits mod 97",
        "a void with a reason of 201 characters",
        "an application with a small-order key",
        "an invitation with an address too long",
    }
