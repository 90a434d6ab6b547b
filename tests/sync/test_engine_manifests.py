"""How a kiosk comes by newer manifests, and by nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from wire_fakes import NEWER_KEYS, STRANGER, Line, MemoryHub, a_question, kiosk_with, no_time, without
from wire_samples import (
    MANIFEST_KEY,
    RESTORED_INSTANCE,
    key_list,
    manifest,
    online_keys,
)

from sync.engine import (
    exchange,
    take_key_list,
    take_manifest,
)
from sync.keys import KeyState, OnlineKey
from sync.manifest import write_manifest

# ---------------- manifests


def manifest_hub(encoded: bytes, version: int, **more: Any) -> MemoryHub:
    return MemoryHub(manifest=encoded, manifest_version=version, **more)


def test_a_newer_manifest_is_fetched_once() -> None:
    newer = write_manifest(MANIFEST_KEY, manifest(3))
    journal, hub = kiosk_with(1), manifest_hub(newer, 3)

    exchange(journal, Line(hub), no_time, a_question())
    exchange(journal, Line(hub), no_time, a_question())

    assert journal.manifest() == newer
    assert hub.asked == ["batch", "manifest", "batch"]


@pytest.mark.parametrize(
    ("encoded", "trouble"),
    [
        (write_manifest(MANIFEST_KEY, manifest(3, kiosk=bytes(8))), "manifest refused: not for this kiosk"),
        (write_manifest(MANIFEST_KEY, manifest(3, instance=RESTORED_INSTANCE)), "manifest refused: not for this kiosk"),
        (write_manifest(STRANGER, manifest(3)), "manifest refused: kid"),
        (write_manifest(MANIFEST_KEY, manifest(3))[:-1], "manifest refused: envelope"),
        (b"<html></html>", "manifest refused: envelope"),
    ],
)
def test_a_manifest_that_is_not_for_this_kiosk_is_not_kept(encoded: bytes, trouble: str) -> None:
    journal, hub = kiosk_with(1), manifest_hub(encoded, 3)

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done.manifest_trouble == trouble
    assert (done.trouble, done.waiting) == ("", 0)
    assert journal.manifest() is None


def test_an_older_manifest_is_not_kept() -> None:
    journal = kiosk_with(1)
    known = write_manifest(MANIFEST_KEY, manifest(3))
    journal.kept_manifest = known

    trouble = take_manifest(journal, write_manifest(MANIFEST_KEY, manifest(2)))

    assert trouble == ""
    assert journal.manifest() == known


def test_under_a_new_instance_a_manifest_may_have_a_lower_number() -> None:
    journal = kiosk_with(1)
    journal.kept_manifest = write_manifest(MANIFEST_KEY, manifest(9))
    take_key_list(journal, NEWER_KEYS)
    restored = write_manifest(MANIFEST_KEY, manifest(1, instance=RESTORED_INSTANCE))

    trouble = take_manifest(journal, restored)

    assert trouble == ""
    assert journal.manifest() == restored


def test_a_manifest_by_a_new_key_comes_with_the_key_list_that_names_it() -> None:
    keys = (*online_keys(), OnlineKey("manifest", STRANGER.public, KeyState.CURRENT))
    newer = write_manifest(STRANGER, manifest(3))
    journal, hub = kiosk_with(1), manifest_hub(newer, 3, key_list=key_list(2, keys=keys))

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done.manifest_trouble == ""
    assert journal.manifest() == newer


def test_a_manifest_whose_key_was_withdrawn_gives_way_to_any_other() -> None:
    keys = (
        *without(online_keys(), "manifest"),
        OnlineKey("manifest", MANIFEST_KEY.public, KeyState.WITHDRAWN),
        OnlineKey("manifest", STRANGER.public, KeyState.CURRENT),
    )
    honest = write_manifest(STRANGER, manifest(3))
    journal, hub = kiosk_with(1), manifest_hub(honest, 3, key_list=key_list(2, keys=keys), key_list_version=2)
    journal.kept_manifest = write_manifest(MANIFEST_KEY, manifest(10**6))

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.trouble, done.manifest_trouble) == ("", "")
    assert journal.manifest() == honest


def test_a_manifest_that_cannot_be_fetched_does_not_slow_the_entries_down() -> None:
    journal, hub = kiosk_with(5), MemoryHub(manifest_version=3)
    line = Line(hub)

    def cut() -> bytes:
        line.is_cut = True
        return line.get_key_list()

    line.get_manifest = cut  # type: ignore[method-assign]
    done = exchange(journal, line, no_time, a_question())

    assert (done.waiting, done.trouble, done.manifest_trouble) == (0, "", "no network")
    assert done.sample is not None
