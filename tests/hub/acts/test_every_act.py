"""What holds of every act there is: its form does it once, its reason is asked for, its row says what it was, and a
preview keeps nothing. Each is tried in a scene of its own; one without a scene is found.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from act_samples import SCENES, scene
from hub_invariants import broken_invariants
from hub_world import CLERK, World

from hub.acts.catalogue import all_acts
from hub.acts.doing import Person, is_number_for, kind_of, new_number, perform, preview
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.keys.keyring import Keyring
from hub.store.append_only import POSTED_TABLES
from hub.store.database import Store, row, rows
from sync.envelope import Purpose, SigningKey

KINDS = sorted(SCENES)


@pytest.fixture
def world(sqlite: Store) -> World:
    return World(sqlite)


def everything(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """Return all that is written down, of every table."""
    tables = (*POSTED_TABLES, "aside", "placed", "flag", "account", "member_balance", "kiosk_count", "enrolment")
    with world.store.reading() as connection:
        return {
            table: sorted(
                (tuple(bytes(part) if isinstance(part, memoryview) else part for part in one) for one in found),
                key=repr,
            )
            for table in (*tables, "to_judge", "hub_state")
            for found in [rows(connection, f"SELECT * FROM {table}")]
        }


def test_every_act_has_a_scene_and_every_counter_act_is_one() -> None:
    acts = all_acts()

    counters = {one.counter for one in acts.values()} - {""}

    assert acts.keys() == SCENES.keys()
    assert counters <= acts.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_form_twice_does_it_once_and_tells_what_it_made(store: Store, kind: str) -> None:
    world = World(store)
    told = scene(world, kind)
    number = new_number(world.hub, CLERK, kind)
    first = perform(world.hub, CLERK, number, "見本の理由", told.act, *told.arguments)
    once = everything(world)

    second = perform(world.hub, CLERK, number, "見本の理由", told.act, *told.arguments)

    assert (first.was_done_before, second.was_done_before) == (False, True)
    assert (second.act, second.made) == (first.act, first.made)
    assert everything(world) == once
    assert broken_invariants(world) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "trust clock"])
def test_another_content_under_a_used_number_is_refused(world: World, kind: str) -> None:
    told = scene(world, kind)
    number = new_number(world.hub, CLERK, kind)
    perform(world.hub, CLERK, number, "見本の理由", told.act, *told.arguments)
    once = everything(world)

    with pytest.raises(ActRefused) as refused:
        perform(world.hub, CLERK, number, "見本の理由", told.act, *told.differently)

    assert told.differently != told.arguments
    assert refused.value.refusal is Refusal.FORM_USED
    assert everything(world) == once


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_reason_nothing_is_done(world: World, kind: str) -> None:
    told = scene(world, kind)
    before = everything(world)

    with pytest.raises(ActRefused) as refused:
        world.do(told.act, *told.arguments, reason="  ")

    assert refused.value.refusal is Refusal.NO_REASON
    assert everything(world) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_tells_what_the_act_then_moves_and_keeps_nothing(world: World, kind: str) -> None:
    told = scene(world, kind)
    before = everything(world)

    foretold = preview(world.hub, CLERK, "", told.act, *told.arguments)
    kept = everything(world)
    done = world.do(told.act, *told.arguments)

    assert kept == before
    assert (foretold.taken, foretold.given, dict(foretold.net)) == (done.moved.taken, done.moved.given, done.moved.net)


@pytest.mark.parametrize("kind", KINDS)
def test_the_row_of_an_act_says_who_did_what_to_whom_and_why(world: World, kind: str) -> None:
    told = scene(world, kind)

    done = world.do(told.act, *told.arguments, reason=" 見本の理由 ")

    with world.store.reading() as connection:
        found = row(connection, "SELECT * FROM act WHERE act = :act", act=done.act)
    assert (found.kind, found.done_by, found.role, found.reason) == (kind, "見本1", "clerk", "見本の理由")
    assert found.done_ms == world.now_ms
    named = {name: getattr(found, name) for name in ("kiosk", "event", "member", "organisation", "allotment")}
    parts = {bytes(part) if isinstance(part, memoryview) else part for part in named.values()} - {None}
    assert parts <= {*told.arguments, done.made}


@pytest.mark.parametrize("kind", KINDS)
def test_every_record_that_an_act_leaves_names_it(world: World, kind: str) -> None:
    told = scene(world, kind)
    before = everything(world)

    done = world.do(told.act, *told.arguments)

    after = everything(world)
    with world.store.reading() as connection:
        columns = {table: sa.inspect(connection).get_columns(table) for table in POSTED_TABLES}
    with_act = [table for table, found in columns.items() if any(one["name"] == "act" for one in found)]
    added = {table: [one for one in after[table] if one not in before[table]] for table in with_act}
    assert [one for found in added.values() for one in found if done.act not in one] == []
    assert len(added["act"]) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_audit_has_nothing_to_say_of_any_act(world: World, kind: str) -> None:
    told = scene(world, kind)
    world.now_ms += 1_000

    world.do(told.act, *told.arguments)

    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []


@pytest.mark.parametrize(
    "kind", ["approve kiosk", "assign event", "remove event", "renew settings", "top up", "lower share"]
)
def test_nothing_is_signed_in_a_preview(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = scene(world, kind)
    signed: list[str] = []
    signer = Keyring.signer

    def seen(keyring: Keyring, purpose: Purpose) -> SigningKey:
        signed.append(purpose.name)
        return signer(keyring, purpose)

    monkeypatch.setattr(Keyring, "signer", seen)
    preview(world.hub, CLERK, "", told.act, *told.arguments)
    in_preview = list(signed)
    world.do(told.act, *told.arguments)

    assert in_preview == []
    assert "manifest" in signed


def test_a_form_number_is_bound_to_its_person_its_act_and_its_subject(sqlite: Store) -> None:
    hub = World(sqlite).hub
    number = new_number(hub, CLERK, "top up", "a1")

    assert is_number_for(hub, number, CLERK, "top up", "a1")
    assert not is_number_for(hub, number, Person("見本2"), "top up", "a1")
    assert not is_number_for(hub, number, CLERK, "lower share", "a1")
    assert not is_number_for(hub, number, CLERK, "top up", "a2")
    assert not is_number_for(hub, number[:-1] + bytes([number[-1] ^ 1]), CLERK, "top up", "a1")
    assert not is_number_for(hub, b"", CLERK, "top up", "a1")


def test_two_form_numbers_for_the_same_are_two(sqlite: Store) -> None:
    hub = World(sqlite).hub

    numbers = {new_number(hub, CLERK, "top up", "a1") for _ in range(50)}

    assert len(numbers) == 50


def test_every_refusal_says_in_japanese_and_english_what_is_in_the_way() -> None:
    told = {
        one: str(ActRefused(one, what="見本", allotment="見本の枠")) for one in Refusal if one is not Refusal.NOT_SIGNED
    }

    one_sided = [one for one, text in told.items() if not re.search(r"[ぁ-ん].* / [a-z]", text)]

    assert one_sided == []
    assert not [text for text in told.values() if re.search(r"epoch|fork|verdict|token|chain", text)]


def test_the_kind_of_an_act_is_the_name_of_its_function() -> None:
    names = {kind: one.function.__name__.replace("_", " ") for kind, one in all_acts().items()}

    assert names == {kind: kind for kind in names}
    assert {kind_of(one.function) for one in all_acts().values()} == names.keys()
