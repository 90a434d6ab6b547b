"""Signs new settings for a kiosk within an act."""

from __future__ import annotations

from collections.abc import Iterable

from hub.acts.doing import Doing
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.moment import moment_for
from hub.register.manifests import ManifestRefused, sign_manifest
from sync.manifest import Manifest, Share


def sign(doing: Doing, kiosk: bytes, shares: Iterable[Share] = ()) -> Manifest:
    """Sign the next manifest of a kiosk, at a moment that is not before anything that has arrived from it. Raises
    ActRefused where nobody could read it; a preview signs nothing.
    """
    now_ms = max(doing.now_ms, moment_for(doing.hub, doing.connection, kiosk))
    try:
        return sign_manifest(
            doing.hub, doing.connection, kiosk, doing.number, shares, now_ms, is_preview=doing.is_preview
        )
    except ManifestRefused as refused:
        raise ActRefused(Refusal.NOT_SIGNED, what=refused) from refused
