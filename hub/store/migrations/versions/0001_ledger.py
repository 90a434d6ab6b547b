"""The first tables: reference records, arrived entries, the ledger, and progress.

Posted tables (entry, transfer, movement and everything an act leaves behind) only ever get INSERT;
`hub.store.append_only` keeps it. Progress tables may change. Member-side keys contain the bucket and are led by the
event (DESIGN §10).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.store import append_only

revision = "0001"
down_revision = None

BYTES = sa.LargeBinary
WHOLE = sa.BigInteger


def upgrade() -> None:
    """Make all tables."""
    _reference()
    _kiosks()
    _ledger()
    _acts()
    append_only.protect(op.get_bind())


def _table(name: str, key: str, *columns: sa.Column[object], checks: dict[str, str] | None = None) -> None:
    """Make a table whose rows lie in the order of its key (SQLite: WITHOUT ROWID), every constraint named."""
    constraints = [sa.CheckConstraint(text, name=f"{name}_{label}") for label, text in (checks or {}).items()]
    op.create_table(
        name, *columns, sa.PrimaryKeyConstraint(*key.split(), name=f"{name}_key"), *constraints, sqlite_with_rowid=False
    )


def _column(name: str, kind: object = WHOLE, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=optional)  # type: ignore[arg-type]  # a column type


def _reference() -> None:
    _table("organisation", "organisation", _column("organisation"), _column("name", sa.Text), _column("kind", sa.Text))
    _table(
        "allotment",
        "allotment",
        _column("allotment"),
        _column("organisation"),
        _column("fiscal_year"),
        _column("name", sa.Text),
    )
    _table(
        "event",
        "event version",
        _column("event"),
        _column("version"),
        _column("name", sa.Text),
        _column("starts_ms"),
        _column("ends_ms"),
        _column("allotment"),
        checks={"window": "starts_ms <= ends_ms"},
    )
    _table(
        "activity",
        "event version activity",
        _column("event"),
        _column("version"),
        _column("activity"),
        _column("name", sa.Text),
        _column("rule", BYTES),
        _column("occasion_by"),
        _column("daily_limit"),
        _column("slots", BYTES),
    )
    _table(
        "member", "bucket member", _column("bucket"), _column("member"), _column("state", sa.Text), _column("since_ms")
    )
    _table(
        "card",
        "bucket member issue",
        _column("bucket"),
        _column("member"),
        _column("issue"),
        _column("kind", sa.Text),
        _column("made_ms"),
    )
    _table(
        "lost_card", "bucket member issue", _column("bucket"), _column("member"), _column("issue"), _column("lost_ms")
    )


def _kiosks() -> None:
    _table("key_list", "version", _column("version"), _column("encoded", BYTES))
    _table("instance", "opened_ms mark", _column("opened_ms"), _column("mark", BYTES), _column("reason", sa.Text))
    _table("hub_state", "name", _column("name", sa.Text), _column("value", sa.Text))
    _table(
        "enrolment",
        "enrolment",
        _column("enrolment", BYTES),
        _column("code", BYTES, optional=True),
        _column("name", sa.Text),
        _column("organisation"),
        _column("expires_ms"),
        _column("state", sa.Text),
        _column("public_key", BYTES, optional=True),
        _column("software", sa.Text, optional=True),
    )
    _table(
        "kiosk",
        "kiosk",
        _column("kiosk", BYTES),
        _column("public_key", BYTES),
        _column("serial"),
        _column("name", sa.Text),
        _column("organisation"),
        _column("certificate", BYTES),
        _column("approved_ms"),
    )
    _table(
        "kiosk_progress",
        "kiosk",
        _column("kiosk", BYTES),
        _column("head_seq"),
        _column("cursor_seq"),
        _column("cursor_hash", BYTES),
        _column("receipt_number"),
        _column("last_contact_ms"),
        _column("is_plain"),
        _column("beyond", BYTES),
        _column("fold", BYTES),
    )
    _table(
        "kiosk_count",
        "kiosk verdict",
        _column("kiosk", BYTES),
        _column("verdict", sa.Text),
        _column("grants"),
        _column("points"),
    )
    _table("assignment", "kiosk event", _column("kiosk", BYTES), _column("event"))
    _table(
        "manifest",
        "kiosk instance_ms version",
        _column("kiosk", BYTES),
        _column("instance_ms"),
        _column("version"),
        _column("issued_ms"),
        _column("encoded", BYTES),
    )
    _table(
        "share",
        "kiosk allotment instance_ms version",
        _column("kiosk", BYTES),
        _column("allotment"),
        _column("instance_ms"),
        _column("version"),
        _column("total"),
        _column("reserve"),
        checks={"not_negative": "total >= 0 AND reserve >= 0"},
    )


def _ledger() -> None:
    _table(
        "entry",
        "kiosk seq hash",
        _column("kiosk", BYTES),
        _column("seq"),
        _column("hash", BYTES),
        _column("arrived_ms"),
        _column("encoded", BYTES),
    )
    _table(
        "transfer",
        "event bucket member activity occasion turn",
        _column("event"),
        _column("bucket"),
        _column("member"),
        _column("activity"),
        _column("occasion"),
        _column("turn"),
        _column("kiosk", BYTES),
        _column("seq"),
        _column("hash", BYTES),
        _column("points"),
        _column("owed"),
        _column("allotment"),
        _column("from_share"),
        _column("occurred_ms"),
        _column("posted_ms"),
        _column("reason", sa.Text, optional=True),
        checks={
            "moves_points": "points <> 0",
            "owed_only_back": "owed >= 0 AND (owed = 0 OR points + owed <= 0)",
            "first_is_a_grant": "turn > 0 OR points > 0",
        },
    )
    _table(
        "aside",
        "event bucket member activity occasion kiosk seq hash",
        _column("event"),
        _column("bucket"),
        _column("member"),
        _column("activity"),
        _column("occasion"),
        _column("kiosk", BYTES),
        _column("seq"),
        _column("hash", BYTES),
        _column("points"),
        _column("allotment"),
        _column("from_share"),
        _column("occurred_ms"),
        _column("verdict", sa.Text),
        _column("reason", sa.Text),
        _column("since_ms"),
        checks={"verdict_known": "verdict IN ('duplicate', 'held', 'dismissed')"},
    )
    op.create_index("aside_by_kiosk", "aside", ["kiosk", "seq"])
    _table(
        "flag",
        "kiosk seq hash flag",
        _column("kiosk", BYTES),
        _column("seq"),
        _column("hash", BYTES),
        _column("flag", sa.Text),
    )
    _table(
        "movement",
        "kind mark",
        _column("kind", sa.Text),
        _column("mark", sa.Text),
        _column("source", sa.Text),
        _column("source_holder"),
        _column("source_part"),
        _column("target", sa.Text),
        _column("target_holder"),
        _column("target_part"),
        _column("points"),
        _column("reason", sa.Text),
        _column("posted_ms"),
        checks={"moves_points": "points > 0"},
    )
    _table(
        "account", "kind holder part", _column("kind", sa.Text), _column("holder"), _column("part"), _column("amount")
    )
    _table(
        "member_balance",
        "bucket member",
        _column("bucket"),
        _column("member"),
        _column("held"),
        _column("owed"),
        checks={"never_below_zero": "held >= 0 AND owed >= 0"},
    )


def _acts() -> None:
    _table(
        "act",
        "act",
        _column("act", BYTES),
        _column("kind", sa.Text),
        _column("subject", sa.Text),
        _column("reason", sa.Text),
        _column("done_by", sa.Text),
        _column("done_ms"),
        checks={"has_a_reason": "length(reason) > 0"},
    )
    _table(
        "decision",
        "kiosk seq hash",
        _column("kiosk", BYTES),
        _column("seq"),
        _column("hash", BYTES),
        _column("kind", sa.Text),
        _column("act", BYTES),
        checks={"kind_known": "kind IN ('release', 'dismiss')"},
    )
    _table(
        "fence",
        "kiosk kind",
        _column("kiosk", BYTES),
        _column("kind", sa.Text),
        _column("tip_seq"),
        _column("tip_hash", BYTES),
        _column("fork_seq"),
        _column("act", BYTES, optional=True),
        _column("since_ms"),
        checks={"kind_known": "kind IN ('fork', 'fenced', 'revoked')"},
    )
    _table(
        "accepted_hole",
        "kiosk first_seq",
        _column("kiosk", BYTES),
        _column("first_seq"),
        _column("last_seq"),
        _column("act", BYTES),
    )
