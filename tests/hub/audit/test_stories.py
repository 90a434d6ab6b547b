"""Audit and watch agree with the hub through any story. A seed tells the same story again."""

from __future__ import annotations

import pytest
from audit_story import Story

from hub.audit import audit
from hub.audit.watch import check_keys, check_sample
from hub.store.database import Store

STEPS, EVERY = 90, 15


@pytest.mark.parametrize("seed", range(12))
def test_the_audit_and_the_watch_agree_with_the_hub_through_any_story(sqlite: Store, seed: int) -> None:
    story = Story(sqlite, seed)
    hub = story.world.hub
    found = []

    for _ in range(STEPS // EVERY):
        for _ in range(EVERY):
            story.step()
        touched = {key for keys in hub.watched.touched for key in keys}
        hub.watched.touched.clear()
        found += [one for one in audit(sqlite, hub.keyring) if not one.is_note]
        found += check_keys(sqlite, hub.keyring, touched)
        found += check_sample(sqlite, hub.keyring, seed, 20)

    assert found == [], story.told


def test_stories_are_told_on_the_other_engine_too(store: Store) -> None:
    story = Story(store, 100)

    for _ in range(STEPS):
        story.step()

    assert [one for one in audit(store, story.world.hub.keyring) if not one.is_note] == [], story.told
