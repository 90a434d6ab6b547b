"""A person has looked at the hub's clock and found it right."""

from __future__ import annotations

from hub.acts.doing import Doing, Outcome, act
from hub.acts.refusals import ActRefused, Refusal
from hub.own_clock import doubted, forget_doubt


@act("trust clock", counter="")
def trust_clock(doing: Doing) -> Outcome[None]:
    """Take what the hub's clock says now for right, and take batches in again. Refused where nothing is doubted."""
    if doubted(doing.connection) is None:
        raise ActRefused(Refusal.NOTHING_CHANGES)
    forget_doubt(doing.connection)
    if doing.hub.own_clock is not None and not doing.is_preview:
        doing.hub.own_clock.trust()
    return Outcome(None)
