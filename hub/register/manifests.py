"""Signs manifests and keeps them, with the shares in them. A share is money on the road; whoever signs one moves its
points in the same transaction (`hub/acts/money.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from hub.intake.facts import find_kiosk, lost_now
from hub.intake.moment import moment_for
from hub.register.events import load_events
from hub.service import Hub, instances, is_rolled_back
from hub.store.database import execute_many, insert, row, rows
from sync.codec import WireError
from sync.envelope import MANIFEST
from sync.manifest import Manifest, Share, read_manifest, write_manifest


class ManifestRefused(Exception):
    """A manifest cannot be signed as things stand; the text says why. Nothing of it is kept."""


def sign_manifest(
    hub: Hub,
    connection: sa.Connection,
    kiosk: bytes,
    act: bytes,
    new_shares: Iterable[Share],
    now_ms: int,
    *,
    is_preview: bool = False,
) -> Manifest:
    """Sign and keep the next manifest for a kiosk; `new_shares` replace the shares of their allotments, `now_ms` is the
    moment of its act. A preview signs nothing and keeps only the shares. Raises ManifestRefused.
    """
    instance = instances(connection)[-1]
    shares = {**shares_signed(connection, kiosk), **{share.allotment: share for share in new_shares}}
    found = find_kiosk(connection, kiosk)
    manifest = Manifest(
        kiosk,
        instance,
        1 + newest_version(connection, kiosk, instance.opened_ms),
        max(now_ms, moment_for(hub, connection, kiosk)),
        load_events(connection, kiosk),
        tuple(shares[allotment] for allotment in sorted(shares)),
        tuple(sorted(lost_now(connection))),
        (("kiosk", found.name if found is not None else ""),),
        (),
    )
    if not is_preview:
        _keep(connection, manifest, _signed(hub, connection, manifest), act)
    _keep_shares(connection, manifest)
    return manifest


def shares_signed(connection: sa.Connection, kiosk: bytes) -> dict[int, Share]:
    """Return the shares in the newest manifest of a kiosk by allotment. One that was lowered may still count as it was
    until the kiosk has named that manifest (`hub.intake.facts.shares_in_force`).
    """
    found = rows(
        connection,
        "SELECT allotment, total, reserve FROM share WHERE kiosk = :kiosk ORDER BY instance_ms, version",
        kiosk=kiosk,
    )
    return {one.allotment: Share(one.allotment, one.total, one.reserve) for one in found}


def newest_version(connection: sa.Connection, kiosk: bytes, instance_ms: int) -> int:
    """Return the newest manifest version signed for a kiosk under an instance, 0 for none."""
    newest = row(
        connection,
        "SELECT max(version) AS version FROM manifest WHERE kiosk = :kiosk AND instance_ms = :instance_ms",
        kiosk=kiosk,
        instance_ms=instance_ms,
    )
    return newest.version or 0


def newest_manifest(connection: sa.Connection, kiosk: bytes) -> bytes | None:
    """Return the newest manifest signed for a kiosk."""
    found = row(
        connection,
        "SELECT encoded FROM manifest WHERE kiosk = :kiosk ORDER BY instance_ms DESC, version DESC LIMIT 1",
        kiosk=kiosk,
    )
    return None if found is None else bytes(found.encoded)


def _signed(hub: Hub, connection: sa.Connection, manifest: Manifest) -> bytes:
    """Return the manifest, signed and read back as its kiosk will read it: what nobody can read must never be kept."""
    if is_rolled_back(connection):
        raise ManifestRefused(
            "このハブは古い控えに戻っているため、署名できません。hub restore を実行してください / "
            "this hub was rolled back and signs nothing; run `hub restore`"
        )
    encoded = write_manifest(hub.keyring.signer(MANIFEST), manifest)
    try:
        is_whole = read_manifest(encoded, hub.keyring.verifying(MANIFEST)) == manifest
    except WireError:
        is_whole = False
    if not is_whole:
        raise ManifestRefused(
            "端末が読めない設定になるため、署名しませんでした。イベントの日時と数を見なおしてください / "
            "not signed, because no kiosk could read it; look at the dates and numbers of its events"
        )
    return encoded


def _keep(connection: sa.Connection, manifest: Manifest, encoded: bytes, act: bytes) -> None:
    insert(
        connection,
        "manifest",
        kiosk=manifest.kiosk,
        instance_ms=manifest.instance.opened_ms,
        version=manifest.version,
        issued_ms=manifest.issued_ms,
        encoded=encoded,
        act=act,
    )


def _keep_shares(connection: sa.Connection, manifest: Manifest) -> None:
    execute_many(
        connection,
        """
        INSERT INTO share (kiosk, allotment, instance_ms, version, total, reserve)
        VALUES (:kiosk, :allotment, :instance_ms, :version, :total, :reserve)
        """,
        [
            {
                **share._asdict(),
                "kiosk": manifest.kiosk,
                "instance_ms": manifest.instance.opened_ms,
                "version": manifest.version,
            }
            for share in manifest.shares
        ],
    )
