"""Two clerks, or one who clicks twice, at the same moment: on PostgreSQL two hubs really work at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Barrier, Event, Thread, current_thread
from typing import Any

import pytest
import sqlalchemy as sa
from act_samples import SCENES, scene, with_grants
from hub_invariants import broken_invariants
from hub_world import CLERK, World, activities
from wire_samples import MORNING_MS

from hub.acts.doing import new_number, perform
from hub.acts.events import change_event
from hub.acts.kiosks import stop_kiosk, top_up
from hub.acts.members import end_account, make_unknown
from hub.acts.organisations import close_organisation
from hub.acts.refusals import ActRefused, Refusal
from hub.audit import audit
from hub.intake.reasons import Reason
from hub.store.database import Store, row
from sync.citytime import DAY_MS

PATIENCE_SECONDS = 60


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do several things at the same moment; return what came of each, its refusal where it was refused."""
    gate = Barrier(len(deeds))
    came: list[Any] = [None] * len(deeds)

    def run(place: int, deed: Callable[[], Any]) -> None:
        gate.wait(PATIENCE_SECONDS)
        try:
            came[place] = deed()
        except ActRefused as refused:
            came[place] = refused.refusal

    threads = [Thread(target=run, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    return came


@pytest.fixture
def world(postgres: Store) -> World:
    return World(postgres)


@pytest.mark.parametrize("kind", ["add members", "top up", "approve kiosk", "change event", "dismiss", "stop kiosk"])
def test_one_form_sent_twice_at_the_same_moment_is_done_once(world: World, kind: str) -> None:
    told = scene(world, kind)
    number = new_number(world.hub, CLERK, kind)

    one, other = at_once(
        *[lambda: perform(world.hub, CLERK, number, "見本", told.act, *told.arguments) for _ in range(2)]
    )

    with world.store.reading() as connection:
        acts = row(connection, "SELECT count(*) AS acts FROM act WHERE act = :act", act=number).acts
    assert sorted((one.was_done_before, other.was_done_before)) == [False, True]
    assert (one.made, acts) == (other.made, 1)
    assert broken_invariants(world) == []
    assert kind in SCENES


def test_of_two_clerks_at_the_same_moment_one_is_told_what_the_other_has_changed(world: World) -> None:
    booth = with_grants(world)
    told: list[tuple[Any, tuple[Any, ...], Refusal]] = [
        (close_organisation, (world.organisation, 1), Refusal.GROUND_CHANGED),
        (stop_kiosk, (booth.kiosk,), Refusal.STANDS_SO),
        (end_account, (world.members[0],), Refusal.NOT_OPEN),
    ]

    for act, arguments, refusal in told:
        came = at_once(*[lambda act=act, arguments=arguments: world.do(act, *arguments) for _ in range(2)])

        assert [one for one in came if isinstance(one, Refusal)] == [refusal]
    assert broken_invariants(world) == []


def test_a_share_and_the_batches_that_need_it_may_come_at_the_same_moment(world: World) -> None:
    booth = world.booth(total=50)
    for person in range(30):
        booth.grant(person)
    booth.send(last_seq=2)

    at_once(
        lambda: [booth.send(last_seq=seq) for seq in range(3, 32)],
        lambda: [world.do(top_up, booth.kiosk, world.allotment, 50) for _ in range(29)],
    )

    assert world.verdicts() == {"posted": (30, 1_500)}
    assert broken_invariants(world) == []


@contextmanager
def held_before_its_commit(store: Store, deed: Callable[[], Any]) -> Iterator[None]:
    """Do something in a thread of its own up to its commit, and commit at the end."""
    reached, may_go = Event(), Event()

    def hold(_connection: sa.Connection) -> None:
        if current_thread() is doer:
            reached.set()
            may_go.wait(PATIENCE_SECONDS)

    doer = Thread(target=deed)
    sa.event.listen(store.engine, "commit", hold)
    try:
        doer.start()
        assert reached.wait(PATIENCE_SECONDS)
        yield
    finally:
        may_go.set()
        doer.join(PATIENCE_SECONDS)
        sa.event.remove(store.engine, "commit", hold)


def has_to_wait(store: Store, deed: Thread) -> bool:
    """Start something, and tell whether it comes to wait for a lock before it is through."""
    text = """
        SELECT count(*) AS waiting FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE NOT l.granted AND a.datname = current_database()
    """
    deed.start()
    with store.reading() as connection:
        while deed.is_alive():
            if row(connection, text).waiting:
                return True
    return False


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (end_account, Reason.MEMBER_ENDED),
        (make_unknown, Reason.MEMBER_UNKNOWN),
        (change_event, Reason.TIME),
    ],
)
def test_the_first_batch_of_a_kiosk_waits_for_an_act_that_changes_what_it_is_judged_by(
    world: World, act: Callable[..., Any], reason: Reason
) -> None:
    last_week = (MORNING_MS - 7 * DAY_MS, MORNING_MS - 6 * DAY_MS)
    about_event = (world.event, 1, "見本まつり", *last_week, world.allotment, activities())
    booth = world.booth()
    booth.grant(0)

    first_batch = Thread(target=booth.send)
    with held_before_its_commit(
        world.store, lambda: world.do(act, *(about_event if act is change_event else world.members[:1]))
    ):
        world.now_ms += 5_000
        waited = has_to_wait(world.store, first_batch)
    first_batch.join(PATIENCE_SECONDS)

    assert (waited, world.reasons(booth)) == (True, {2: ("held", reason)})
    assert [one for one in audit(world.store, world.hub.keyring) if not one.is_note] == []
