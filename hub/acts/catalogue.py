"""All acts there are: who may do what is read from here, and what takes each back."""

from __future__ import annotations

from collections.abc import Mapping

from hub.acts import decisions, events, hub_clock, journal, kiosks, members, organisations
from hub.acts.doing import ACTS, Declared

MODULES = (organisations, events, members, kiosks, journal, decisions, hub_clock)


def all_acts() -> Mapping[str, Declared]:
    """Return every act by its kind; each of `MODULES` has declared its own while it was imported."""
    return ACTS
