"""Signs manifests and the shares in them. A share is money on the road: its points leave the allotment in the
transaction that signs it.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.intake.facts import shares_in_force
from hub.intake.moment import moment_for
from hub.ledger.posting import kiosk_holder
from hub.register.reference import load_events, lost_cards, move
from hub.service import Hub, instances
from hub.store.database import execute, execute_many, row
from sync.codec import WireError
from sync.envelope import MANIFEST
from sync.manifest import Manifest, Share, read_manifest, write_manifest


class ManifestRefused(Exception):
    """A manifest cannot be signed as things stand; the text says why. Nothing of it is kept."""


class ShareRefused(ManifestRefused):
    """A share cannot be changed in this way; the text says why."""


def assign(connection: sa.Connection, kiosk: bytes, event: int) -> None:
    """Let a kiosk serve an event; it takes effect with the next manifest."""
    execute(
        connection,
        "INSERT INTO assignment (kiosk, event) VALUES (:kiosk, :event) ON CONFLICT (kiosk, event) DO NOTHING",
        kiosk=kiosk,
        event=event,
    )


def sign_manifest(hub: Hub, connection: sa.Connection, kiosk: bytes, new_shares: tuple[Share, ...] = ()) -> Manifest:
    """Sign and keep the next manifest for a kiosk; `new_shares` replace the shares of their allotments. Raises
    ManifestRefused.
    """
    now_ms = moment_for(hub, connection, kiosk)
    instance = instances(connection)[-1]
    version = 1 + newest_version(connection, kiosk, instance.opened_ms)
    in_force = shares_in_force(connection, kiosk)
    for share in new_shares:
        before = in_force.get(share.allotment, (0, 0))
        _move_share(connection, kiosk, share, before, f"{instance.opened_ms}/{version}", now_ms)
        in_force[share.allotment] = (share.total, share.reserve)
    shares = tuple(Share(allotment, *in_force[allotment]) for allotment in sorted(in_force))
    name = row(connection, "SELECT name FROM kiosk WHERE kiosk = :kiosk", kiosk=kiosk).name
    manifest = Manifest(
        kiosk,
        instance,
        version,
        now_ms,
        load_events(connection, kiosk),
        shares,
        lost_cards(connection),
        (("kiosk", name),),
        (),
    )
    _keep(hub, connection, manifest)
    return manifest


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


def _move_share(
    connection: sa.Connection, kiosk: bytes, share: Share, before: tuple[int, int], mark: str, now_ms: int
) -> None:
    """Move the difference between the allotment and the kiosk. Lowering a total waits until the kiosk has named the
    lower manifest.
    """
    total, reserve = before
    if share.total < total:
        raise ShareRefused("端末枠は下げられません / a share's total is only ever raised while the kiosk is in use")
    difference = share.total + share.reserve - total - reserve
    out = ("out", kiosk_holder(kiosk), share.allotment)
    allotment = ("allotment", share.allotment, 0)
    name = ("share", f"{kiosk.hex()}/{share.allotment}/{mark}")
    if difference > 0:
        _refuse_overdraft(connection, share.allotment, difference)
        move(connection, name, allotment, out, difference, "share signed", now_ms)
    elif difference < 0:
        move(connection, name, out, allotment, -difference, "reserve lowered", now_ms)


def _refuse_overdraft(connection: sa.Connection, allotment: int, points: int) -> None:
    left = row(
        connection,
        "SELECT amount FROM account WHERE kind = 'allotment' AND holder = :holder AND part = 0",
        holder=allotment,
    )
    if left is None or left.amount < points:
        raise ShareRefused("付与枠が足りません / the allotment does not hold that many points")


def _signed(hub: Hub, manifest: Manifest) -> bytes:
    """Return the manifest, signed and read back as its kiosk will read it: what nobody can read must never be kept."""
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


def _keep(hub: Hub, connection: sa.Connection, manifest: Manifest) -> None:
    encoded = _signed(hub, manifest)
    execute(
        connection,
        """
        INSERT INTO manifest (kiosk, instance_ms, version, issued_ms, encoded)
        VALUES (:kiosk, :instance_ms, :version, :issued_ms, :encoded)
        """,
        kiosk=manifest.kiosk,
        instance_ms=manifest.instance.opened_ms,
        version=manifest.version,
        issued_ms=manifest.issued_ms,
        encoded=encoded,
    )
    execute_many(
        connection,
        """
        INSERT INTO share (kiosk, allotment, instance_ms, version, total, reserve)
        VALUES (:kiosk, :allotment, :instance_ms, :version, :total, :reserve)
        """,
        [
            {
                "kiosk": manifest.kiosk,
                "allotment": share.allotment,
                "instance_ms": manifest.instance.opened_ms,
                "version": manifest.version,
                "total": share.total,
                "reserve": share.reserve,
            }
            for share in manifest.shares
        ],
    )
